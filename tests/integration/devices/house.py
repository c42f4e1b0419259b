"""A small house to ask questions of: two patients, a nurse, a device, and measurements written as ingest writes them."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
from psycopg import Connection

from devices.attribution import Attribution
from devices.batch import NO_SLOT, NOBODY, Batch
from devices.codecs.instant import microseconds
from devices.device import Device
from devices.queries import add_device
from devices.recording import record
from devices.vitals import COLUMN, VITALS

NOW = dt.datetime(2026, 11, 23, 13, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class House:
    """Keys of what stands in the house."""

    anna: int
    bert: int
    nurse: int
    scale: Device


def furnish(conn: Connection[Any]) -> House:
    """Add the patients, the nurse and the scale."""
    add = "INSERT INTO patient (record_number, name) VALUES (%s, %s) RETURNING id"
    anna, bert = ((conn.execute(add, (number, name)).fetchone() or (0,))[0] for number, name in (("1", "Anna"), ("2", "Bert")))
    staff = "INSERT INTO staff (email, name, role) VALUES ('n@example.org', 'Nurse', 'coordinator') RETURNING id"
    nurse = (conn.execute(staff).fetchone() or (0,))[0]
    return House(anna, bert, nurse, add_device(conn, "scale-1", "scale", expected_every=DAY, now=NOW))


def measure(conn: Connection[Any], device: Device, seq: int, at: dt.datetime, slot: int = NO_SLOT, **values: float) -> None:
    """Record one measurement of a device, attributed as ingest does."""
    row = np.full((1, len(VITALS)), np.nan, np.float32)
    for name, value in values.items():
        row[0, COLUMN[name]] = value
    suspect = sum(
        1 << COLUMN[name]
        for name, value in values.items()
        if not VITALS[COLUMN[name]].low <= value <= VITALS[COLUMN[name]].high
    )
    moment = np.array([microseconds(at)], np.int64)
    device_id, user_slot = np.array([device.id], np.int32), np.array([slot], np.int16)
    record(
        conn,
        Batch(
            device_id=device_id,
            patient_id=Attribution.load(conn, [device.id]).patients(device_id, user_slot, moment) + np.int32(NOBODY),
            user_slot=user_slot,
            device_time=moment,
            measured_at=moment,
            received_at=moment + 1_000_000,
            boot=np.array([7], np.int32),
            seq=np.array([seq], np.int64),
            values=row,
            suspect=np.array([suspect], np.int32),
            consciousness=np.zeros(1, np.uint8),
            source=np.zeros(1, np.int16),
            flags=[()],
            original=[None],
        ),
    )
