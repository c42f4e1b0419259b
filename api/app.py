"""The composition root of HTTP: every router by name, and in front of each the gate.

Nothing is found by scanning: what is not in a list here is not served. A router is public only by standing in `PUBLIC`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI
from psycopg import Connection
from psycopg_pool import ConnectionPool
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from alerts.rules import load_rules
from api import health, login, metrics, pages, problems, queries
from api.access import guard
from api.client import trusted_networks
from api.clinic import load_clinic
from api.events import Broadcast
from api.passwords import Passwords
from api.routes import (
    addresses,
    alerts,
    assignments,
    contacts,
    coverage,
    devices,
    events,
    hand_overs,
    limit_previews,
    limits,
    me,
    measurements,
    on_call,
    openapi,
    patients,
    programmes,
    quarantine,
    questionnaires,
    rules,
    schedules,
    scorecards,
    silences,
    staff,
    suppressed,
    teams,
    tokens,
    unattributed,
    watch,
)
from api.settings import Settings
from api.shield import Shield, trusted_hosts
from api.templating import STATIC, make_environment
from api.watch.beating import beating
from api.watch.house import House
from api.watch.pace import Pace
from database.instance import Instance
from ingest.credentials import Credentials

#: routers that answer without a viewer; tests hold this list against every route of the application
PUBLIC: Final[tuple[APIRouter, ...]] = (login.public, health.router, metrics.router)
#: routers that ask for the viewer themselves before anything else; tests hold every route to it
OWN_GATE: Final[tuple[APIRouter, ...]] = (pages.live, watch.router)
#: routers behind the gate
GUARDED: Final[tuple[APIRouter, ...]] = (login.guarded, *pages.routers)

#: the JSON interface, behind the gate too
API: Final[tuple[APIRouter, ...]] = (
    openapi.router,
    me.router,
    patients.router,
    measurements.router,
    addresses.router,
    programmes.router,
    limit_previews.router,
    limits.router,
    schedules.router,
    questionnaires.router,
    alerts.router,
    silences.router,
    suppressed.router,
    contacts.router,
    coverage.router,
    hand_overs.router,
    teams.router,
    on_call.router,
    devices.router,
    assignments.router,
    unattributed.router,
    quarantine.router,
    rules.router,
    scorecards.router,
    staff.router,
    tokens.router,
    events.router,
)


def create_app(
    settings: Settings,
    pool: ConnectionPool[Connection[Any]],
    *,
    credentials: Credentials | None = None,
    passwords: Passwords | None = None,
    instance: Instance | None = None,
) -> FastAPI:
    """Return the application; it opens no socket, and takes its database from the pool alone.

    `credentials` reach the broker that devices sign in to; without them devices cannot be added or revoked here.
    With an `instance` the application writes its heartbeat.
    Raises alerts.rule_files.RuleError, care.programme.ProgrammeError and api.settings.SettingsError.
    """
    app = FastAPI(
        title="Wardlight",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        redirect_slashes=False,
        middleware=[
            Middleware(Shield, hosts=trusted_hosts(settings.public_url), is_https=settings.public_url.startswith("https://"))
        ],
    )
    app.state.settings = settings
    app.state.trusted = trusted_networks(settings.trusted_proxies)
    app.state.pool = pool
    app.state.passwords = passwords or Passwords()
    app.state.credentials = credentials
    app.state.rules = load_rules(settings.rules_dir)
    app.state.clinic = load_clinic(settings, app.state.rules)
    app.state.templates = make_environment()
    app.state.house = House(Pace(settings.watch_pace))
    app.state.instance = instance
    app.state.broadcast = Broadcast(settings.database_url, partial(_last_received, pool))
    problems.install(app)
    for router in (*PUBLIC, *OWN_GATE):
        app.include_router(router)
    for router in GUARDED:
        app.include_router(router, dependencies=[Depends(guard)])
    for router in API:
        app.include_router(router, prefix="/api/v1", dependencies=[Depends(guard)])
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    every = app.state.house.pace.beat_every
    async with app.state.broadcast.running(), beating(app.state.pool, app.state.instance, every):
        yield


def _last_received(pool: ConnectionPool[Connection[Any]]) -> object:
    with pool.connection() as conn:
        return queries.last_received(conn)
