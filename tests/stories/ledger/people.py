"""Whose devices they are: patients, assignments that change hands and share slots, and devices that belong to nobody yet."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import psycopg

from tests.stories.ledger.device import Device, Kind

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Holding:
    """A device (and slot) at a patient, from a time to another."""

    device_id: int
    slot: int | None
    patient_id: int
    #: microseconds since 1970 UTC; until is None while it lasts
    since: int
    until: int | None

    def covers(self, slot: int | None, moment: int) -> bool:
        """Whether a measurement of this slot at this moment is this patient's."""
        return self.slot == slot and self.since <= moment and (self.until is None or moment < self.until)


def make_devices(count: int, seed: int, plain: bool) -> list[Device]:
    """Return devices of all kinds, some of them shared by two people; `plain` says whether some keep no sequence."""
    kinds = [Kind.CLOCKED, Kind.CLOCKED, Kind.CLOCKLESS, Kind.CLOCKED, Kind.AHEAD, Kind.PLAIN if plain else Kind.CLOCKED]
    devices = []
    for number in range(count):
        slots = (1, 2) if number % 10 == 7 else ()
        devices.append(Device(f"d{number:04}", kinds[number % len(kinds)], Random(seed * 100_003 + number), slots))
    return devices


def settle(connection: psycopg.Connection[tuple[object, ...]], devices: Sequence[Device], handover: int) -> dict[str, int]:
    """Add devices, patients and assignments; return the devices' ids by name.

    Every tenth device belongs to nobody, another tenth changes hands at `handover` (microseconds since 1970 UTC), and two
    patients share each device with slots.
    """
    ids: dict[str, int] = {}
    start = _EPOCH + dt.timedelta(microseconds=handover) - dt.timedelta(days=2)
    middle = _EPOCH + dt.timedelta(microseconds=handover)
    people = [_add_patient(connection, number) for number in range(len(devices) + 1)]
    for number, device in enumerate(devices):
        row = connection.execute(
            "INSERT INTO device (public_id, kind) VALUES (%s, 'monitor') RETURNING id", (device.name,)
        ).fetchone()
        assert row is not None and isinstance(row[0], int)
        ids[device.name] = row[0]
        # two devices a patient, so that batches of different devices meet at one state row
        mine, other = people[number // 2], people[number // 2 + len(devices) // 2]
        if device.slots:
            spans = [(1, mine, start, None), (2, other, start, None)]
        elif number % 10 == 3:
            spans = []
        elif number % 10 == 5:
            spans = [(None, mine, start, middle), (None, other, middle, None)]
        else:
            spans = [(None, mine, start, None)]
        for slot, patient, since, until in spans:
            connection.execute(
                "INSERT INTO assignment (device_id, user_slot, patient_id, during) VALUES (%s, %s, %s, tstzrange(%s, %s))",
                (row[0], slot, patient, since, until),
            )
    return ids


def load_holdings(connection: psycopg.Connection[tuple[object, ...]]) -> dict[int, list[Holding]]:
    """Return the assignments by device."""
    holdings: dict[int, list[Holding]] = {}
    for row in connection.execute(
        "SELECT device_id, user_slot, patient_id, (extract(epoch FROM lower(during)) * 1000000)::bigint,"
        " (extract(epoch FROM upper(during)) * 1000000)::bigint FROM assignment"
    ):
        holding = Holding(*row)  # type: ignore[arg-type]
        holdings.setdefault(holding.device_id, []).append(holding)
    return holdings


def _add_patient(connection: psycopg.Connection[tuple[object, ...]], number: int) -> int:
    row = connection.execute(
        "INSERT INTO patient (record_number, name, programmes, is_synthetic) VALUES (%s, %s, %s, true) RETURNING id",
        (f"L{number:05}", f"Ledger {number}", ["heart_failure"] if number % 2 else ["copd"]),
    ).fetchone()
    assert row is not None and isinstance(row[0], int)
    return row[0]
