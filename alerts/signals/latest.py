"""Latest: the newest value of each of several inputs at every reading, and its age; what composites and scores stand on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alerts.signals.signal import starts_of


@dataclass(frozen=True, slots=True, eq=False)
class Latest:
    """k inputs at n readings."""

    #: (n, k) float64, NaN where none was ever seen
    value: NDArray[np.float64]
    #: (n, k) int64 microseconds when it was measured, 0 where none was
    at: NDArray[np.int64]
    #: (n, k) bool: it was measured in this batch, else remembered
    is_here: NDArray[np.bool_]
    #: (n, k) the row that holds it, where it is here
    row: NDArray[np.intp]
    #: (n,) bool: this reading holds one of them
    is_any: NDArray[np.bool_]

    def recent(self, time: NDArray[np.int64], within: int) -> NDArray[np.bool_]:
        """Return (n, k): which are there and no older than so many microseconds."""
        there: NDArray[np.bool_] = (self.at != 0) & (time[:, None] - self.at <= within)
        return there


def memory_of(inputs: int) -> np.dtype[np.void]:
    """Return the memory of so many inputs."""
    return np.dtype([("value", "<f4", (inputs,)), ("at", "<i8", (inputs,))])


def follow_latest(
    memory: NDArray[np.void], patient: NDArray[np.intp], time: NDArray[np.int64], inputs: NDArray[np.float64]
) -> Latest:
    """Return the newest of each input (n, k) at each reading, itself included, and remember the last ones."""
    n, k = inputs.shape
    there = ~np.isnan(inputs)
    start = starts_of(patient)
    first = np.repeat(start, np.diff(np.append(start, n)))[:, None]
    place = np.where(there, np.arange(n)[:, None], -1)
    if len(start) < n:
        place = np.maximum.accumulate(place, axis=0)
    known = place >= first
    inside = np.maximum(place, 0)
    held = memory[patient]
    at = np.where(known, time[inside], held["at"])
    value = np.where(known, inputs[inside, np.arange(k)], np.where(held["at"] != 0, held["value"], np.nan))
    last = np.append(start[1:], n) - 1
    owner = patient[start]
    memory["at"][owner], memory["value"][owner] = at[last], np.where(at[last] != 0, value[last], 0.0)
    return Latest(value, at, known, inside, np.logical_or.reduce(there, axis=1))
