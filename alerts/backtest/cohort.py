"""Cohort: whose history is played, and what is theirs whatever the rules are: programmes, and the time they were watched.

A noun; `alerts/backtest/play.py` lays it out for one set of rules after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from devices.batch import Batch


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """P patients; row p of everything belongs together."""

    #: (P,) int32 keys, ascending
    patient_id: NDArray[np.int32]
    #: P lists of programme names
    programmes: Sequence[Sequence[str]]

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
        return Cohort(self.patient_id[rows], [self.programmes[row] for row in rows.tolist()])
