"""Which measurements of a batch are new: by sequence where a device keeps one, by content where it has nothing better.

Measurements with a time but no sequence are left to the unique index, and those of which nothing could be read have no content
to compare. Works on locked devices, so the answer holds until the transaction ends.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from devices.columns import ABSENT
from devices.locked import LockedDevices
from devices.vitals import COLUMN
from ingest.draft import Draft, Runs

_WEIGHT: Final = COLUMN["body_weight"]


def find_fresh(locked: LockedDevices, draft: Draft) -> NDArray[np.bool_]:
    """Take the sequence numbers of these measurements in their order of arrival; return (n,) bool, whether each is new."""
    columns = draft.columns
    fresh = np.ones(len(columns), bool)
    locked.load_boots(draft.runs)
    numbers, firsts = columns.seq.tolist(), columns.first.tolist() if columns.first.any() else None
    unsure: Runs = {}
    for pair, rows in draft.runs.items():
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
    _compare_contents(locked, draft, fresh)
    return fresh


def _compare_contents(locked: LockedDevices, draft: Draft, fresh: NDArray[np.bool_]) -> None:
    """Mark repetitions among the measurements that carry neither sequence nor time."""
    columns = draft.columns
    unnumbered = np.array([boot is None for boot in columns.boot], bool)
    timeless = np.flatnonzero(unnumbered & (columns.time == ABSENT) & (columns.readings() > 0))
    if not len(timeless):
        return
    locked.load_windows(draft.device[timeless].tolist())
    for row in timeless.tolist():
        window, is_weight = locked.window(int(draft.device[row])), not np.isnan(columns.values[row, _WEIGHT])
        fresh[row] = window.take(int(columns.seq[row]), int(draft.received[row]), is_weight=is_weight)
