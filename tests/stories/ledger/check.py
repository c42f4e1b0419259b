"""The comparison of the ledger with the database: what was lost, stored twice, judged twice, altered, or told wrongly."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import psycopg

from alerts.engine import Engine
from alerts.rules import load_rules
from database.arrays import register_arrays
from devices.identity import boot_hash
from devices.vitals import VITALS
from tests.stories.ledger.device import Device, Kind, Measured
from tests.stories.ledger.people import load_holdings

_COLUMNS: Final = ", ".join(vital.name for vital in VITALS)
_ROWS: Final = (
    "SELECT device_id, boot, seq, (extract(epoch FROM device_time) * 1000000)::bigint,"
    f" (extract(epoch FROM measured_at) * 1000000)::bigint, patient_id, user_slot, {_COLUMNS} FROM measurement"
)


@dataclass(slots=True)
class Verdict:
    """What the comparison found, counted in measurements unless said otherwise."""

    measured: int = 0
    stored: int = 0
    lost: int = 0
    #: of those that were lost: made by devices that keep no sequence
    lost_plain: int = 0
    stored_twice: int = 0
    #: rows that no device measured
    invented: int = 0
    #: rows whose values or device time are not those of the ledger
    altered: int = 0
    #: rows that belong to another patient than the assignment says
    misattributed: int = 0
    attributed: int = 0
    judged: int = 0
    #: patients whose count of judged rows is above their rows
    patients_judged_twice: int = 0
    #: patients whose count is below
    patients_unjudged: int = 0
    #: what else is wrong, in words
    others: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """Return the figures in one line, and what is wrong in a line each."""
        figures = (
            f"{self.measured:,} measured, {self.stored:,} stored, {self.lost:,} lost, {self.stored_twice:,} stored twice; "
            f"{self.attributed:,} attributed, {self.judged:,} judged"
        )
        return "\n".join([figures, *(f"WRONG: {fault}" for fault in self.faults())])

    def faults(self) -> list[str]:
        """Return what is wrong, [] when nothing is."""
        counted = {
            "measurements lost": self.lost,
            "measurements stored twice": self.stored_twice,
            "rows that nobody measured": self.invented,
            "rows altered": self.altered,
            "rows of the wrong patient": self.misattributed,
            "measurements judged twice": max(0, self.judged - self.attributed),
            "patients judged twice": self.patients_judged_twice,
            "measurements not judged": max(0, self.attributed - self.judged),
            "patients not judged": self.patients_unjudged,
        }
        return [f"{count:,} {what}" for what, count in counted.items() if count] + self.others


def compare(
    connection: psycopg.Connection[tuple[Any, ...]],
    devices: Sequence[Device],
    ids: Mapping[str, int],
    acks: Mapping[str, tuple[str, int]],
) -> Verdict:
    """Compare the devices' ledgers with the database; `acks` are the retained acknowledgements by device."""
    verdict = Verdict()
    _compare_rows(connection, devices, ids, verdict)
    _compare_judged(connection, verdict)
    _compare_sequences(connection, devices, ids, acks, verdict)
    _compare_counts(connection, devices, ids, verdict)
    _compare_states(connection, verdict)
    return verdict


def _compare_rows(
    connection: psycopg.Connection[tuple[Any, ...]], devices: Sequence[Device], ids: Mapping[str, int], verdict: Verdict
) -> None:
    ledger = {_key(device, ids[device.name], made): (device, made) for device in devices for made in device.ledger}
    plain = {ids[device.name] for device in devices if device.kind is Kind.PLAIN}
    holdings = load_holdings(connection)
    verdict.measured = sum(len(device.ledger) for device in devices)
    assert len(ledger) == verdict.measured, "two lines of the ledger look the same"
    seen: Counter[tuple[int, int, int]] = Counter()
    for device_id, boot, seq, device_time, measured_at, patient, slot, *values in connection.execute(_ROWS):
        verdict.stored += 1
        key = (device_id, 0, device_time) if device_id in plain else (device_id, boot, seq)
        seen[key] += 1
        if (line := ledger.get(key)) is None:
            verdict.invented += 1
            continue
        _, made = line
        verdict.altered += not _is_same(made, device_time, slot, values)
        owners = [one.patient_id for one in holdings.get(device_id, []) if one.covers(slot, measured_at)]
        verdict.misattributed += [patient] != (owners or [None])
        verdict.attributed += patient is not None
    missing = ledger.keys() - seen.keys()
    verdict.lost = len(missing)
    verdict.lost_plain = sum(key[0] in plain for key in missing)
    verdict.stored_twice = sum(count - 1 for count in seen.values())


def _key(device: Device, device_id: int, made: Measured) -> tuple[int, int, int]:
    if device.kind is Kind.PLAIN:
        assert made.time is not None
        return device_id, 0, made.time
    return device_id, boot_hash(made.boot), made.seq


def _is_same(made: Measured, device_time: int, slot: int | None, values: Sequence[float | None]) -> bool:
    if slot != made.slot or (made.time is not None and made.time != device_time):
        return False
    wanted = [made.values.get(vital.name) for vital in VITALS]
    return all(
        (a is None) == (b is None) and (a is None or b is None or np.float32(a) == np.float32(b))
        for a, b in zip(wanted, values, strict=True)
    )


def _compare_judged(connection: psycopg.Connection[tuple[Any, ...]], verdict: Verdict) -> None:
    for rows, judged in connection.execute(
        "SELECT coalesce(rows, 0), coalesce(judged, 0) FROM patient_state"
        " FULL JOIN (SELECT patient_id, count(*) AS rows FROM measurement WHERE patient_id IS NOT NULL GROUP BY 1) AS stored"
        " USING (patient_id)"
    ):
        verdict.judged += judged
        verdict.patients_judged_twice += judged > rows
        verdict.patients_unjudged += judged < rows


def _compare_sequences(
    connection: psycopg.Connection[tuple[Any, ...]],
    devices: Sequence[Device],
    ids: Mapping[str, int],
    acks: Mapping[str, tuple[str, int]],
    verdict: Verdict,
) -> None:
    marks = {
        (device_id, boot): (seq, above)
        for device_id, boot, seq, above in connection.execute(
            "SELECT device_id, boot, seq, above FROM device_state WHERE boot IS NOT NULL"
            " UNION ALL SELECT device_id, boot, seq, above FROM device_boot WHERE boot <> ''"
        )
    }
    ours = {
        (ids[device.name], boot): last for device in devices if device.kind.has_sequence for boot, last in device.last.items()
    }
    wrong = [key for key, last in ours.items() if marks.get(key) != (last, [])]
    _note(verdict, "sequences whose mark is not the last number", wrong)
    # a boot that was announced and ended before its first measurement has a mark of nothing, and no place in the ledger
    begun = {key for key, mark in marks.items() if mark != (0, [])}
    _note(verdict, "sequences that no device has", begun - ours.keys())
    untrue = [
        device.name
        for device in devices
        if device.kind.has_sequence and (said := acks.get(device.name, ("", 0)))[1] != device.last.get(said[0], 0)
    ]
    _note(verdict, "devices whose retained acknowledgement is not their last number", untrue)
    gaps = connection.execute("SELECT device_id FROM device_gap").fetchall()
    _note(verdict, "ranges given up", gaps)


def _compare_counts(
    connection: psycopg.Connection[tuple[Any, ...]], devices: Sequence[Device], ids: Mapping[str, int], verdict: Verdict
) -> None:
    filled = " + ".join(f"count({vital.name})" for vital in VITALS)
    stored = dict(connection.execute(f"SELECT device_id, {filled} FROM measurement GROUP BY 1").fetchall())  # type: ignore[arg-type]
    wrong = []
    for device_id, told, quarantined in connection.execute(
        "SELECT device_id, readings_stored, readings_quarantined FROM device_state"
    ):
        device = next(device for device in devices if ids[device.name] == device_id)
        unreadable = sum(made.unreadable for made in device.ledger)
        # a plain device's message that comes again is recognised by its row alone, so its unreadable part is counted again
        right = quarantined >= unreadable if device.kind is Kind.PLAIN else quarantined == unreadable
        if told != stored.get(device_id, 0) or not right:
            wrong.append(
                f"{device.name}: {told} said, {stored.get(device_id, 0)} stored; {quarantined} of {unreadable} quarantined"
            )
    _note(verdict, "devices whose counts are wrong", wrong)
    kept = connection.execute("SELECT count(*) FROM quarantine").fetchone()
    unreadable = sum(made.unreadable for device in devices for made in device.ledger)
    if kept is None or kept[0] != unreadable:
        verdict.others.append(f"{kept and kept[0]} things in quarantine for {unreadable} unreadable values")


def _compare_states(connection: psycopg.Connection[tuple[Any, ...]], verdict: Verdict) -> None:
    """Judge everything again from what is stored: however readings were delivered, states must come out the same (I6)."""
    now = dt.datetime.now(dt.UTC)
    states = "SELECT patient_id, state FROM patient_state"
    before = dict(connection.execute(states).fetchall())
    with connection.transaction(force_rollback=True):
        register_arrays(connection)
        Engine(load_rules(None)).rejudge(connection, sorted(before), now)
        after = dict(connection.execute(states).fetchall())
    _note(
        verdict,
        "patients whose state is not what their measurements lead to",
        [one for one in before if before[one] != after[one]],
    )


def _note(verdict: Verdict, what: str, found: Iterable[object]) -> None:
    names = [str(one) for one in found]
    if names:
        verdict.others.append(f"{len(names):,} {what}, such as {names[0]}")
