"""Assignments: which device, and which of its users, measures which patient, from when to when.

A change moves what was measured in that time, and everybody concerned is judged again in the same transaction.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from alerts.reassigned import judge_reassigned
from api.access import SignedIn, record
from api.documented import PathId, RandomId, Time, problems
from api.engine import Judging
from api.outside import OUTSIDE
from api.problems import Problem, not_found
from api.transaction import Now, Transaction
from care import queries as care
from care.patient import Patient
from devices import queries
from devices.device import Assignment, AssignmentOverlaps, Device

router = APIRouter(prefix="/assignments", tags=["assignments"])

AssignmentOut = Annotated[Assignment, OUTSIDE]
DeviceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Slot = Annotated[int, Field(ge=0, le=99)]


class NewAssignment(BaseModel):
    """A device to put on a patient."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"device": "scale-7f3a", "user_slot": 1, "patient": "3f0c9a52b7d14e8896a1c2d4"}},
    )
    device: DeviceName
    user_slot: Slot | None = Field(None, description="which of a shared device's users; left out, any")
    patient: RandomId
    starts_at: Time | None = Field(None, description="left out, now; may lie in the past, and what came since then moves too")
    ends_at: Time | None = Field(None, description="the first moment after it; left out, open-ended")


class Ending(BaseModel):
    """When an assignment ends."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"ends_at": "2026-11-23T08:00:00Z"}})
    ends_at: Time | None = Field(None, description="the first moment after it; left out, now")


@router.get("", responses=problems())
def list_assignments(
    who: SignedIn,
    conn: Transaction,
    now: Now,
    patient: Annotated[RandomId | None, Query()] = None,
    device: Annotated[DeviceName | None, Query()] = None,
) -> list[AssignmentOut]:
    """List the assignments of a patient, of a device, or of both, latest first; name at least one."""
    if patient is None and device is None:
        raise Problem(422, "invalid", "name a patient, a device, or both")
    found_patient = care.find_patient(conn, patient) if patient else None
    found_device = queries.find_device(conn, device) if device else None
    record(conn, who, "list_assignments", f"patient/{patient}" if patient else f"device/{device}", now)
    if (patient and found_patient is None) or (device and found_device is None):
        return []
    return queries.list_assignments(
        conn,
        device_id=found_device.id if found_device else None,
        patient_id=found_patient.id if found_patient else None,
    )


@router.post("", status_code=201, responses=problems(409))
def add_assignment(body: NewAssignment, who: SignedIn, conn: Transaction, now: Now, engine: Judging) -> AssignmentOut:
    """Put a device, or one of its users, on a patient; what it measured in that time becomes theirs and is judged."""
    device, patient = load_pair(conn, body.device, body.patient)
    starts_at = body.starts_at or now
    if body.ends_at is not None and body.ends_at <= starts_at:
        raise Problem(422, "invalid", "an assignment ends after it starts")
    try:
        changed = queries.assign(
            conn,
            device.id,
            patient.id,
            user_slot=body.user_slot,
            starts_at=starts_at,
            ends_at=body.ends_at,
            assigned_by=who.staff_id,
            now=now,
        )
    except AssignmentOverlaps:
        raise overlap(conn, device.id, body.user_slot, starts_at, body.ends_at) from None
    judge_reassigned(conn, engine, [changed], now)
    record(conn, who, "assign", f"assignment/{changed.assignment.public_id}", now, patient=body.patient, device=body.device)
    return changed.assignment


@router.post("/{public_id}/end", responses=problems(404, 409))
def end_assignment(
    public_id: PathId, body: Ending, who: SignedIn, conn: Transaction, now: Now, engine: Judging
) -> AssignmentOut:
    """End an assignment; what the device measured after that becomes nobody's again."""
    try:
        before = queries.load_assignment(conn, public_id)
        ends_at = body.ends_at or now
        changed = queries.end_assignment(conn, public_id, ends_at)
    except LookupError:
        raise not_found("assignment") from None
    except AssignmentOverlaps:
        raise overlap(conn, before.device_id, before.user_slot, before.ends_at or now, ends_at) from None
    except ValueError as error:
        raise Problem(409, "ends_before_start", str(error)) from None
    judge_reassigned(conn, engine, [changed], now)
    record(conn, who, "end_assignment", f"assignment/{public_id}", now)
    return changed.assignment


def load_pair(conn: Transaction, device: str, patient: str) -> tuple[Device, Patient]:
    """Return what two public ids name. Raises a 409 problem."""
    found_device, found_patient = queries.find_device(conn, device), care.find_patient(conn, patient)
    if found_device is None or found_patient is None:
        raise Problem(409, "unknown_device_or_patient", "there is no such device, or no such patient")
    return found_device, found_patient


def overlap(conn: Transaction, device_id: int, user_slot: int | None, starts_at: datetime, ends_at: datetime | None) -> Problem:
    """Return the refusal of an assignment that others stand in the way of; it names those assignments, never the patients."""
    others = [
        other.public_id
        for other in queries.list_assignments(conn, device_id=device_id)
        if other.user_slot == user_slot
        and (ends_at is None or other.starts_at is None or other.starts_at < ends_at)
        and (other.ends_at is None or other.ends_at > starts_at)
    ]
    detail = (
        f"this device and slot are taken in that time by assignment {', '.join(others)}; end it first, or choose another time"
    )
    return Problem(409, "assignment_overlaps", detail, more={"assignments": others})
