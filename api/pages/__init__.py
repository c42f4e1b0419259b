"""The coordinator's web app: pages and fragments, server-rendered, re-fetched when an event says so.

`routers` is the list that `api.app` includes behind the gate. Nothing here answers without a viewer.
"""

from fastapi import APIRouter

from api.pages import (
    alert_page,
    house_page,
    patient_page,
    people_pages,
    plan_page,
    queue_pages,
    triage_pages,
    worklist_page,
)

#: asks for the viewer itself, in the one thread that it takes
live: APIRouter = worklist_page.live

routers: list[APIRouter] = [
    worklist_page.router,
    people_pages.router,
    plan_page.router,
    patient_page.router,
    alert_page.router,
    triage_pages.router,
    queue_pages.router,
    house_page.router,
]
