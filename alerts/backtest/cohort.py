"""Cohort: whose history is played, and what is theirs whatever the rules are: programmes, and the time they were watched.

A noun; `alerts/backtest/play.py` lays it out for one set of rules after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from alerts.people import Dated, People
from alerts.rules import RuleSet
from devices.batch import Batch


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """P patients; row p of everything belongs together."""

    #: (P,) int32 keys, ascending
    patient_id: NDArray[np.int32]
    #: P lists of programme names
    programmes: Sequence[Sequence[str]]
    #: P names of time zones; () is UTC for everybody
    zones: Sequence[str] = ()
    #: patients' own limits; `what` is the place of the rule's name in `limited`
    limits: Dated = field(default_factory=Dated.none)
    limited: tuple[str, ...] = ()
    #: patients' own references, as judging has them
    references: Dated = field(default_factory=Dated.none)

    def __len__(self) -> int:
        return len(self.patient_id)

    @classmethod
    def of(cls, history: Batch, programmes: Sequence[str] = ()) -> Self:
        """Return everybody in a history, all in the same programmes."""
        patients = np.unique(history.patient_id)
        return cls(patients, [tuple(programmes)] * len(patients))

    def rows_of(self, patient_id: NDArray[np.int32]) -> NDArray[np.intp]:
        """Return the row of each patient. Raises ValueError for one who is not among them."""
        rows = np.searchsorted(self.patient_id, patient_id)
        if len(rows) and (rows.max() >= len(self) or np.any(self.patient_id[rows] != patient_id)):
            raise ValueError("the history holds a patient who is not in the cohort")
        return rows

    def take(self, rows: NDArray[np.intp]) -> "Cohort":
        """Return some of them, ascending."""
        zones = [self.zones[row] for row in rows.tolist()] if self.zones else ()
        return Cohort(
            self.patient_id[rows],
            [self.programmes[row] for row in rows.tolist()],
            zones,
            self.limits.take(rows),
            self.limited,
            self.references.take(rows),
        )

    def people(self, rules: RuleSet) -> People:
        """Return them as a set of rules judges them."""
        names = tuple(dict.fromkeys(self.zones)) or ("UTC",)
        place = {name: number for number, name in enumerate(names)}
        zone = np.array([place[name] for name in self.zones], np.intp) if self.zones else np.zeros(len(self), np.intp)
        column = np.array([rules.column.get(name, -1) for name in self.limited], np.intp)
        what = column[self.limits.what] if len(column) else self.limits.what
        kept = what >= 0
        own = self.limits
        limits = Dated(own.patient[kept], what[kept], own.since[kept], own.until[kept], own.value[kept])
        return People(rules.mask(self.programmes), limits, self.references, zone, names)

    def without_limits_of(self, rule: str) -> "Cohort":
        """Return the same patients with no limit of their own for one rule."""
        if rule not in self.limited:
            return self
        own, kept = self.limits, self.limits.what != self.limited.index(rule)
        return replace(self, limits=Dated(own.patient[kept], own.what[kept], own.since[kept], own.until[kept], own.value[kept]))
