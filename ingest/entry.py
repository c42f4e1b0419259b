"""Manual entry: a reading that a member of staff types in takes the same way as any other, from row to judgement.

It belongs to the patient by name of whoever types, not by assignment, and is marked as entered by staff wherever it shows.
"""

import datetime as dt
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final

import numpy as np
from psycopg import Connection

from alerts.engine import Engine
from devices.batch import NO_SLOT, Batch
from devices.decoded import Decoded, find_suspect
from devices.identity import content_hash
from devices.recording import ensure_staff_device, record
from devices.units import convert
from devices.vitals import COLUMN, VITALS

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
#: `source` of what staff entered
FROM_STAFF: Final = 2
#: a clock on the wall may be this much ahead of ours
_AHEAD: Final = dt.timedelta(minutes=2)
_OLDEST: Final = dt.timedelta(days=365)


class EntryRefused(Exception):
    """A typed reading cannot be taken; the message says which part and why."""


def enter(
    connection: Connection[Any],
    engine: Engine,
    patient_id: int,
    values: Mapping[str, tuple[float, str]],
    measured_at: dt.datetime,
    now: dt.datetime,
) -> bool:
    """Record and judge what staff measured, {vital: (value, UCUM unit)}; return whether it was new.

    Works in the caller's transaction. The same values at the same time for the same patient are one entry, however often sent.
    Raises EntryRefused for an unknown vital, a time in the future or over a year ago, and UnknownUnit for a unit.
    """
    if not values:
        raise EntryRefused("Enter at least one value.")
    if measured_at > now + _AHEAD:
        raise EntryRefused("The time lies in the future; enter when it was measured.")
    if measured_at < now - _OLDEST:
        raise EntryRefused("The time is more than a year ago; check the date.")
    decoded = Decoded([], [])
    for name, (value, unit) in values.items():
        if name not in COLUMN:
            raise EntryRefused(f"There is no vital called {name!r}.")
        if not np.isfinite(value):
            raise EntryRefused(f"{name} is not a number.")
        decoded.columns.append(COLUMN[name])
        decoded.values.append(convert(VITALS[COLUMN[name]], value, unit))
    engine.lock(connection, np.array([patient_id], np.int32))
    batch = _build(connection, decoded, patient_id, values, measured_at, now)
    inserted = record(connection, batch)
    engine.judge(connection, batch.take(inserted), now)
    return bool(inserted[0])


def _build(
    connection: Connection[Any],
    decoded: Decoded,
    patient_id: int,
    values: Mapping[str, tuple[float, str]],
    measured_at: dt.datetime,
    now: dt.datetime,
) -> Batch:
    row = np.full((1, len(VITALS)), np.nan, np.float32)
    row[0, decoded.columns] = decoded.values
    moment = (min(measured_at, now) - _EPOCH) // _MICROSECOND
    converted = {
        name: {"value": value, "unit": unit} for name, (value, unit) in values.items() if unit != VITALS[COLUMN[name]].unit
    }
    # all staff share one device row, so the patient is part of what tells two entries apart
    identity = int.from_bytes(blake2b(f"{patient_id} {content_hash(decoded)}".encode(), digest_size=8).digest(), "big") >> 1
    return Batch(
        device_id=np.array([ensure_staff_device(connection)], np.int32),
        patient_id=np.array([patient_id], np.int32),
        user_slot=np.array([NO_SLOT], np.int16),
        device_time=np.array([moment], np.int64),
        measured_at=np.array([moment], np.int64),
        received_at=np.array([(now - _EPOCH) // _MICROSECOND], np.int64),
        boot=np.zeros(1, np.int32),
        seq=np.array([identity], np.int64),
        values=row,
        suspect=np.array([find_suspect(decoded.columns, decoded.values)], np.int32),
        consciousness=np.zeros(1, np.uint8),
        source=np.array([FROM_STAFF], np.int16),
        flags=[()],
        original=[converted or None],
    )
