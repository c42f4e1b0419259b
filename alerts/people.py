"""People: what judging has to know of patients besides their readings.

Which rules judge them, their own limits and references with the time each is in force, and their time zones.

Pure data as columns, loaded once and kept with the state. A reading is judged by what held when it was measured, so that
judging history again gives the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

#: time of what has no end, microseconds
FOREVER: Final = 1 << 62


@dataclass(frozen=True, slots=True, eq=False)
class Dated:
    """k numbers about patients, each in force for a time; of several at once the later one counts."""

    #: (k,) row of the patient
    patient: NDArray[np.intp]
    #: (k,) which number it is: a column of the rules for a limit, a place in REFERENCES for a reference
    what: NDArray[np.intp]
    #: (k,) int64 microseconds, from which on it is in force
    since: NDArray[np.int64]
    #: (k,) int64 microseconds, up to which, itself excluded
    until: NDArray[np.int64]
    #: (k,) float64 in the canonical unit
    value: NDArray[np.float64]

    @classmethod
    def none(cls) -> "Dated":
        """Return no number at all."""
        return cls.of([])

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int, int, int, float]]) -> "Dated":
        """Return these (patient, what, since, until, value), in the order in which they were set."""
        columns: list[Any] = list(zip(*rows, strict=True)) or [()] * 5
        kinds = (np.intp, np.intp, np.int64, np.int64, np.float64)
        made: list[Any] = [np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
        return cls(*made)

    def __len__(self) -> int:
        return len(self.patient)

    def take(self, rows: NDArray[np.intp]) -> "Dated":
        """Return those of some patients, whose rows are counted anew."""
        if not len(self):
            return self
        place = np.full(max(int(self.patient.max()), int(rows.max(initial=0))) + 1, -1, np.intp)
        place[rows] = np.arange(len(rows))
        kept = np.flatnonzero(place[self.patient] >= 0)
        return Dated(place[self.patient[kept]], self.what[kept], self.since[kept], self.until[kept], self.value[kept])

    def moved_to(self, patient: int) -> "Dated":
        """Return the same numbers of one patient in another row."""
        return Dated(np.full(len(self), patient, np.intp), self.what, self.since, self.until, self.value)

    def in_force(
        self, patient: NDArray[np.intp], time: NDArray[np.int64]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
        """Return (row, what, value) of what is in force at n rows sorted by patient; of several the last one counts."""
        start = np.searchsorted(patient, self.patient, "left")
        count = np.searchsorted(patient, self.patient, "right") - start
        which = np.repeat(np.arange(len(self)), count)
        row = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count) + start[which]
        held = (time[row] >= self.since[which]) & (time[row] < self.until[which])
        which, row = which[held], row[held]
        return row, self.what[which], self.value[which]


def joined(parts: Sequence[Dated]) -> Dated:
    """Return numbers of several patients as one."""
    if not parts:
        return Dated.none()
    return Dated(*(np.concatenate([getattr(part, spec.name) for part in parts]) for spec in fields(Dated)))


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """P patients; row p of every array belongs together."""

    #: (P, R) bool: which rules judge whom
    mask: NDArray[np.bool_]
    #: patients' own limits
    limits: Dated
    #: patients' own references
    references: Dated
    #: (P,) place of each patient's zone in `zones`
    zone: NDArray[np.intp]
    #: names of time zones
    zones: tuple[str, ...]

    @classmethod
    def plain(cls, mask: NDArray[np.bool_], zone: str = "UTC") -> "People":
        """Return patients without limits or references of their own, all in one zone."""
        return cls(mask, Dated.none(), Dated.none(), np.zeros(len(mask), np.intp), (zone,))

    def __len__(self) -> int:
        return len(self.mask)

    def take(self, rows: NDArray[np.intp]) -> "People":
        """Return some patients."""
        return People(self.mask[rows], self.limits.take(rows), self.references.take(rows), self.zone[rows], self.zones)
