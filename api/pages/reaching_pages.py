"""Reaching people about an alert, as parts of its page: who was paged and what comes next, contact attempts, physicians.

An edge. `load_reaching` gives the parts (`alert_ladder.html`, `alert_contact.html`, `alert_sbar.html`) what they show; forms
go through the functions of the JSON interface, so that both do the same thing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from psycopg import Connection
from starlette.responses import Response

from alerts import queries as alerts
from alerts.escalation import calls
from alerts.escalation import queries as escalation
from alerts.escalation.contact import DECISIONS, OUTCOMES
from alerts.escalation.outlook import Outlook, load_outlook
from alerts.escalation.queries import PageSent
from alerts.escalation.sbar import Draft, Sbar
from api.access import Form, SignedIn, Viewer
from api.pages.forms import done, fill
from api.problems import not_found
from api.routes import contacts as routes
from api.routes.contacts import Contacts
from api.transaction import Now, Transaction
from care import queries as care
from care.staff import Staff

router = APIRouter(include_in_schema=False)

_SBAR_PARTS = ("situation", "background", "assessment", "recommendation", "physician")


@dataclass(frozen=True, slots=True)
class Reaching:
    """What the parts show."""

    #: random id of the alert
    alert: str
    is_open: bool
    #: None where nobody was to be told
    outlook: Outlook | None
    pages: list[PageSent]
    contacts: Contacts
    sbars: list[Sbar]
    draft: Draft
    #: who may be asked: clinicians first
    physicians: list[Staff]
    #: what came of an attempt, what is decided → the words for it
    outcomes: dict[str, str]
    decisions: dict[str, str]


def load_reaching(conn: Connection[Any], public_id: str, who: Viewer, now: datetime) -> Reaching:
    """Return what the parts of an alert's page show; three more queries than the page itself. Raises a 404 problem."""
    alert = alerts.find_alert(conn, public_id)
    if alert is None:
        raise not_found("alert")
    able = [staff for staff in care.list_staff(conn) if staff.disabled_at is None and staff.id != who.staff_id]
    return Reaching(
        public_id,
        alert.closed_at is None,
        load_outlook(conn, alert.id, now),
        escalation.list_pages(conn, alert.id),
        routes.contacts_of(conn, alert.patient_id, now),
        calls.list_sbars(conn, alert.id),
        routes.draft_of(conn, alert, who, now),
        sorted(able, key=lambda staff: (staff.role != "clinician", staff.name)),
        {str(outcome): words for outcome, words in OUTCOMES.items()},
        {str(decision): words for decision, words in DECISIONS.items()},
    )


@router.post("/alerts/{public_id}/contacts")
def add_contact(request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Write down an attempt to speak with somebody."""
    given = {name: form.get(name, "") for name in ("whom", "how", "outcome", "note")}
    routes.add_contact(public_id, fill(routes.AttemptBody, given), who, conn, now)
    return done(request, form, f"/alerts/{public_id}")


@router.post("/alerts/{public_id}/welfare-check")
def decide_welfare_check(request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Decide whether somebody is sent to look."""
    given = {name: form.get(name, "") for name in ("decision", "reason")}
    routes.decide_welfare_check(public_id, fill(routes.CheckBody, given), who, conn, now)
    return done(request, form, f"/alerts/{public_id}")


@router.post("/alerts/{public_id}/sbar")
def ask_physician(request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Ask a physician."""
    given: dict[str, Any] = {name: form.get(name, "").replace("\r\n", "\n") for name in _SBAR_PARTS}
    given["staff"] = form.get("staff") or None
    if given["staff"] and not given["physician"].strip():
        staff = care.find_staff(conn, given["staff"])
        given["physician"] = "" if staff is None else staff.name
    given["reply_within_minutes"] = form.get("reply_within_minutes") or None
    routes.ask_physician(public_id, fill(routes.SbarBody, given), who, conn, now)
    return done(request, form, f"/alerts/{public_id}")


@router.post("/sbar/{public_id}/reply")
def record_reply(request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Write down what the physician said."""
    routes.record_reply(public_id, fill(routes.ReplyBody, {"reply": form.get("reply", "")}), who, conn, now)
    return done(request, form, "/")


@router.post("/sbar/{public_id}/orders")
def add_order(request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Write down an order as it was heard."""
    routes.add_order(public_id, fill(routes.OrderBody, {"text": form.get("text", "")}), who, conn, now)
    return done(request, form, "/")


@router.post("/orders/{public_id}/read-back")
def read_back(request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Say that an order was read back, and who confirmed it."""
    routes.read_back(public_id, fill(routes.ReadBackBody, {"confirmed_by": form.get("confirmed_by", "")}), who, conn, now)
    return done(request, form, "/")
