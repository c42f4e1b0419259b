"""Placing measurements in time: the usual ones column-wise, the odd ones by `devices.clock`, one at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from devices.clock import EARLIEST, correct
from devices.decoded import Decoded

_ABSENT: Final = -1


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


def place_in_time(measurements: Sequence[Decoded], received: NDArray[np.int64], retained: Sequence[bool]) -> Placed:
    """Return where the measurements lie in time, given when each arrived.

    A retained message without a time of its own is of unknown age, so it cannot be placed.
    """
    count = len(measurements)
    time = np.fromiter((_ABSENT if one.time is None else one.time for one in measurements), np.int64, count)
    clock = np.fromiter((EARLIEST if one.clock is None else one.clock for one in measurements), np.int64, count)
    usual = (time >= EARLIEST) & (time <= received) & (clock >= EARLIEST) & (clock <= received)
    device_time = np.where(usual, time, received)
    measured_at = device_time.copy()
    flags: dict[int, tuple[str, ...]] = {}
    impossible: dict[int, str] = {}
    for row in np.flatnonzero(~usual).tolist():
        one = measurements[row]
        if one.time is None and retained[row]:
            impossible[row] = "The broker kept this message, and nothing in it tells how old it is."
            continue
        corrected = correct(one.time, one.clock, int(received[row]), one.boot is not None)
        device_time[row], measured_at[row] = corrected.device_time, corrected.measured_at
        if corrected.flags:
            flags[row] = corrected.flags
        if corrected.impossible is not None:
            impossible[row] = corrected.impossible
    return Placed(device_time, measured_at, flags, impossible)
