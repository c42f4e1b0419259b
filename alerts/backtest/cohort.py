"""Cohort: whose history is played, and what is theirs whatever the rules are: programmes, and the time they were watched.

A noun; `alerts/backtest/play.py` lays it out for one set of rules after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
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
    #: what clinicians set about them: rows of patients, places in REFERENCES
    references: Dated = field(default_factory=Dated.none)
    #: (P,) place of each patient's time zone in `zones`, None where all are in the first
    zone: NDArray[np.intp] | None = None
    zones: tuple[str, ...] = ("UTC",)

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
        zone = None if self.zone is None else self.zone[rows]
        programmes = [self.programmes[row] for row in rows.tolist()]
        return Cohort(self.patient_id[rows], programmes, self.references.take(rows), zone, self.zones)

    def people(self, rules: RuleSet) -> People:
        """Return what judging by these rules has to know of them."""
        zone = np.zeros(len(self), np.intp) if self.zone is None else self.zone
        return People(rules.mask(self.programmes), Dated.none(), self.references, zone, self.zones)
