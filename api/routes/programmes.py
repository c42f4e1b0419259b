"""Programmes: the templates, who is in which, and the one action that leaves a patient in peace."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from api.access import SignedIn, record
from api.clinic import OwnClinic
from api.documented import Line, PathId, Word, problems
from api.outside import OUTSIDE
from api.problems import Problem
from api.routes.patients import load_patient, read_patient
from api.transaction import Now, Transaction
from care.plan import enrol as plan
from care.plan import queries
from care.plan.own import AlreadyEnrolled, Enrolment, NotEnrolled
from care.programme import Programme
from messaging import queries as messaging

router = APIRouter(tags=["programmes"])

EnrolmentOut = Annotated[Enrolment, OUTSIDE]
ProgrammeName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,40}$", examples=["heart_failure"])]


class NewEnrolment(BaseModel):
    """Which programme, and why."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"programme": "heart_failure", "reason": "discharged on Friday"}}
    )
    programme: Word
    reason: Line


class Reason(BaseModel):
    """Why something ends."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "moved to another clinic"}})
    reason: Line


class Standing(BaseModel):
    """Whether a patient is looked after."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"status": "hospice", "reason": "at home with hospice since Monday"}}
    )
    status: Literal["active", "hospice", "deceased"] = Field(
        description="hospice and deceased end programmes, schedules and pauses, and stop every text and call at once"
    )
    reason: Line


@dataclass(frozen=True, slots=True)
class Standings:
    """What became of it."""

    #: as it is now
    status: str
    #: it was different before
    is_new: bool


@router.get("/programmes", responses=problems())
def list_programmes(who: SignedIn, clinic: OwnClinic) -> list[Programme]:
    """List the programme templates with their rules, schedules and texts."""
    return list(clinic.programmes.values())


@router.get("/patients/{public_id}/programmes", responses=problems(404))
def list_enrolments(public_id: PathId, who: SignedIn, conn: Transaction, now: Now) -> list[EnrolmentOut]:
    """List a patient's programmes, past ones too, with who, why and when."""
    return queries.list_enrolments(conn, read_patient(conn, public_id, who, now, "programmes").id)


@router.post("/patients/{public_id}/programmes", status_code=201, responses=problems(404, 409))
def enrol(
    public_id: PathId, body: NewEnrolment, who: SignedIn, conn: Transaction, now: Now, clinic: OwnClinic
) -> list[EnrolmentOut]:
    """Take a patient into a programme: its rules judge them from now on, and its schedule is laid out."""
    patient = load_patient(conn, public_id)
    if patient.status != "active":
        raise Problem(409, "not_looked_after", "nothing is asked of this patient any more; set their status to active first")
    if (programme := clinic.programmes.get(body.programme)) is None:
        raise Problem(409, "unknown_programme", "there is no such programme; /api/v1/programmes lists them")
    try:
        plan.enrol(conn, patient.id, programme, by=who.staff_id, reason=body.reason, now=now)
    except AlreadyEnrolled:
        raise Problem(409, "already_enrolled", "the patient is in that programme already") from None
    record(conn, who, "enrol", f"patient/{public_id}", now, programme=body.programme)
    return queries.list_enrolments(conn, patient.id)


@router.post("/patients/{public_id}/programmes/{programme}/end", responses=problems(404, 409))
def end_enrolment(
    public_id: PathId, programme: ProgrammeName, body: Reason, who: SignedIn, conn: Transaction, now: Now
) -> list[EnrolmentOut]:
    """End a patient's time in a programme, and what it asked them to measure."""
    patient = load_patient(conn, public_id)
    try:
        plan.end(conn, patient.id, programme, by=who.staff_id, reason=body.reason, now=now)
    except NotEnrolled:
        raise Problem(409, "not_enrolled", "the patient is not in that programme") from None
    record(conn, who, "end_programme", f"patient/{public_id}", now, programme=programme)
    return queries.list_enrolments(conn, patient.id)


@router.post("/patients/{public_id}/status", responses=problems(404))
def set_status(public_id: PathId, body: Standing, who: SignedIn, conn: Transaction, now: Now) -> Standings:
    """Say that a patient is looked after, in hospice care, or has died.

    The last two end programmes, schedules and pauses, and set the contact to "none": nobody is texted or called any more.
    """
    patient = load_patient(conn, public_id)
    is_new = plan.leave_in_peace(conn, patient.id, body.status, by=who.staff_id, reason=body.reason, now=now)
    if is_new and body.status != "active":
        messaging.save_contact(conn, replace(messaging.load_contact(conn, patient.id), contact_mode="none"))
    record(conn, who, "set_status", f"patient/{public_id}", now, status=body.status)
    return Standings(body.status, is_new)
