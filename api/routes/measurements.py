"""A patient's measurements: read over a range, typed in by staff, marked wrong and unmarked.

A value marked wrong is kept and struck through; marking and unmarking judge the patient again in the same transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

import numpy as np
from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import SignedIn, record
from api.documented import Line, PathId, Time, problems
from api.engine import Judging
from api.outside import OUTSIDE
from api.problems import Problem, not_found
from api.routes.patients import load_patient, read_patient
from api.transaction import Now, Transaction
from devices import queries
from devices.measurement import Bucket, Measurement, MeasurementKey, ReadingUnknown
from devices.units import CONVERSION
from devices.vitals import VITALS
from ingest.entry import EntryRefused, enter

router = APIRouter(prefix="/patients/{public_id}", tags=["measurements"])

Resolution = Literal["raw", "15m", "1h", "1d"]
MeasurementOut = Annotated[Measurement, OUTSIDE]
Key = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.~-]{1,140}$", examples=["scale-7f3a~1795438800000000~1042~77"])]
VitalName = Literal[
    "heart_rate", "spo2", "respiratory_rate", "body_temperature", "systolic_bp", "diastolic_bp", "body_weight", "blood_glucose",
    "cgm_glucose", "peak_flow", "fev1", "fvc", "oxygen_flow", "steps",
]  # fmt: skip

STEPS: Final[Mapping[str, timedelta]] = {"15m": timedelta(minutes=15), "1h": timedelta(hours=1), "1d": timedelta(days=1)}
UNITS: Final[Mapping[str, str]] = {vital.name: vital.unit for vital in VITALS}
#: most measurements, or stretches of time, in one answer
MOST: Final = 10_000


class Value(BaseModel):
    """A value with its unit."""

    model_config = ConfigDict(extra="forbid")
    value: float = Field(allow_inf_nan=False, ge=-1e6, le=1e6)
    unit: Annotated[str, Field(max_length=20, description="UCUM, such as mm[Hg], kg, [lb_av], Cel, [degF], mg/dL, mmol/L")]


class Entry(BaseModel):
    """What a member of staff measured, or was told by phone."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "measured_at": "2026-11-23T08:00:00-05:00",
                "values": {"systolic_bp": {"value": 128, "unit": "mm[Hg]"}, "diastolic_bp": {"value": 82, "unit": "mm[Hg]"}},
            }
        },
    )
    measured_at: Time | None = Field(None, description="left out, now")
    values: dict[VitalName, Value] = Field(min_length=1)


class Wrong(BaseModel):
    """Which value of a measurement is wrong, and why."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"vital": "body_weight", "reason": "the dog stood on it"}}
    )
    vital: VitalName
    reason: Line


class Right(BaseModel):
    """Which value of a measurement is right after all."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"vital": "body_weight"}})
    vital: VitalName


@dataclass(frozen=True, slots=True)
class Series:
    """A patient's measurements over a range of time, in canonical units."""

    #: as asked for
    resolution: Resolution
    #: start of the range
    since: datetime
    #: first moment after it
    until: datetime
    #: UCUM unit of each vital
    units: Mapping[str, str]
    #: in order of time, the latest of them; empty unless the resolution is raw
    measurements: list[MeasurementOut]
    #: in order of time; empty if the resolution is raw
    buckets: list[Bucket]
    #: there was more than one answer holds: ask for a shorter range
    is_truncated: bool


@dataclass(frozen=True, slots=True)
class Entered:
    """What became of an entry."""

    #: it was stored now; false if the same values at the same time were there already
    is_new: bool


@router.get("/measurements", responses=problems(404))
def list_measurements(
    public_id: PathId,
    who: SignedIn,
    conn: Transaction,
    now: Now,
    since: Annotated[Time | None, Query(alias="from", description="left out, 7 days before the end")] = None,
    until: Annotated[Time | None, Query(alias="to", description="the first moment after the range; left out, now")] = None,
    resolution: Resolution = "raw",
) -> Series:
    """Return measurements as they came, or mean, lowest and highest of each quarter hour, hour or day (UTC)."""
    patient = read_patient(conn, public_id, who, now, "measurements")
    end = until or now + timedelta(seconds=1)
    start = since or end - timedelta(days=7)
    if start >= end:
        raise Problem(422, "invalid", "the range ends after it starts")
    if resolution == "raw":
        found = queries.measurements(conn, patient.id, start, end, MOST + 1)
        return Series(resolution, start, end, UNITS, found[-MOST:], [], len(found) > MOST)
    if (end - start) / STEPS[resolution] > MOST:
        raise Problem(
            422, "invalid", f"the range holds more than {MOST} stretches of {resolution}; ask for coarser ones, or less"
        )
    return Series(resolution, start, end, UNITS, [], queries.rollup(conn, patient.id, start, end, STEPS[resolution]), False)


@router.post("/readings", status_code=201, responses=problems(404))
def enter_reading(
    public_id: PathId, body: Entry, who: SignedIn, conn: Transaction, now: Now, engine: Judging, response: Response
) -> Entered:
    """Enter what was measured by hand; it is judged like any other reading, and marked as entered by staff."""
    patient = load_patient(conn, public_id)
    values: dict[str, tuple[float, str]] = {name: (given.value, given.unit) for name, given in body.values.items()}
    for name, (_, unit) in values.items():
        if (name, unit) not in CONVERSION:
            accepted = ", ".join(sorted(each for vital, each in CONVERSION if vital == name))
            raise Problem(422, "invalid", f"{name} is not measured in that unit; UCUM units that are taken: {accepted}")
    try:
        is_new = enter(conn, engine, patient.id, values, body.measured_at or now, now)
    except EntryRefused as error:
        raise Problem(422, "invalid", str(error)) from None
    record(conn, who, "enter_reading", f"patient/{public_id}", now, vitals=sorted(values))
    return Entered(is_new)


@router.post("/measurements/{key}/wrong", responses=problems(404))
def mark_wrong(
    public_id: PathId, key: Key, body: Wrong, who: SignedIn, conn: Transaction, now: Now, engine: Judging
) -> MeasurementOut:
    """Mark one value of a measurement wrong: kept, struck through, never judged again until the mark is taken back."""
    patient, parsed = load_patient(conn, public_id), _parse(key)
    _check_owner(conn, parsed, patient.id)
    try:
        queries.mark_wrong(conn, parsed, body.vital, marked_by=who.staff_id, reason=body.reason, now=now)
    except ReadingUnknown:
        raise not_found("reading") from None
    engine.rejudge(conn, np.array([patient.id], np.int32), now)
    record(conn, who, "mark_wrong", f"patient/{public_id}", now, measurement=key, vital=body.vital)
    return _check_owner(conn, parsed, patient.id)


@router.post("/measurements/{key}/right", responses=problems(404))
def undo_wrong(
    public_id: PathId, key: Key, body: Right, who: SignedIn, conn: Transaction, now: Now, engine: Judging
) -> MeasurementOut:
    """Take back that a value is wrong; the patient is judged again."""
    patient, parsed = load_patient(conn, public_id), _parse(key)
    _check_owner(conn, parsed, patient.id)
    try:
        queries.undo_wrong(conn, parsed, body.vital, now=now)
    except ReadingUnknown:
        raise not_found("mark") from None
    engine.rejudge(conn, np.array([patient.id], np.int32), now)
    record(conn, who, "undo_wrong", f"patient/{public_id}", now, measurement=key, vital=body.vital)
    return _check_owner(conn, parsed, patient.id)


def _parse(key: str) -> MeasurementKey:
    try:
        return MeasurementKey.parse(key)
    except ValueError:
        raise not_found("measurement") from None


def _check_owner(conn: Transaction, key: MeasurementKey, patient_id: int) -> Measurement:
    measurement = queries.find_measurement(conn, key)
    if measurement is None or measurement.patient_id != patient_id:
        raise not_found("measurement")
    return measurement
