"""Which measurements of a batch are new: by sequence where a device keeps one, by content where it has nothing better.

Measurements with a time but no sequence are left to the unique index. Works on locked devices, so the answer holds until the
transaction ends.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from devices.columns import ABSENT, Columns
from devices.locked import LockedDevices
from devices.vitals import COLUMN

_WEIGHT: Final = COLUMN["body_weight"]

#: rows of a batch by (device, boot), each in their order of arrival
Runs = dict[tuple[int, str], list[int]]


def find_runs(columns: Columns, device: NDArray[np.int32]) -> Runs:
    """Return the rows that carry a sequence, by the run they belong to."""
    runs: Runs = {}
    for row, (key, boot) in enumerate(zip(device.tolist(), columns.boot, strict=True)):
        if boot is None:
            continue
        if (run := runs.get((key, boot))) is None:
            runs[key, boot] = [row]
        else:
            run.append(row)
    return runs


def find_fresh(
    locked: LockedDevices, columns: Columns, device: NDArray[np.int32], received: NDArray[np.int64], runs: Runs
) -> NDArray[np.bool_]:
    """Take the sequence numbers of these measurements in their order of arrival; return (n,) bool, whether each is new."""
    fresh = np.ones(len(columns), bool)
    locked.load_boots(runs)
    numbers, firsts = columns.seq.tolist(), columns.first.tolist() if columns.first.any() else None
    unsure: Runs = {}
    for pair, rows in runs.items():
        if firsts is not None or not locked.sequence(*pair).take_next([numbers[row] for row in rows]):
            unsure[pair] = rows
    seen_before = {pair for pair, rows in unsure.items() if min(numbers[row] for row in rows) <= locked.sequence(*pair).high}
    if seen_before:
        locked.load_gaps(seen_before)
    for pair, rows in unsure.items():
        sequence = locked.sequence(*pair)
        for row in rows:
            if firsts is not None and firsts[row] - 1 > sequence.high:
                sequence.give_up(firsts[row])
            fresh[row] = sequence.take(numbers[row])
    timeless = np.flatnonzero(np.array([boot is None for boot in columns.boot], bool) & (columns.time == ABSENT))
    if len(timeless):
        locked.load_windows(device[timeless].tolist())
        has_weight = ~np.isnan(columns.values[:, _WEIGHT])
        for row in timeless.tolist():
            window = locked.window(int(device[row]))
            fresh[row] = window.take(numbers[row], int(received[row]), is_weight=bool(has_weight[row]))
    return fresh
