"""Silences: one vital and direction of one patient, muted by a person for at most a day; listed, and ended by hand."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from alerts.rule import Direction, Severity
from alerts.triage import queries, silences
from alerts.triage.queries import SilenceRow
from api.access import SignedIn, record
from api.documented import Line, PathId, RandomId, problems
from api.problems import Problem, not_found
from api.transaction import Now, Transaction
from care import queries as care

router = APIRouter(prefix="/silences", tags=["silences"])


class NewSilence(BaseModel):
    """What to silence, for how long, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"alert": "3f0c9a52b7d14e8896a1c2d4", "hours": 4, "reason": "known; the new tablet needs a day"}
        },
    )
    alert: RandomId = Field(description="an open alert: its vital and direction are silenced, up to its severity")
    hours: Annotated[float, Field(gt=0, le=24, description="it ends by itself after so long; 24 at most")]
    reason: Line


@dataclass(frozen=True, slots=True)
class SilenceSeen:
    """A silence and whose it is."""

    public_id: str
    #: random id of the patient
    patient: str
    #: the vital and the way it breaches; the other way is not silenced
    vital: str
    direction: Direction
    #: severities up to this one are silenced, the emergency band never
    severity: Severity
    starts_at: datetime
    #: when it ends by itself
    ends_at: datetime
    #: when it ended, null while it lasts
    ended_at: datetime | None
    #: random id of who set it, and their name
    set_by: str
    name: str
    reason: str


@router.get("", responses=problems())
def list_silences(who: SignedIn, conn: Transaction, now: Now) -> list[SilenceSeen]:
    """List the silences in force, the soonest end first."""
    found = queries.list_silences(conn, now)
    record(conn, who, "list_silences", "silences", now, count=len(found))
    return _seen(conn, found)


@router.post("", status_code=201, responses=problems(409))
def add_silence(body: NewSilence, who: SignedIn, conn: Transaction, now: Now) -> SilenceSeen:
    """Silence the vital and direction of an alert. What worsens, or crosses a higher band, is shown and sent all the same."""
    try:
        made = silences.silence(conn, body.alert, who.staff_id, timedelta(hours=body.hours), body.reason, now)
    except silences.CannotSilence as error:
        raise Problem(409, "cannot_be_silenced", str(error)) from None
    if made is None:
        raise Problem(409, "unknown_alert", "there is no alert of this id")
    record(conn, who, "silence", f"alert/{body.alert}", now, hours=body.hours)
    return _seen(conn, [made[1]])[0]


@router.post("/{public_id}/end", responses=problems(404))
def end_silence(public_id: PathId, who: SignedIn, conn: Transaction, now: Now) -> SilenceSeen:
    """End a silence before its time; what still breaches is shown and sent."""
    row = silences.unsilence(conn, public_id, who.staff_id, now)
    if row is None:
        raise not_found("silence")
    record(conn, who, "end_silence", f"silence/{public_id}", now)
    return _seen(conn, [row])[0]


def _seen(conn: Transaction, rows: list[SilenceRow]) -> list[SilenceSeen]:
    patients = care.load_patients(conn, sorted({row.patient_id for row in rows}))
    staff = {each.id: each.public_id for each in care.list_staff(conn)}
    return [
        SilenceSeen(
            row.silence.public_id,
            patients[row.patient_id].public_id,
            row.silence.vital,
            row.silence.direction,
            row.silence.severity,
            row.silence.starts_at,
            row.silence.ends_at,
            row.ended_at,
            staff.get(row.silence.set_by, ""),
            row.silence.name,
            row.silence.reason,
        )
        for row in rows
    ]
