"""The coordinator's web app: pages and fragments, server-rendered, re-fetched when an event says so.

`routers` is the list that `api.app` includes behind the gate. Nothing here answers without a viewer.
"""

from fastapi import APIRouter

from api.pages import (
    alert_page,
    hand_over_page,
    house_page,
    own_addresses,
    patient_page,
    people_pages,
    plan_page,
    queue_pages,
    reaching_pages,
    rule_pages,
    team_pages,
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
    reaching_pages.router,
    team_pages.router,
    hand_over_page.router,
    own_addresses.router,
    triage_pages.router,
    queue_pages.router,
    rule_pages.router,
    house_page.router,
]
