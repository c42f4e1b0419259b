"""What `devices` asks the database: devices, assignments, and stored measurements as people look at them.

Every function takes the caller's connection first and never commits. The write side of ingest is `devices.recording`.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from psycopg import Connection
from psycopg.errors import CheckViolation, ExclusionViolation
from psycopg.rows import class_row, kwargs_row

from database.sql import load_sql
from devices.attribution import Attribution
from devices.codecs import CODECS
from devices.codecs.instant import microseconds
from devices.device import Assignment, AssignmentOverlaps, Device, DeviceExists, Reassigned, Unattributed
from devices.measurement import SOURCES, Bucket, Latest, Measurement, MeasurementKey, ReadingUnknown, Spread
from devices.vitals import COLUMN, VITALS

SQL: Final = load_sql(__file__)
_DEVICES: Final = SQL["devices"] + "\n"
_ASSIGNMENTS: Final = SQL["assignments"] + "\n"
_MEASUREMENTS: Final = SQL["measurements"] + "\n"
_NAMES: Final = tuple(vital.name for vital in VITALS)
#: what may stand as one level of a topic and as an MQTT username
_PUBLIC_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def add_device(
    conn: Connection[Any],
    public_id: str,
    kind: str,
    *,
    model: str = "",
    codec: str = "native",
    expected_every: timedelta | None = None,
    now: datetime,
) -> Device:
    """Add a device. Raises DeviceExists, and ValueError for a name that MQTT cannot carry or a codec nobody knows."""
    if not _PUBLIC_ID.fullmatch(public_id):
        raise ValueError(f"{public_id[:80]!r} cannot name a device: use 1 to 64 letters, digits, '.', '_' and '-'")
    if codec not in CODECS:
        raise ValueError(f"there is no codec {codec[:40]!r}; there are {', '.join(CODECS)}")
    row = {"public_id": public_id, "kind": kind, "model": model, "codec": codec, "expected_every": expected_every, "now": now}
    if conn.execute(SQL["add_device"], row).fetchone() is None:
        raise DeviceExists(f"there is a device {public_id} already")
    return load_device(conn, public_id)


def find_device(conn: Connection[Any], public_id: str) -> Device | None:
    """Return the device with this public id."""
    with conn.cursor(row_factory=class_row(Device)) as cursor:
        return cursor.execute(_DEVICES + SQL["device_by_public_id"], {"public_id": public_id}).fetchone()


def load_device(conn: Connection[Any], public_id: str) -> Device:
    """Return the device with this public id. Raises LookupError."""
    if (device := find_device(conn, public_id)) is None:
        raise LookupError(f"there is no device {public_id[:80]}")
    return device


def list_devices(conn: Connection[Any], *, limit: int = 1000, offset: int = 0) -> list[Device]:
    """Return devices by public id, revoked ones too."""
    with conn.cursor(row_factory=class_row(Device)) as cursor:
        return cursor.execute(_DEVICES + SQL["devices_by_public_id"], {"limit": limit, "offset": offset}).fetchall()


def list_devices_of(conn: Connection[Any], patient_id: int, at: datetime) -> list[Device]:
    """Return the devices that a patient has at a time."""
    with conn.cursor(row_factory=class_row(Device)) as cursor:
        return cursor.execute(_DEVICES + SQL["devices_of_patient"], {"patient_id": patient_id, "at": at}).fetchall()


def revoke_device(conn: Connection[Any], public_id: str, now: datetime) -> Device:
    """Take nothing from this device any more; the broker's credentials are the caller's matter. Raises LookupError."""
    conn.execute(SQL["revoke_device"], {"public_id": public_id, "now": now})
    return load_device(conn, public_id)


def schedule_device(conn: Connection[Any], public_id: str, expected_every: timedelta | None) -> Device:
    """Say how often a reading is due from this device, None for never. Raises LookupError."""
    conn.execute(SQL["schedule_device"], {"public_id": public_id, "expected_every": expected_every})
    return load_device(conn, public_id)


def set_gateway(conn: Connection[Any], device_id: int, gateway_id: int | None) -> None:
    """Say which gateway a device is heard through, both by key; None for one that is heard by itself."""
    conn.execute(SQL["set_gateway"], {"device_id": device_id, "gateway_id": gateway_id})


def assign(
    conn: Connection[Any],
    device_id: int,
    patient_id: int,
    *,
    user_slot: int | None = None,
    starts_at: datetime,
    ends_at: datetime | None = None,
    assigned_by: int | None = None,
    now: datetime,
) -> Reassigned:
    """Assign a device, or one of its user slots, and give the patient what it measured in that time.

    Locks the device's state row first, so that a batch in flight is either seen here or sees the assignment. The patients
    of the answer must be judged again. Raises AssignmentOverlaps, and ValueError for a slot or a time that cannot be.
    """
    _lock(conn, device_id)
    row = {"device_id": device_id, "user_slot": user_slot, "patient_id": patient_id, "starts_at": starts_at, "ends_at": ends_at}
    try:
        with conn.transaction():
            added = conn.execute(SQL["add_assignment"], {**row, "assigned_by": assigned_by, "now": now}).fetchone()
    except ExclusionViolation:
        raise AssignmentOverlaps("somebody already has this device and user slot in a part of that time") from None
    except CheckViolation:
        raise ValueError("an assignment needs a slot from 0 to 99 and an end after its start") from None
    assert added is not None
    return _reattribute(conn, load_assignment(conn, added[0]), starts_at, ends_at)


def end_assignment(conn: Connection[Any], public_id: str, ends_at: datetime) -> Reassigned:
    """End an assignment, or move its end; what was measured in between changes hands.

    Raises LookupError, ValueError where the end lies before the start, and AssignmentOverlaps where a later end meets another.
    """
    before = load_assignment(conn, public_id)
    _lock(conn, before.device_id)
    try:
        with conn.transaction():
            ended = conn.execute(SQL["end_assignment"], {"public_id": public_id, "ends_at": ends_at}).rowcount
    except ExclusionViolation:
        raise AssignmentOverlaps("somebody already has this device and user slot in a part of that time") from None
    if not ended:
        raise ValueError("an assignment cannot end before it starts")
    since = ends_at if before.ends_at is None else min(ends_at, before.ends_at)
    until = None if before.ends_at is None else max(ends_at, before.ends_at)
    return _reattribute(conn, load_assignment(conn, public_id), since, until)


def claim_unattributed(
    conn: Connection[Any],
    device_id: int,
    user_slot: int | None,
    patient_id: int,
    *,
    since: datetime,
    until: datetime,
    assigned_by: int | None,
    now: datetime,
) -> list[Reassigned]:
    """Answer "whose is this?": give a patient what this device and slot measured for nobody from since to before until.

    Assigns the device for just those stretches in which nobody else has it. The patients must be judged again.
    """
    _lock(conn, device_id)
    where = {"device_id": device_id, "user_slot": user_slot, "since": since, "until": until}
    return [
        assign(
            conn,
            device_id,
            patient_id,
            user_slot=user_slot,
            starts_at=stretch.lower,
            ends_at=stretch.upper,
            assigned_by=assigned_by,
            now=now,
        )
        for (stretch,) in conn.execute(SQL["free_stretches"], where).fetchall()
    ]


def load_assignment(conn: Connection[Any], public_id: str) -> Assignment:
    """Return the assignment with this random id. Raises LookupError."""
    with conn.cursor(row_factory=class_row(Assignment)) as cursor:
        found = cursor.execute(_ASSIGNMENTS + SQL["assignment_by_public_id"], {"public_id": public_id}).fetchone()
    if found is None:
        raise LookupError(f"there is no assignment {public_id[:80]}")
    return found


def list_assignments(conn: Connection[Any], *, device_id: int | None = None, patient_id: int | None = None) -> list[Assignment]:
    """Return assignments of a device, of a patient, or all; the latest first."""
    with conn.cursor(row_factory=class_row(Assignment)) as cursor:
        return cursor.execute(
            _ASSIGNMENTS + SQL["assignments_of"], {"device_id": device_id, "patient_id": patient_id}
        ).fetchall()


def list_unattributed(conn: Connection[Any], limit: int = 100) -> list[Unattributed]:
    """Return what belongs to nobody, by device and slot, the latest first: "whose is this?"."""
    with conn.cursor(row_factory=kwargs_row(_unattributed)) as cursor:
        return cursor.execute(SQL["unattributed"], {"limit": limit}).fetchall()


def unattributed_measurements(
    conn: Connection[Any], device_id: int, user_slot: int | None, limit: int = 20
) -> list[Measurement]:
    """Return the latest measurements of this device and slot that belong to nobody."""
    where = {"device_id": device_id, "user_slot": user_slot, "limit": limit}
    return [_measurement(row) for row in conn.execute(_MEASUREMENTS + SQL["measurements_of_nobody"], where)]


def measurements(
    conn: Connection[Any], patient_id: int, since: datetime, until: datetime, limit: int = 10_000
) -> list[Measurement]:
    """Return a patient's measurements from since to before until, the latest `limit` of them, oldest first."""
    where = {"patient_id": patient_id, "since": since, "until": until, "limit": limit}
    return [_measurement(row) for row in conn.execute(_MEASUREMENTS + SQL["measurements_of_patient"], where)][::-1]


def find_measurement(conn: Connection[Any], key: MeasurementKey) -> Measurement | None:
    """Return the measurement with this key."""
    row = conn.execute(_MEASUREMENTS + SQL["measurement_by_key"], _identity(key)).fetchone()
    return None if row is None else _measurement(row)


def rollup(conn: Connection[Any], patient_id: int, since: datetime, until: datetime, resolution: timedelta) -> list[Bucket]:
    """Return a patient's values from since to before until in stretches of equal length that start at `since`.

    Values marked wrong are left out, implausible ones are not. Raises ValueError for a resolution that is not positive.
    """
    if resolution <= timedelta(0):
        raise ValueError("a resolution is a positive length of time")
    where = {"patient_id": patient_id, "since": since, "until": until, "resolution": resolution}
    buckets = []
    for at, suspect, *numbers in conn.execute(SQL["rollup"], where):
        found = {
            name: Spread(round(mean, 3), low, high, count)
            for name, mean, low, high, count in zip(
                _NAMES, numbers[::4], numbers[1::4], numbers[2::4], numbers[3::4], strict=True
            )
            if count
        }
        if found:
            buckets.append(Bucket(at, found, _named(suspect)))
    return buckets


def latest(conn: Connection[Any], patient_ids: Sequence[int], since: datetime) -> dict[int, dict[str, Latest]]:
    """Return the newest value of each vital of these patients that was measured since then and is not marked wrong."""
    newest: dict[int, dict[str, Latest]] = {patient: {} for patient in patient_ids}
    rows = conn.execute(SQL["latest"], {"patient_ids": list(patient_ids), "since": since})
    for patient, column, value, measured_at, is_suspect in rows:
        newest[patient][_NAMES[column]] = Latest(value, measured_at, is_suspect)
    return newest


def mark_wrong(conn: Connection[Any], key: MeasurementKey, vital: str, *, marked_by: int, reason: str, now: datetime) -> int:
    """Mark one value wrong: it is kept and struck through; return the patient, who must be judged again.

    Marking it twice changes nothing. Raises ReadingUnknown.
    """
    found = find_measurement(conn, key)
    if found is None or found.patient_id is None or vital not in found.values:
        raise ReadingUnknown("there is no such reading of a patient")
    mark = {"vital": COLUMN[vital], "marked_by": marked_by, "reason": reason, "now": now}
    conn.execute(SQL["add_correction"], _identity(key) | mark)
    return found.patient_id


def undo_wrong(conn: Connection[Any], key: MeasurementKey, vital: str, *, now: datetime) -> int:
    """Take back that a value is wrong; return the patient, who must be judged again. Raises ReadingUnknown."""
    undone = conn.execute(SQL["undo_correction"], _identity(key) | {"vital": COLUMN.get(vital), "now": now}).fetchone()
    if undone is None:
        raise ReadingUnknown("no such reading is marked wrong")
    patient: int = undone[0]
    return patient


def _lock(conn: Connection[Any], device_id: int) -> None:
    conn.execute(SQL["ensure_device_state"], {"device_id": device_id})
    conn.execute(SQL["lock_device_state"], {"device_id": device_id})


def _reattribute(conn: Connection[Any], changed: Assignment, since: datetime | None, until: datetime | None) -> Reassigned:
    """Ask again whose the measurements of that time are, and write what changed."""
    where = {"device_id": changed.device_id, "since": since or "-infinity", "until": until or "infinity"}
    rows = conn.execute(SQL["attributed_measurements"], where, binary=True).fetchall()
    if not rows:
        return Reassigned(changed, 0, ())
    before = np.array([row[5] for row in rows], np.int32)
    slots = np.array([row[3] for row in rows], np.int16)
    moments = np.array([microseconds(row[4]) for row in rows], np.int64)
    devices = np.full(len(rows), changed.device_id, np.int32)
    after = Attribution.load(conn, [changed.device_id]).patients(devices, slots, moments)
    moved = np.flatnonzero(before != after)
    if len(moved):
        columns = {
            "device_time": np.array([microseconds(rows[row][0]) for row in moved], "M8[us]"),
            "seq": np.array([rows[row][1] for row in moved], np.int64),
            "boot": np.array([rows[row][2] for row in moved], np.int32),
            "patient_id": after[moved],
        }
        conn.execute(SQL["save_attribution"], {"device_id": changed.device_id, **columns})
        conn.execute(SQL["move_corrections"], {"device_id": changed.device_id})
    patients = np.union1d(before[moved], after[moved])
    return Reassigned(changed, len(moved), tuple(patients[patients > 0].tolist()))


def _unattributed(**columns: Any) -> Unattributed:
    return Unattributed(**{**columns, "candidates": tuple(columns["candidates"])})


def _identity(key: MeasurementKey) -> dict[str, Any]:
    return {"device": key.device, "device_time": key.device_time, "seq": key.seq, "boot": key.boot}


def _named(bits: int) -> tuple[str, ...]:
    return tuple(name for column, name in enumerate(_NAMES) if bits >> column & 1)


def _measurement(row: tuple[Any, ...]) -> Measurement:
    device, device_time, seq, boot, patient, measured_at, received_at, slot, source, suspect, code, flags, original, wrong = (
        row[:14]
    )
    return Measurement(
        key=str(MeasurementKey(device, device_time, seq, boot)),
        device=device,
        patient_id=patient,
        device_time=device_time,
        measured_at=measured_at,
        received_at=received_at,
        user_slot=slot,
        source=SOURCES[source],
        values={name: value for name, value in zip(_NAMES, row[14:], strict=True) if value is not None},
        suspect=_named(suspect),
        wrong=_named(wrong),
        consciousness=code,
        flags=tuple(flags or ()),
        original=original,
    )
