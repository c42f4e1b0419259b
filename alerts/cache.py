"""Cache: the states that this worker saved last, so that a batch need not read back what it wrote.

Safe because nothing in it is believed unless the locked row still has the version it was saved with. One transaction at a
time; what a transaction changed is kept only when it is known to be committed.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.state import States

_UNKNOWN: Final = -1


@dataclass(slots=True, eq=False)
class Locked:
    """The state of some patients while their rows are locked; row i of every array belongs together."""

    #: (P,) int32, ascending
    patient_id: NDArray[np.int32]
    #: (P,) int64 version of the row as locked
    version: NDArray[np.int64]
    #: (P,) bool: laid out by another rule set, or known to be wrong: must be rebuilt before it is used
    is_stale: NDArray[np.bool_]
    #: their conditions
    states: States
    #: (P, R) which rules judge whom
    mask: NDArray[np.bool_]

    def rows_of(self, patient_id: NDArray[np.int32]) -> NDArray[np.intp]:
        """Return the row of each patient; all of them must be locked."""
        rows = np.searchsorted(self.patient_id, patient_id)
        if len(rows) and (rows.max(initial=0) >= len(self.patient_id) or np.any(self.patient_id[rows] != patient_id)):
            raise ValueError("a patient is judged whose state was not locked first")
        return rows


class StateCache:
    """States by patient, as large columns that batches take rows from."""

    def __init__(self, rules: int) -> None:
        self._rules = rules
        self._slot = np.full(1024, _UNKNOWN, np.int64)
        self._used = 0
        self._version = np.full(1024, _UNKNOWN, np.int64)
        self._states = States.empty(1024, rules)
        self._mask = np.zeros((1024, rules), bool)
        self._waiting: list[Locked] = []

    def find(
        self, patient_id: NDArray[np.int32], version: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], States, NDArray[np.bool_]]:
        """Return (which are known at this version, their states, their masks); rows of the unknown ones are empty."""
        self._reach(int(patient_id.max(initial=0)))
        slot = self._slot[patient_id]
        known = (slot != _UNKNOWN) & (self._version[slot] == version)
        if known.all():
            return known, self._states.take(slot), self._mask[slot]
        states, mask = States.empty(len(patient_id), self._rules), np.zeros((len(patient_id), self._rules), bool)
        rows = np.flatnonzero(known)
        states.put(rows, self._states.take(slot[rows]))
        mask[rows] = self._mask[slot[rows]]
        return known, states, mask

    def keep(self, saved: Locked) -> None:
        """Remember what was saved in this transaction, until it is known how that ended."""
        self._waiting.append(saved)

    def committed(self) -> None:
        """Believe what the transaction saved."""
        for saved in self._waiting:
            self._reach(int(saved.patient_id.max(initial=0)))
            new = saved.patient_id[self._slot[saved.patient_id] == _UNKNOWN]
            self._grow(self._used + len(new))
            self._slot[new] = np.arange(self._used, self._used + len(new))
            self._used += len(new)
            slot = self._slot[saved.patient_id]
            self._states.put(slot, saved.states)
            self._mask[slot] = saved.mask
            self._version[slot] = np.where(saved.is_stale, _UNKNOWN, saved.version)
        self._waiting.clear()

    def rolled_back(self) -> None:
        """Forget what the transaction saved."""
        self._waiting.clear()

    def _reach(self, patient_id: int) -> None:
        if patient_id >= len(self._slot):
            grown = np.full(max(patient_id + 1, 2 * len(self._slot)), _UNKNOWN, np.int64)
            grown[: len(self._slot)] = self._slot
            self._slot = grown

    def _grow(self, size: int) -> None:
        if size <= len(self._version):
            return
        size = max(size, 2 * len(self._version))
        old, rows = (self._version, self._states, self._mask), np.arange(len(self._version))
        self._version = np.full(size, _UNKNOWN, np.int64)
        self._states, self._mask = States.empty(size, self._rules), np.zeros((size, self._rules), bool)
        self._version[rows], self._mask[rows] = old[0], old[2]
        self._states.put(rows, old[1])
