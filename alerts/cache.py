"""Cache: the states that this worker saved last, so that a batch need not read back what it wrote.

Safe because nothing in it is believed unless the locked row still has the version it was saved with. One transaction at a
time; what a transaction changed is kept only when it is known to be committed.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.people import Dated, People, joined
from alerts.state import Layout, States

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
    #: which rules judge them, and what is theirs alone
    people: People

    def rows_of(self, patient_id: NDArray[np.int32]) -> NDArray[np.intp]:
        """Return the row of each patient; all of them must be locked."""
        rows = np.searchsorted(self.patient_id, patient_id)
        if len(rows) and (rows.max(initial=0) >= len(self.patient_id) or np.any(self.patient_id[rows] != patient_id)):
            raise ValueError("a patient is judged whose state was not locked first")
        return rows


class StateCache:
    """States by patient, as large columns that batches take rows from."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._slot = np.full(1024, _UNKNOWN, np.int64)
        self._used = 0
        self._version = np.full(1024, _UNKNOWN, np.int64)
        self._states = States.empty(1024, layout)
        self._mask = np.zeros((1024, layout.rules), bool)
        self._zone = np.zeros(1024, np.intp)
        self._zones: dict[str, int] = {}
        #: slot → limits and references, of those who have any
        self._own: dict[int, tuple[Dated, Dated]] = {}
        self._has_own = np.zeros(1024, bool)
        self._waiting: list[Locked] = []

    def find(self, patient_id: NDArray[np.int32], version: NDArray[np.int64]) -> tuple[NDArray[np.bool_], States, People]:
        """Return (which are known at this version, their states, what is theirs); rows of the unknown ones are empty."""
        self._reach(int(patient_id.max(initial=0)))
        slot = self._slot[patient_id]
        known = (slot != _UNKNOWN) & (self._version[slot] == version)
        if known.all():
            return known, self._states.take(slot), self._people(slot, known)
        states = States.empty(len(patient_id), self._layout)
        rows = np.flatnonzero(known)
        states.put(rows, self._states.take(slot[rows]))
        return known, states, self._people(slot, known)

    def _people(self, slot: NDArray[np.int64], known: NDArray[np.bool_]) -> People:
        mask = self._mask[slot] & known[:, None]
        own = [(row, *self._own[int(slot[row])]) for row in np.flatnonzero(known & self._has_own[slot]).tolist()]
        limits = joined([limits.moved_to(row) for row, limits, _ in own])
        references = joined([references.moved_to(row) for row, _, references in own])
        return People(mask, limits, references, np.where(known, self._zone[slot], 0), tuple(self._zones) or ("UTC",))

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
            self._mask[slot] = saved.people.mask
            zones = np.array([self._zones.setdefault(zone, len(self._zones)) for zone in saved.people.zones], np.intp)
            self._zone[slot] = zones[saved.people.zone]
            self._keep_own(slot, saved.people)
            self._version[slot] = np.where(saved.is_stale, _UNKNOWN, saved.version)
        self._waiting.clear()

    def _keep_own(self, slot: NDArray[np.int64], people: People) -> None:
        had = np.flatnonzero(self._has_own[slot])
        has = np.union1d(people.limits.patient, people.references.patient)
        for row in np.setdiff1d(had, has).tolist():
            self._own.pop(int(slot[row]), None)
        self._has_own[slot[had]] = False
        self._has_own[slot[has]] = True
        for row in has.tolist():
            one = np.array([row], np.intp)
            self._own[int(slot[row])] = (people.limits.take(one), people.references.take(one))

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
        old = (self._version, self._states, self._mask, self._zone, self._has_own)
        rows = np.arange(len(self._version))
        self._version = np.full(size, _UNKNOWN, np.int64)
        self._states, self._mask = States.empty(size, self._layout), np.zeros((size, self._layout.rules), bool)
        self._zone, self._has_own = np.zeros(size, np.intp), np.zeros(size, bool)
        self._version[rows], self._mask[rows], self._zone[rows], self._has_own[rows] = old[0], old[2], old[3], old[4]
        self._states.put(rows, old[1])
