"""Whose is this: measurements that belong to nobody, and giving them to somebody."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from alerts.reassigned import judge_reassigned
from api.access import SignedIn, record
from api.documented import RandomId, Time, problems
from api.engine import Judging
from api.outside import OUTSIDE
from api.problems import Problem
from api.routes.assignments import AssignmentOut, DeviceName, Slot, load_pair
from api.transaction import Now, Transaction
from care import queries as care
from devices import queries
from devices.device import Unattributed

router = APIRouter(prefix="/unattributed", tags=["assignments"])

#: more devices and slots than can be nobody's at once
_ALL: Final = 100_000


class Claim(BaseModel):
    """Whose it is."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"device": "scale-7f3a", "user_slot": None, "patient": "3f0c9a52b7d14e8896a1c2d4"}},
    )
    device: DeviceName
    user_slot: Slot | None = None
    patient: RandomId
    since: Time | None = Field(None, description="left out, since the first that is nobody's")
    until: Time | None = Field(None, description="left out, to the last that is")


@dataclass(frozen=True, slots=True)
class Orphans:
    """Measurements of one device and user that belong to nobody."""

    #: how many, of what, from when to when
    measurements: Annotated[Unattributed, OUTSIDE]
    #: random ids of patients who ever had this device, most recent first; only a suggestion
    candidates: list[str]


@router.get("", responses=problems())
def list_unattributed(
    who: SignedIn, conn: Transaction, now: Now, limit: Annotated[int, Query(ge=1, le=1000)] = 200
) -> list[Orphans]:
    """List devices that measured somebody nobody has said the name of, latest first."""
    found = queries.list_unattributed(conn, limit)
    people = care.load_patients(conn, sorted({key for orphan in found for key in orphan.candidates}))
    record(conn, who, "list_unattributed", "unattributed", now)
    return [Orphans(orphan, [people[key].public_id for key in orphan.candidates]) for orphan in found]


@router.post("/claim", responses=problems(409))
def claim(body: Claim, who: SignedIn, conn: Transaction, now: Now, engine: Judging) -> list[AssignmentOut]:
    """Say whose they are: assigns the device for just the stretches in which nobody else has it, and judges the patient again.

    What the device measures from now on is another matter: add an assignment for that.
    """
    device, patient = load_pair(conn, body.device, body.patient)
    waiting = [
        orphan
        for orphan in queries.list_unattributed(conn, _ALL)
        if (orphan.device_id, orphan.user_slot) == (device.id, body.user_slot)
    ]
    if not waiting:
        raise Problem(
            409, "nothing_to_claim", "nothing that this device and slot measured is nobody's; somebody may have been quicker"
        )
    since, until = body.since or waiting[0].first_at, body.until or waiting[0].last_at + timedelta(microseconds=1)
    if until <= since:
        raise Problem(422, "invalid", "the stretch ends after it starts")
    changes = queries.claim_unattributed(
        conn, device.id, body.user_slot, patient.id, since=since, until=until, assigned_by=who.staff_id, now=now
    )
    judge_reassigned(conn, engine, changes, now)
    for changed in changes:
        where = f"assignment/{changed.assignment.public_id}"
        record(conn, who, "claim", where, now, patient=body.patient, device=body.device)
    return [changed.assignment for changed in changes]
