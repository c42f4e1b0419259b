"""Readings for the tests of judging: batches by hand, and a slow reference that judges one rule reading by reading."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from alerts.rule import Rule
from devices.batch import NO_SLOT, Batch
from devices.vitals import COLUMN, VITALS

#: 2026-11-23 08:00 UTC
EIGHT = 1_795_420_800_000_000
MINUTE = 60_000_000


def make_batch(
    rows: Iterable[tuple[int, int, dict[str, float]]], *, suspect: Iterable[str] = (), delay: int = 1_000_000, device: int = 1
) -> Batch:
    """Return a batch of (patient, measured_at, values); `suspect` names vitals that are implausible in every row."""
    given = list(rows)
    n = len(given)
    values = np.full((n, len(VITALS)), np.nan, np.float32)
    for row, (_, _, named) in enumerate(given):
        for name, value in named.items():
            values[row, COLUMN[name]] = value
    bits = sum(1 << COLUMN[name] for name in suspect)
    time = np.array([moment for _, moment, _ in given], np.int64)
    return Batch(
        device_id=np.full(n, device, np.int32),
        patient_id=np.array([patient for patient, _, _ in given], np.int32),
        user_slot=np.full(n, NO_SLOT, np.int16),
        device_time=time,
        measured_at=time.copy(),
        received_at=time + delay,
        boot=np.ones(n, np.int32),
        seq=np.arange(1, n + 1, dtype=np.int64),
        values=values,
        suspect=np.where(np.isfinite(values).any(axis=1), bits, 0).astype(np.int32),
        consciousness=np.zeros(n, np.uint8),
        source=np.zeros(n, np.int16),
        flags=[()] * n,
        original=[None] * n,
    )


def joined(*batches: Batch) -> Batch:
    """Return the rows of several batches, one after the other."""
    columns: dict[str, NDArray[np.generic] | list[object]] = {}
    for name in Batch.__dataclass_fields__:
        parts = [getattr(batch, name) for batch in batches]
        columns[name] = [one for part in parts for one in part] if isinstance(parts[0], list) else np.concatenate(parts)
    return Batch(**columns)  # type: ignore[arg-type]


def reference(rule: Rule, readings: Iterable[tuple[int, float]]) -> list[str]:
    """Return the condition after each reading of one vital, told as plainly as the documentation tells it."""
    assert rule.limit is not None and rule.op is not None
    wait, gap = (round(span.total_seconds() * 1e6) for span in (rule.for_, rule.max_gap))

    def beyond(value: float, limit: float) -> bool:
        return {"<": value < limit, "<=": value <= limit, ">": value > limit, ">=": value >= limit}[rule.op or ""]

    slack = rule.hysteresis if rule.op in ("<", "<=") else -rule.hysteresis
    condition, since, streak, previous = "inactive", 0, 0, 0
    told = []
    for time, value in readings:
        if condition == "firing":
            if not beyond(value, round(rule.limit + slack, 3)):
                condition = "inactive"
        elif beyond(value, rule.limit):
            if condition == "pending" and (not gap or time - previous <= gap):
                streak += 1
            else:
                since, streak = time, 1
            condition = "firing" if streak >= rule.readings and time - since >= wait else "pending"
        else:
            condition = "inactive"
        previous = time
        told.append(condition)
    return told
