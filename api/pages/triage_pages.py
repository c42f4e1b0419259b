"""What is not shown or not sent, and what cleared by itself; and what people do about it: own, give, comment, silence.

An edge. What a form changes goes through the same functions as the JSON interface.
"""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from alerts.triage import queries as triage
from alerts.triage.ledger import ENDS, KINDS, count_entries, list_entries
from api.access import Form, SignedIn, record
from api.pages import queries
from api.pages.board import DAY
from api.pages.forms import done, fill
from api.pages.frame import reader_of, show
from api.pages.reasons import describe, name_of
from api.pages.worklist_page import named
from api.problems import not_found
from api.routes import alerts as interface
from api.routes import silences
from api.transaction import Now, Transaction
from care.queries import find_patient
from devices.vitals import COLUMN, VITALS

router = APIRouter(include_in_schema=False)

#: most rows of a list
_MOST: Final = 300


@router.get("/suppressed")
def suppressed_page(
    request: Request, who: SignedIn, conn: Transaction, now: Now, kind: str = "", patient: str = ""
) -> Response:
    """List what is not shown or not sent, and what was within a day."""
    person = find_patient(conn, patient) if patient else None
    if patient and person is None:
        raise not_found("patient")
    chosen, key = kind if kind in KINDS else None, person.id if person else None
    since = now - DAY
    current = list_entries(conn, is_current=True, since=since, limit=_MOST, patient_id=key, kind=chosen)
    ended = list_entries(conn, is_current=False, since=since, limit=_MOST, patient_id=key, kind=chosen)
    in_force = [row for row in triage.list_silences(conn, now) if key in (None, row.patient_id)]
    wanted = {entry.patient_id for entry in (*current, *ended)} | {row.patient_id for row in in_force}
    record(conn, who, "list_suppressed", "suppressed", now, count=len(current))
    return show(
        request,
        conn,
        who,
        now,
        "suppressed.html",
        active="/",
        current=current,
        ended=ended,
        most=_MOST,
        silences=[(row, f"{row.silence.direction} {name_of(VITALS[COLUMN[row.silence.vital]])}") for row in in_force],
        people=queries.load_people(conn, sorted(wanted)),
        counts=count_entries(conn, since),
        kinds=KINDS,
        ends=ENDS,
        kind=chosen,
        patient=person,
    )


@router.get("/cleared")
def cleared_page(request: Request, who: SignedIn, conn: Transaction, now: Now) -> Response:
    """List clinical alerts that went away by themselves within a day, so that somebody sees them."""
    found, reader = queries.list_cleared(conn, now - DAY, _MOST), reader_of(who)
    record(conn, who, "list_cleared", "alerts", now, count=len(found))
    return show(
        request,
        conn,
        who,
        now,
        "cleared.html",
        active="/",
        alerts=[(alert, describe(alert, reader)) for alert in found],
        people=queries.load_people(conn, sorted({alert.patient_id for alert in found})),
    )


@router.post("/worklist/own")
def own(request: Request, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Give oneself what the row shows."""
    body = interface.Given(staff=who.public_id)
    for alert in named(conn, form):
        interface.assign(alert.public_id, body, who, conn, now)
    return done(request, form, "/")


@router.post("/worklist/disown")
def disown(request: Request, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Give back what was given to somebody."""
    for alert in named(conn, form):
        interface.unassign(alert.public_id, who, conn, now)
    return done(request, form, "/")


@router.post("/worklist/silence")
def silence(request: Request, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Silence the vital and direction of an alert for some hours."""
    given = {"alert": form.get("alerts", ""), "hours": form.get("hours", ""), "reason": form.get("reason", "")}
    silences.add_silence(fill(silences.NewSilence, given), who, conn, now)
    return done(request, form, "/")


@router.post("/worklist/unsilence")
def unsilence(request: Request, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """End the silences over what an alert is about: the undo of having set one."""
    for alert in named(conn, form):
        for row in triage.list_silences(conn, now):
            about = (row.patient_id, row.silence.vital, row.silence.direction)
            if about == (alert.patient_id, alert.subject, alert.direction):
                silences.end_silence(row.silence.public_id, who, conn, now)
    return done(request, form, "/")


@router.post("/silences/{public_id}/end")
def end_silence(request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """End one silence."""
    silences.end_silence(public_id, who, conn, now)
    return done(request, form, "/suppressed")


@router.post("/alerts/{public_id}/comment")
def comment(request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Write something down about an alert."""
    interface.comment(public_id, fill(interface.Comment, {"text": form.get("text", "")}), who, conn, now)
    return done(request, form, f"/alerts/{public_id}")


@router.post("/alerts/{public_id}/assign")
def assign(request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Give an alert to a colleague, or to nobody."""
    if form.get("staff"):
        interface.assign(public_id, fill(interface.Given, {"staff": form["staff"]}), who, conn, now)
    else:
        interface.unassign(public_id, who, conn, now)
    return done(request, form, f"/alerts/{public_id}")
