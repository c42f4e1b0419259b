"""Recording: the write side of the measurement table, and the history that a rebuild judges again.

Called by ingest inside its one transaction, after the devices' state rows are locked. Decides nothing about medicine and
never commits.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection, errors

from database.arrays import fetch_arrays
from database.sql import load_sql
from devices import rows
from devices.batch import Batch

_SQL: Final = load_sql(__file__, "recording.sql")
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_BEGINNING: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


def record(connection: Connection[Any], batch: Batch) -> NDArray[np.bool_]:
    """Insert a batch and return which of its rows were fresh, (n,) bool.

    Rows with a sequence were already checked against their device's locked state, so they go straight in; rows known by
    content alone, and a batch that meets a row already there, take the slower way round a conflict.
    """
    if not len(batch):
        return np.zeros(0, bool)
    if np.all(batch.boot != 0):
        try:
            with connection.transaction():
                _copy(connection, "copy_measurements", batch)
            return np.ones(len(batch), bool)
        except errors.UniqueViolation:
            pass
    return _insert_fresh(connection, batch)


def _insert_fresh(connection: Connection[Any], batch: Batch) -> NDArray[np.bool_]:
    connection.execute(_SQL["create_incoming"])
    connection.execute(_SQL["empty_incoming"])
    _copy(connection, "copy_incoming", batch)
    inserted = {
        (device, (time - _EPOCH) // dt.timedelta(microseconds=1), seq, boot)
        for device, time, seq, boot in connection.execute(_SQL["insert_incoming"])
    }
    fresh = np.zeros(len(batch), bool)
    identities = zip(batch.device_id.tolist(), batch.device_time.tolist(), batch.seq.tolist(), batch.boot.tolist(), strict=True)
    for row, identity in enumerate(identities):
        if identity in inserted:  # only the first of several equal ones was
            inserted.discard(identity)
            fresh[row] = True
    return fresh


def _copy(connection: Connection[Any], statement: str, batch: Batch) -> None:
    with connection.cursor() as cursor, cursor.copy(_SQL[statement]) as copy:
        for piece in rows.pack(batch):
            copy.write(piece)


def load_history(
    connection: Connection[Any],
    patient_ids: Iterable[int] | NDArray[Any],
    since: dt.datetime | None = None,
    *,
    known_at: dt.datetime | None = None,
) -> Batch:
    """Return all measurements of these patients since a time, by patient, measured_at, device, sequence and boot.

    Values that a person marked wrong are NaN, and their suspect bit is off. With `known_at`, only what had come in by then and
    had been marked by then.
    """
    wanted = np.fromiter(patient_ids, np.int32)
    columns = fetch_arrays(connection, _SQL["list_history_columns"], {"patient_ids": wanted, "since": since or _BEGINNING})
    (
        device,
        patient,
        slot,
        device_time,
        measured_at,
        received_at,
        boot,
        seq,
        suspect,
        consciousness,
        source,
        irregular,
        *vitals,
    ) = columns
    history = Batch(
        device_id=device,
        patient_id=patient,
        user_slot=slot,
        device_time=device_time,
        measured_at=measured_at,
        received_at=received_at,
        boot=boot,
        seq=seq,
        values=np.stack(vitals, axis=1),
        suspect=suspect,
        consciousness=consciousness.astype(np.uint8),
        source=source,
        # the only flag that rules read
        flags=[("irregular_pulse",) if one else () for one in irregular.tolist()],
        original=[None] * len(device),
    )
    wrong = connection.execute(_SQL["load_corrections"], {"patient_ids": wanted, "known_at": known_at}).fetchall()
    for device, time, seq, boot, vital in wrong:
        moment = (time - _EPOCH) // dt.timedelta(microseconds=1)
        row = (history.device_id == device) & (history.device_time == moment) & (history.seq == seq) & (history.boot == boot)
        history.values[row, vital] = np.nan
        history.suspect[row] &= ~(1 << vital)
    if known_at is None:
        return history
    return history.take(history.received_at <= (known_at - _EPOCH) // dt.timedelta(microseconds=1))


def find_devices(connection: Connection[Any], names: list[str]) -> list[tuple[str, int, bool]]:
    """Return (public id, id, whether revoked) of the devices with these public ids."""
    return connection.execute(_SQL["find_devices"], {"names": names}).fetchall()


def find_device_times(
    connection: Connection[Any], identities: Iterable[tuple[int, int, int]]
) -> dict[tuple[int, int, int], int]:
    """Return the device times, microseconds since 1970 UTC, of those of these (device, boot, seq) that are stored."""
    devices, boots, seqs = zip(*identities, strict=True)
    wanted = {
        "device_ids": np.array(devices, np.int32),
        "boots": np.array(boots, np.int32),
        "seqs": np.array(seqs, np.int64),
    }
    rows = connection.execute(_SQL["find_device_times"], wanted)
    return {(device, boot, seq): (time - _EPOCH) // dt.timedelta(microseconds=1) for device, boot, seq, time in rows}


def amend(connection: Connection[Any], batch: Batch) -> tuple[list[int], NDArray[np.int64]]:
    """Give stored measurements the values they lack; return the patients to judge again, and how many each gained, (n,)."""
    patients: set[int] = set()
    gained = np.zeros(len(batch), np.int64)
    for row in range(len(batch)):
        values = [None if np.isnan(value) else float(value) for value in batch.values[row]]
        found = connection.execute(
            _SQL["amend_measurement"],
            {
                "values": values,
                "suspect": int(batch.suspect[row]),
                "consciousness": chr(batch.consciousness[row]) if batch.consciousness[row] else None,
                "device_id": int(batch.device_id[row]),
                "device_time": _EPOCH + int(batch.device_time[row]) * dt.timedelta(microseconds=1),
                "seq": int(batch.seq[row]),
                "boot": int(batch.boot[row]),
            },
        ).fetchone()
        if found is not None:
            patient, gained[row] = found
            if patient is not None and gained[row]:
                patients.add(patient)
    return sorted(patients), gained


def move_quarantined(connection: Connection[Any], device_id: int, readings: int, times: int) -> None:
    """Take readings that have left quarantine out of its count; of the `times` they came, all but one were duplicates."""
    connection.execute(_SQL["move_quarantined"], {"device_id": device_id, "readings": readings, "times": times})


def save_batteries(connection: Connection[Any], charges: dict[int, int]) -> None:
    """Save charges in percent, by device id."""
    devices = sorted(charges)
    parameters = {"device_id": np.array(devices, np.int32), "battery": np.array([charges[one] for one in devices], np.int16)}
    connection.execute(_SQL["save_batteries"], parameters)


def ensure_staff_device(connection: Connection[Any]) -> int:
    """Return the id of the device row that stands for entries by staff; no broker knows it."""
    connection.execute(_SQL["add_staff_device"])
    row = connection.execute(_SQL["find_staff_device"]).fetchone()
    assert row is not None
    return int(row[0])
