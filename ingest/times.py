"""Placing measurements in time: the usual ones column-wise, the odd ones by `devices.clock`, one at a time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.clock import EARLIEST, correct
from devices.columns import ABSENT, Columns


@dataclass(frozen=True, slots=True)
class Placed:
    """Where each of n measurements lies in time, microseconds since 1970 UTC."""

    #: (n,) int64, immutable: identity and partition
    device_time: NDArray[np.int64]
    #: (n,) int64, corrected: what rules judge on
    measured_at: NDArray[np.int64]
    #: flags to add, by row
    flags: dict[int, tuple[str, ...]]
    #: why a row cannot be placed at all, by row
    impossible: dict[int, str]


def place_in_time(columns: Columns, received: NDArray[np.int64], retained: NDArray[np.bool_]) -> Placed:
    """Return where the measurements lie in time, given when each arrived.

    A retained message without a time of its own is of unknown age, so it cannot be placed.
    """
    time, clock = columns.time, columns.clock
    usual = (time >= EARLIEST) & (time <= received) & ((clock == ABSENT) | (clock >= EARLIEST) & (clock <= received))
    device_time = np.where(usual, time, received)
    measured_at = device_time.copy()
    flags: dict[int, tuple[str, ...]] = {}
    impossible: dict[int, str] = {}
    for row in np.flatnonzero(~usual).tolist():
        if time[row] == ABSENT and retained[row]:
            impossible[row] = "The broker kept this message, and nothing in it tells how old it is."
            continue
        corrected = correct(_given(time[row]), _given(clock[row]), int(received[row]), columns.boot[row] is not None)
        device_time[row], measured_at[row] = corrected.device_time, corrected.measured_at
        if corrected.flags:
            flags[row] = corrected.flags
        if corrected.impossible is not None:
            impossible[row] = corrected.impossible
    return Placed(device_time, measured_at, flags, impossible)


def _given(moment: np.int64) -> int | None:
    return None if moment == ABSENT else int(moment)
