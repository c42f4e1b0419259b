"""Thin: which readings of a history can matter to plain limits, so that a year of minutes is played in a blink.

Pure. A condition changes by a reading that does not clear it, or by the first that does; a clear reading that follows a clear
one changes nothing, whatever it is. That holds where readings came in in the order in which they were measured: everybody
else's history is kept whole. Keeping too much costs time, never the truth (tests hold thinned and whole plays equal).
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from alerts.people import People
from alerts.rules import RuleSet
from devices.batch import Batch
from devices.vitals import VITALS

Rows = NDArray[np.intp]

_BITS: Final = 1 << np.arange(len(VITALS), dtype=np.int32)


class Lean(Batch):
    """A batch without originals, which no rule reads, and without flags where no rule reads those: cheap to take parts of."""

    __slots__ = ()

    @classmethod
    def of(cls, batch: Batch, *, reads_flags: bool) -> "Lean":
        """Return the same measurements."""
        arrays: dict[str, Any] = {name: getattr(batch, name) for name in _ARRAYS}
        flags: Any = np.empty(len(batch) if reads_flags else 0, object)
        if reads_flags:
            flags[:] = batch.flags
        return cls(**arrays, flags=flags, original=[])

    def take(self, rows: NDArray[Any] | slice) -> "Lean":
        """Return the measurements of these rows, in their order."""
        arrays: dict[str, Any] = {name: getattr(self, name)[rows] for name in _ARRAYS}
        flags: Any = self.flags
        return Lean(**arrays, flags=flags[rows] if len(flags) else flags, original=[])


_ARRAYS: Final = tuple(name for name in Batch.__dataclass_fields__ if name not in ("flags", "original"))


def thin(rules: RuleSet, people: People, history: Batch, patient: Rows) -> Rows | None:
    """Return the rows that can matter, ascending; None where all may, since rules look at more than single readings.

    `patient` (n,) is each row's patient as a row of `people`.
    """
    thresholds = rules.thresholds
    if rules.plan.signals or thresholds.of.any():
        return None
    kept = _out_of_order(history, patient, len(people))
    for (vital, sign), edge in _loosest(rules, people).items():
        value = np.ascontiguousarray(history.values[:, vital])
        with np.errstate(invalid="ignore"):
            holds = value >= edge if sign > 0 else value <= -edge
        if not holds.any():
            continue
        judged = np.flatnonzero(~np.isnan(value) & (history.suspect & _BITS[vital] == 0))
        here = holds[judged]
        here[1:] |= holds[judged[:-1]]
        kept[judged[here]] = True
    return np.flatnonzero(kept)


def _out_of_order(history: Batch, patient: Rows, patients: int) -> NDArray[np.bool_]:
    """Return (n,): the rows of patients whose readings do not lie or did not come in the order in which they were measured."""
    measured, received = history.measured_at, history.received_at
    if len(patient) < 2:
        return np.zeros(len(patient), bool)
    same = patient[1:] == patient[:-1]
    wrong = same & ((measured[1:] <= measured[:-1]) | (received[1:] < received[:-1]))
    if not wrong.any():
        return np.zeros(len(patient), bool)
    whose = np.zeros(patients, bool)
    whose[patient[1:][wrong]] = True
    return whose[patient]


def _loosest(rules: RuleSet, people: People) -> dict[tuple[int, float], float]:
    """Return, by vital and direction, the least that sign·value must be for some condition to hold, with room for rounding."""
    thresholds = rules.thresholds
    hold = thresholds.hold_edge.copy()
    if len(people.limits):
        _, own = thresholds.edges(people.limits.what, people.limits.value)
        np.minimum.at(hold, people.limits.what, own)
    found: dict[tuple[int, float], float] = {}
    for column, sign, edge in zip(thresholds.column.tolist(), thresholds.sign.tolist(), hold.tolist(), strict=True):
        room = 10.0 ** -VITALS[column].decimals
        found[column, sign] = min(found.get((column, sign), np.inf), edge - room)
    return found
