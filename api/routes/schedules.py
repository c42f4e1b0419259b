"""What a patient is asked to measure, when nothing is expected of them, and what their readings come to."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.access import SignedIn, record
from api.clinic import OwnClinic
from api.documented import Line, PathId, Text, Time, problems
from api.outside import OUTSIDE
from api.problems import Problem, not_found
from api.routes.measurements import VitalName
from api.routes.patients import load_patient, read_patient
from api.transaction import Now, Transaction
from care.adherence import Adherence
from care.glucose import GlucoseSummary
from care.plan import queries, summaries
from care.plan.own import LONGEST_PAUSE, Pause, Prescribed
from care.pressure import HomePressure
from messaging.queries import load_contact

router = APIRouter(prefix="/patients/{public_id}", tags=["schedules"])

PrescribedOut = Annotated[Prescribed, OUTSIDE]
PauseOut = Annotated[Pause, OUTSIDE]
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
PauseId = Annotated[str, Path(pattern=r"^[0-9a-f]{24}$", examples=["3f0c9a52b7d14e8896a1c2d4"])]


class NewSchedule(BaseModel):
    """How often a patient measures something, agreed with them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"every_minutes": 2880, "at": ["07:00"], "reason": "every other day is enough"}},
    )
    every_minutes: int | None = Field(None, ge=15, le=44640, description="null: not at all")
    at: list[TimeOfDay] = Field(default=[], max_length=12, description="when in the patient's day; empty is at any hour")
    reason: Line


class NewPause(BaseModel):
    """A time in which nothing is expected."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"why": "travel", "until": "2026-12-01T00:00:00Z", "note": "at her daughter's"}},
    )
    why: Literal["hospital", "travel", "other"]
    starts_at: Time | None = Field(None, description="left out, now")
    until: Time = Field(description="a pause always ends, 60 days after it starts at the latest")
    note: Text = ""


@dataclass(frozen=True, slots=True)
class Summaries:
    """What a patient's readings come to."""

    #: per prescribed measure, over the last whole days
    adherence: list[Adherence]
    #: the week of home pressure; null where no programme of theirs asks for it
    home_pressure: HomePressure | None
    #: two weeks of the glucose sensor; null where there is none
    glucose: GlucoseSummary | None


@router.get("/schedule", responses=problems(404))
def list_schedule(public_id: PathId, who: SignedIn, conn: Transaction, now: Now) -> list[PrescribedOut]:
    """List what a patient is and was asked to measure."""
    return queries.list_schedules(conn, read_patient(conn, public_id, who, now, "schedule").id)


@router.put("/schedule/{measure}", responses=problems(404))
def set_schedule(
    public_id: PathId, measure: VitalName, body: NewSchedule, who: SignedIn, conn: Transaction, now: Now
) -> list[PrescribedOut]:
    """Agree with a patient how often they measure something; this goes before what any programme asks."""
    patient = load_patient(conn, public_id)
    every = None if body.every_minutes is None else timedelta(minutes=body.every_minutes)
    queries.set_own_schedule(conn, patient.id, measure, every, body.at, by=who.staff_id, reason=body.reason, now=now)
    record(conn, who, "set_schedule", f"patient/{public_id}", now, measure=measure)
    return queries.list_schedules(conn, patient.id)


@router.get("/pauses", responses=problems(404))
def list_pauses(public_id: PathId, who: SignedIn, conn: Transaction, now: Now) -> list[PauseOut]:
    """List the times in which nothing was, is or will be expected of a patient."""
    return queries.list_pauses(conn, read_patient(conn, public_id, who, now, "pauses").id)


@router.post("/pauses", status_code=201, responses=problems(404, 409))
def add_pause(public_id: PathId, body: NewPause, who: SignedIn, conn: Transaction, now: Now) -> list[PauseOut]:
    """Expect nothing of a patient for a time. A reading of theirs ends it: whoever measures is at home."""
    patient = load_patient(conn, public_id)
    starts_at = body.starts_at or now
    if body.until <= max(starts_at, now):
        raise Problem(409, "ends_before_start", "a pause ends after it starts, and later than now")
    if body.until - starts_at > LONGEST_PAUSE:
        raise Problem(409, "pause_too_long", f"a pause lasts {LONGEST_PAUSE.days} days at most; renew it then")
    queries.add_pause(conn, patient.id, body.why, starts_at, body.until, by=who.staff_id, note=body.note, now=now)
    record(conn, who, "add_pause", f"patient/{public_id}", now, why=body.why)
    return queries.list_pauses(conn, patient.id)


@router.post("/pauses/{pause}/end", responses=problems(404))
def end_pause(public_id: PathId, pause: PauseId, who: SignedIn, conn: Transaction, now: Now) -> list[PauseOut]:
    """End a pause early."""
    patient = load_patient(conn, public_id)
    if not queries.end_pause(conn, patient.id, pause, by=who.staff_id, now=now):
        raise not_found("pause that lasts")
    record(conn, who, "end_pause", f"patient/{public_id}", now)
    return queries.list_pauses(conn, patient.id)


@router.get("/summaries", responses=problems(404))
def get_summaries(
    public_id: PathId,
    who: SignedIn,
    conn: Transaction,
    now: Now,
    clinic: OwnClinic,
    days: Annotated[int, Query(ge=1, le=90, description="of adherence")] = 7,
) -> Summaries:
    """Say how a patient keeps to their schedule, and what the week of home pressure and the glucose sensor come to."""
    patient = read_patient(conn, public_id, who, now, "summaries")
    zone = ZoneInfo(load_contact(conn, patient.id).zone)
    protocols = [clinic.programmes[name].pressure_protocol for name in patient.programmes if name in clinic.programmes]
    protocol = next((one for one in protocols if one is not None), None)
    return Summaries(
        summaries.load_adherence(conn, patient.id, zone, now, days),
        None if protocol is None else summaries.load_home_pressure(conn, patient.id, protocol, zone, now),
        summaries.load_glucose_summary(conn, patient.id, now),
    )
