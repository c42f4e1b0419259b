"""Signal: what all signals have in common. A reading's number under it follows from the readings before it alone.

Pure. A signal is followed over whole batches; how a patient's readings are cut into batches makes no difference.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from devices.vitals import VITALS

#: columns of what is judged: the vitals, then whether a person is not alert, whether the device called the pulse irregular,
#: then what signals say
CONSCIOUSNESS: Final = len(VITALS)
IRREGULAR: Final = CONSCIOUSNESS + 1
FIRST_DERIVED: Final = IRREGULAR + 1
#: the flag that devices raise for an irregular pulse
IRREGULAR_PULSE: Final = "irregular_pulse"

DAY_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """n of a batch's N measurements, of patients whom a signal concerns, by patient and time."""

    #: (n,) rows of the batch
    row: NDArray[np.intp]
    #: (n,) row of the patient in the memory
    patient: NDArray[np.intp]
    #: (n,) int64 microseconds
    time: NDArray[np.int64]
    #: (n,) int64 day in the patient's zone, since 1970-01-01
    day: NDArray[np.int64]
    #: (n,) int64 minutes since midnight in the patient's zone
    minute: NDArray[np.int64]
    #: (N, columns) float64: judged values, NaN where there is none; derived columns as far as they are known by then
    everything: NDArray[np.float64]
    #: (N, vitals) as they were measured, not rounded to the chart
    raw: NDArray[np.float32]
    #: (N, references) float64, NaN where none is in force
    references: NDArray[np.float64]
    #: (N, vitals) bool: clean readings that breach no other clinical rule on their vital; empty where nothing learns
    learns: NDArray[np.bool_]
    #: (N, R) or (R,) float64: the limit each rule has at each reading, as the least signed value that breaches
    edges: NDArray[np.float64]

    def column(self, column: int) -> NDArray[np.float64]:
        """Return (n,) values of a column."""
        return np.asarray(self.everything[self.row, column], np.float64)

    def measured(self, column: int) -> NDArray[np.float64]:
        """Return (n,) values of a column as they were measured, where they are judged."""
        judged = self.column(column)
        return judged if column >= CONSCIOUSNESS else np.where(np.isnan(judged), np.nan, self.raw[self.row, column])

    def reference(self, place: int) -> NDArray[np.float64]:
        """Return (n,) values of a reference."""
        return np.asarray(self.references[self.row, place], np.float64)

    def edge(self, rule: int) -> NDArray[np.float64]:
        """Return the limit of a rule, (n,) or one for all."""
        return np.asarray(self.edges[rule] if self.edges.ndim == 1 else self.edges[self.row, rule], np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What a signal says of n measurements."""

    #: (n, outputs) float64, NaN where it says nothing
    values: NDArray[np.float64]
    #: for each output the numbers it rests on, (n,) each, by name
    numbers: tuple[Mapping[str, NDArray[np.float64]], ...]


class Signal(Protocol):
    """One derived number, or several that share a memory."""

    @property
    def dtype(self) -> np.dtype[np.void]:
        """Memory of one patient; an all-zero row means nothing is known."""

    @property
    def inputs(self) -> tuple[int, ...]:
        """Columns it reads: vitals, CONSCIOUSNESS, and outputs of signals before it."""

    @property
    def reach(self) -> int | None:
        """How far back in time what it says can depend on, microseconds; None for all of history."""

    @property
    def outputs(self) -> int:
        """How many numbers it says."""

    def follow(self, memory: NDArray[np.void], readings: Readings) -> Told:
        """Follow readings; `memory` (P,) is changed in place."""

    def seen(self, memory: NDArray[np.void]) -> NDArray[np.int64] | None:
        """Return (P,) the newest reading followed, microseconds, 0 for none; None where one vital alone feeds it."""


def starts_of(*keys: NDArray[np.generic]) -> NDArray[np.intp]:
    """Return where one of the keys differs from the one before: the first row of each group."""
    if not len(keys[0]):
        return np.zeros(0, np.intp)
    first = np.ones(len(keys[0]), bool)
    first[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return np.flatnonzero(first)


def minutes_of(time: str) -> int:
    """Return the minutes since midnight of a time of day.

    >>> minutes_of("04:30")
    270
    """
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)
