"""The worklist: the page, the fragment that live screens fetch when something changed, and what is done from a row.

An edge: takes a look at the board, lets `worklist` decide order and words, and renders. A row is rendered once per change
and reader, since twenty screens ask within the same moment; they tick its ages themselves.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from jinja2 import Environment
from markupsafe import Markup
from starlette.responses import Response

from alerts.alert import DISPOSITIONS
from api.access import Form, SignedIn, record, viewer
from api.pages import queries
from api.pages.board import Board, Look
from api.pages.facts import OpenAlert
from api.pages.forms import done, fill
from api.pages.frame import reader_of, show
from api.pages.say import Say
from api.pages.worklist import QUEUES, Case, Queue, build_row, lead, sort
from api.problems import Problem, not_found
from api.routes import alerts as interface
from api.templating import render
from api.transaction import Now, Transaction

router = APIRouter(include_in_schema=False)
#: its own gate: every open screen asks at the same moment, so a thread and a connection are taken once for all of a request
live = APIRouter(include_in_schema=False)

#: rendered rows that are kept; past it the cache starts anew
_KEPT: Final = 4_000
#: most alerts that one click may concern
_AT_ONCE: Final = 100
#: rows that a screen is sent unless it asks for all: a storm must stay readable, and the most urgent stand first
_ROWS: Final = 100


@router.get("/")
def worklist_page(
    request: Request, who: SignedIn, conn: Transaction, now: Now, queue: str = "clinical", rows: str = ""
) -> Response:
    """Show who needs a person."""
    chosen, reader = _queue(queue), reader_of(who)
    look = _board(request).look(conn, now)
    every = sort(look.cases.values(), chosen, reader)
    pairs = every if rows == "all" else every[:_ROWS]
    record(conn, who, "read_worklist", "worklist", now, queue=chosen)
    return show(
        request,
        conn,
        who,
        now,
        "worklist.html",
        active="/",
        queue=chosen,
        queues=QUEUES,
        lead=lead(look.cases.values(), chosen, look.total, reader, now),
        look=look,
        rows=[build_row(case, own, reader, now) for case, own in pairs],
        rest=len(every) - len(pairs),
        shown_rows=rows,
        mark=look.mark,
        dispositions=DISPOSITIONS.items(),
    )


@live.get("/worklist/rows")
async def worklist_rows(
    request: Request, queue: str = "clinical", since: Annotated[str, Query()] = "", rows: str = ""
) -> Response:
    """Send the rows that changed since a screen's mark, the order of all, and what became of those that left."""
    return await asyncio.to_thread(_rows, request, _queue(queue), since, rows)


def _rows(request: Request, chosen: Queue, since: str, shown_rows: str) -> Response:
    now = datetime.now(UTC)
    with request.app.state.pool.connection() as conn:
        conn.autocommit = True  # it reads, and each statement may see the latest: no transaction to begin and end
        try:
            who = viewer(request, conn, now)
            look = _board(request).look(conn, now)
        finally:
            conn.autocommit = False
    reader = reader_of(who)
    known = look.since(since)
    every = sort(look.cases.values(), chosen, reader)
    pairs = every if shown_rows == "all" else every[:_ROWS]
    changed = [pair for pair in pairs if known is None or look.changed[pair[0].person.id] > known]
    say = Say(reader, now)
    return render(
        request,
        "worklist_rows.html",
        who,
        say=say,
        pulse=look.pulse,
        queue=chosen,
        queues=QUEUES,
        lead=lead(look.cases.values(), chosen, look.total, reader, now),
        look=look,
        rest=len(every) - len(pairs),
        shown_rows=shown_rows,
        rows=[_rendered(request, look, case, own, chosen, say) for case, own in changed],
        order=[case.person.public_id for case, _ in pairs],
        mark=look.mark,
        is_full=known is None,
        gone=[(key, said) for key, (number, _, said) in look.gone.items() if known is None or number > known],
    )


@router.get("/pulse")
def pulse(request: Request, who: SignedIn, conn: Transaction, now: Now) -> Response:
    """Send whether readings are flowing and what is wrong, for the head of any page that stays open."""
    return show(request, conn, who, now, "pulse_again.html")


@router.post("/worklist/acknowledge")
def acknowledge(request: Request, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Take on the alerts that the row showed, and no others that have opened since."""
    for alert in named(conn, form):
        interface.acknowledge(alert.public_id, who, conn, now)
    return done(request, form, "/")


@router.post("/worklist/undo")
def undo(request: Request, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Take back acknowledgements of one's own."""
    for alert in named(conn, form, closed=True):
        if alert.acknowledged_by != who.public_id:
            raise Problem(409, "not_yours", "somebody else took this on, who alone can take that back")
        interface.unacknowledge(alert.public_id, who, conn, now)
    return done(request, form, "/")


@router.post("/worklist/resolve")
def resolve(request: Request, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Close alerts with what they came to."""
    if form.get("disposition") not in DISPOSITIONS:
        raise Problem(422, "invalid", "say what it came to: choose one of the answers")
    body = fill(interface.Resolution, {"disposition": form["disposition"], "note": form.get("note", "")})
    for alert in named(conn, form):
        interface.resolve(alert.public_id, body, who, conn, now)
    return done(request, form, "/")


def named(conn: Transaction, form: dict[str, str], closed: bool = False) -> list[OpenAlert]:
    """Return the alerts that a form names, ascending. Raises a problem where there is none."""
    names = form.get("alerts", "").split()[:_AT_ONCE]
    found = [queries.find_alert(conn, name) for name in dict.fromkeys(names)]
    if not names or None in found:
        raise not_found("alert")
    # in one order, as everybody who locks alerts does
    return sorted((alert for alert in found if alert and (closed or alert.closed_at is None)), key=lambda alert: alert.id)


def _queue(name: str) -> Queue:
    return next((known for known, _ in QUEUES if known == name), "clinical")


def _board(request: Request) -> Board:
    """Return this process's board."""
    state = request.app.state
    if not hasattr(state, "board"):
        state.board, state.rendered_rows = Board(state.house), {}
    board: Board = state.board
    return board


def _rendered(request: Request, look: Look, case: Case, own: tuple[OpenAlert, ...], queue: Queue, say: Say) -> Markup:
    kept: dict[object, Markup] = request.app.state.rendered_rows
    # a row says "yours" and "you" to those it is about; everybody else who reads alike is sent the same one
    involved = {case.person.coordinator}.union(*((alert.acknowledged_by, alert.assigned_to) for alert in case.alerts))
    reader = say.reader if say.reader.staff in involved else replace(say.reader, staff="")
    key = (look.epoch, case.person.id, look.changed[case.person.id], queue, reader)
    html = kept.get(key)
    if html is None:
        environment: Environment = request.app.state.templates
        row = build_row(case, own, say.reader, say.now)
        html = Markup(environment.get_template("worklist_row_alone.html").render(row=row, say=say, queue=queue))  # noqa: S704 a template's own output
        if len(kept) >= _KEPT:
            kept.clear()
        kept[key] = html
    return html
