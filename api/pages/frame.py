"""What every page has around it: the reader, how times are said, and whether readings are flowing."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from psycopg import Connection
from starlette.responses import HTMLResponse

from api.access import Viewer
from api.pages.facts import Reader
from api.pages.say import Say
from api.templating import render
from api.watch.house import House


def reader_of(who: Viewer) -> Reader:
    """Return how a viewer likes to read."""
    return Reader(who.public_id, ZoneInfo(who.zone), who.units, who.glucose_unit)


def house_of(request: Request) -> House:
    """Return this process's view of the house."""
    house: House = request.app.state.house
    return house


def show(
    request: Request,
    conn: Connection[Any],
    who: Viewer,
    now: datetime,
    template: str,
    *,
    active: str = "",
    status: int = 200,
    **context: Any,
) -> HTMLResponse:
    """Render a page in its frame; `active` is the address of the part of the house it belongs to."""
    say = Say(reader_of(who), now)
    pulse = house_of(request).look(conn, now)
    return render(request, template, who, status=status, say=say, pulse=pulse, active=active, **context)
