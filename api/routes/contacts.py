"""What people do about an alert beyond the screen: contact attempts, welfare checks, questions to physicians and orders."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from alerts import queries as alerts
from alerts.alert import Alert
from alerts.escalation import calls
from alerts.escalation.contact import Attempt, Decision, How, NextContact, Outcome, WelfareCheck, Whom, next_contact
from alerts.escalation.ladder_data import word_of
from alerts.escalation.sbar import REPLY_WITHIN, Draft, Sbar, draft
from api.access import SignedIn, Viewer, record
from api.documented import Line, PathId, RandomId, Text, problems
from api.problems import Problem, not_found
from api.routes.teams import load as load_team
from api.transaction import Now, Transaction
from care import queries as care
from care import teams
from care.patient import Patient
from devices.units import shown
from devices.vitals import Vital

router = APIRouter(tags=["contacts"])

#: attempts further back do not count towards what is to be done now
ATTEMPTS_COUNT: timedelta = timedelta(hours=24)
_LONG = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]


class AttemptBody(BaseModel):
    """An attempt to speak with somebody."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"whom": "patient", "how": "call", "outcome": "voicemail", "note": "asked to call back"}},
    )
    whom: Whom = "patient"
    how: How = "call"
    outcome: Outcome
    note: Text = ""


class CheckBody(BaseModel):
    """A decision whether somebody is sent to look after a patient."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"decision": "send", "reason": "no answer since 9:00, lives alone; police asked"}},
    )
    decision: Decision
    reason: Line


class SbarBody(BaseModel):
    """A question to a physician."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "physician": "Dr. Okafor",
                "situation": "Ruth Adeyemi, 78 years old. SpO2 84 %.",
                "background": "At home with COPD.",
                "assessment": "SpO2 84 % (today 9:14); heart rate 96 (today 9:14).",
                "recommendation": "Please say whether she should be seen today.",
                "reply_within_minutes": 30,
            }
        },
    )
    physician: Line = Field(description="name, as colleagues know them")
    staff: RandomId | None = Field(None, description="where they have an account: they are paged with a link")
    situation: _LONG
    background: _LONG
    assessment: _LONG
    recommendation: _LONG
    reply_within_minutes: int | None = Field(None, ge=1, le=2880, description="left out, by the alert's urgency")


class ReplyBody(BaseModel):
    """What the physician said."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reply": "see her today; oxygen 2 L/min"}})
    reply: _LONG


class OrderBody(BaseModel):
    """An order as it was heard."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"text": "oxygen 2 L/min until seen"}})
    text: _LONG


class ReadBackBody(BaseModel):
    """Who heard the order read back and said that it is right."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"confirmed_by": "Dr. Okafor"}})
    confirmed_by: Line


class CareBody(BaseModel):
    """Who looks after a patient, and who is called where the patient cannot be reached."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"team": "3f0c9a52b7d14e8896a1c2d4", "emergency_contact": "Tola Adeyemi, daughter, +1 555 555 0199"}
        },
    )
    team: RandomId | None = Field(None, description="one of /api/v1/teams; null: none")
    emergency_contact: Text = ""


@dataclass(frozen=True, slots=True)
class Contacts:
    """What was tried about an alert's patient in the last day, and what is to be done now."""

    next: NextContact
    emergency_contact: str
    attempts: list[Attempt]
    checks: list[WelfareCheck]


@dataclass(frozen=True, slots=True)
class CareSeen:
    """Who looks after a patient."""

    #: random id and name of the team
    team: str | None
    team_name: str | None
    emergency_contact: str


@router.get("/alerts/{public_id}/contacts", responses=problems(404))
def list_contacts(public_id: PathId, who: SignedIn, conn: Transaction, now: Now) -> Contacts:
    """List what was tried about an alert's patient, and what is to be done now."""
    alert = _load(conn, public_id)
    record(conn, who, "read_contacts", f"alert/{public_id}", now)
    return contacts_of(conn, alert.patient_id, now)


@router.post("/alerts/{public_id}/contacts", status_code=201, responses=problems(404))
def add_contact(public_id: PathId, body: AttemptBody, who: SignedIn, conn: Transaction, now: Now) -> Contacts:
    """Write down an attempt to speak with the patient, or with their emergency contact."""
    alert = _load(conn, public_id)
    calls.add_attempt(conn, alert.patient_id, alert.id, body.whom, body.how, body.outcome, body.note, who.staff_id, now)
    record(conn, who, "add_contact", f"alert/{public_id}", now, outcome=body.outcome, whom=body.whom)
    alerts.notify(conn, {alert.id})
    return contacts_of(conn, alert.patient_id, now)


@router.post("/alerts/{public_id}/welfare-check", status_code=201, responses=problems(404))
def decide_welfare_check(public_id: PathId, body: CheckBody, who: SignedIn, conn: Transaction, now: Now) -> Contacts:
    """Decide whether somebody is sent to look after the patient; the decision is a person's, and stays."""
    alert = _load(conn, public_id)
    calls.add_check(conn, alert.patient_id, alert.id, body.decision, body.reason, who.staff_id, now)
    record(conn, who, "decide_welfare_check", f"alert/{public_id}", now, decision=body.decision)
    alerts.notify(conn, {alert.id})
    return contacts_of(conn, alert.patient_id, now)


@router.get("/alerts/{public_id}/sbar/draft", responses=problems(404))
def draft_sbar(public_id: PathId, who: SignedIn, conn: Transaction, now: Now) -> Draft:
    """Return the four parts of a question to a physician, as far as Wardlight knows them."""
    alert = _load(conn, public_id)
    record(conn, who, "draft_sbar", f"alert/{public_id}", now)
    return draft_of(conn, alert, who, now)


@router.get("/alerts/{public_id}/sbar", responses=problems(404))
def list_sbar(public_id: PathId, who: SignedIn, conn: Transaction, now: Now) -> list[Sbar]:
    """List what physicians were asked about an alert, with their replies and orders."""
    alert = _load(conn, public_id)
    record(conn, who, "read_sbar", f"alert/{public_id}", now)
    return calls.list_sbars(conn, alert.id)


@router.post("/alerts/{public_id}/sbar", status_code=201, responses=problems(404, 409))
def ask_physician(public_id: PathId, body: SbarBody, who: SignedIn, conn: Transaction, now: Now) -> list[Sbar]:
    """Ask a physician, and start the clock of their reply. Pages carry a link and nothing of the text."""
    alert = _load(conn, public_id)
    physician = None
    if body.staff is not None:
        physician = care.find_staff(conn, body.staff)
        if physician is None or physician.disabled_at is not None:
            raise Problem(409, "unknown_staff", "nobody who may sign in has this id; GET /api/v1/staff lists everybody")
    given = body.reply_within_minutes
    within = REPLY_WITHIN[word_of(alert.severity, emergency=alert.emergency)] if given is None else timedelta(minutes=given)
    parts = Draft(body.situation, body.background, body.assessment, body.recommendation)
    calls.ask_physician(
        conn, alert, parts, physician_id=None if physician is None else physician.id, physician=body.physician,
        reply_within=within, by=who.staff_id, now=now,
    )  # fmt: skip
    record(conn, who, "ask_physician", f"alert/{public_id}", now)
    alerts.notify(conn, {alert.id})
    return calls.list_sbars(conn, alert.id)


@router.post("/sbar/{public_id}/reply", status_code=204, responses=problems(404, 409))
def record_reply(public_id: PathId, body: ReplyBody, who: SignedIn, conn: Transaction, now: Now) -> None:
    """Write down what the physician said; its clock stops."""
    found = calls.find_sbar(conn, public_id)
    if found is None:
        raise not_found("question to a physician")
    if not calls.reply(conn, public_id, body.reply, who.staff_id, now):
        raise Problem(409, "already_replied", "there is a reply already; ask again for another one")
    record(conn, who, "record_reply", f"alert/{found[1]}", now)


@router.post("/sbar/{public_id}/orders", status_code=201, responses=problems(404))
def add_order(public_id: PathId, body: OrderBody, who: SignedIn, conn: Transaction, now: Now) -> list[Sbar]:
    """Write down an order as it was heard. It does not count before it was read back."""
    found = calls.find_sbar(conn, public_id)
    if found is None:
        raise not_found("question to a physician")
    calls.add_order(conn, found[0], body.text, who.staff_id, now)
    record(conn, who, "add_order", f"alert/{found[1]}", now)
    return calls.list_sbars(conn, _load(conn, found[1]).id)


@router.post("/orders/{public_id}/read-back", status_code=204, responses=problems(404, 409))
def read_back(public_id: PathId, body: ReadBackBody, who: SignedIn, conn: Transaction, now: Now) -> None:
    """Say that an order was read back, and who confirmed it."""
    found = calls.find_order(conn, public_id)
    if found is None:
        raise not_found("order")
    if not calls.read_back(conn, public_id, body.confirmed_by, who.staff_id, now):
        raise Problem(409, "already_read_back", "this order was read back already")
    record(conn, who, "read_back", f"alert/{found[0]}", now)


@router.get("/patients/{public_id}/care", responses=problems(404))
def get_care(public_id: PathId, who: SignedIn, conn: Transaction, now: Now) -> CareSeen:
    """Say which team looks after a patient, and who is called where the patient cannot be reached."""
    patient = _patient(conn, public_id)
    record(conn, who, "read_care", f"patient/{public_id}", now)
    return CareSeen(*teams.find_care(conn, patient.id))


@router.put("/patients/{public_id}/care", responses=problems(404))
def set_care(public_id: PathId, body: CareBody, who: SignedIn, conn: Transaction, now: Now) -> CareSeen:
    """Give a patient to a team, and write down who is called where the patient cannot be reached."""
    patient = _patient(conn, public_id)
    teams.set_patient_team(conn, patient.id, None if body.team is None else load_team(conn, body.team).id)
    teams.set_emergency_contact(conn, patient.id, body.emergency_contact)
    record(conn, who, "set_care", f"patient/{public_id}", now, team=body.team)
    return CareSeen(*teams.find_care(conn, patient.id))


def contacts_of(conn: Transaction, patient_id: int, now: datetime) -> Contacts:
    """Return what was tried about a patient in the last day, and what is to be done now."""
    since = now - ATTEMPTS_COUNT
    attempts, checks = calls.list_attempts(conn, patient_id, since), calls.list_checks(conn, patient_id, since)
    return Contacts(next_contact(attempts, checks), teams.find_care(conn, patient_id)[2], attempts, checks)


def draft_of(conn: Transaction, alert: Alert, who: Viewer, now: datetime) -> Draft:
    """Return the four parts as this viewer reads times and values."""
    patient = care.load_patients(conn, [alert.patient_id])[alert.patient_id]
    zone = ZoneInfo(who.zone)
    return draft(
        alert,
        name=patient.name,
        born=patient.birth_date,
        programmes=", ".join(name.replace("_", " ") for name in patient.programmes),
        latest=calls.latest_readings(conn, alert.patient_id, now - timedelta(days=7)),
        when=lambda at: f"{at.astimezone(zone):%d %b %H:%M}",
        show=partial(_shown, who),
        now=now,
    )


def _shown(who: Viewer, vital: Vital, value: float) -> str:
    seen = shown(vital, value, who.units, who.glucose_unit)
    return f"{seen.text} {seen.unit}"


def _load(conn: Transaction, public_id: str) -> Alert:
    if (alert := alerts.find_alert(conn, public_id)) is None:
        raise not_found("alert")
    return alert


def _patient(conn: Transaction, public_id: str) -> Patient:
    if (patient := care.find_patient(conn, public_id)) is None:
        raise not_found("patient")
    return patient
