"""Overtaken: what of a batch cannot be judged as it comes, since readings at least as new were judged before it.

Pure. A vital is overtaken by itself; a signal that reads several by any of them. What is found here is left out of live
judgement as a whole and judged again from history (`alerts/rebuild.py`).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.rules import RuleSet
from alerts.signals.signal import CONSCIOUSNESS
from alerts.state import States
from devices.vitals import VITALS

#: the time of the first late reading where there is none
NO_LATE: Final = 1 << 62
_VITALS: Final = len(VITALS)


@dataclass(slots=True, eq=False)
class Overtaken:
    """What cannot be judged of P patients."""

    #: (P, vitals) bool
    vitals: NDArray[np.bool_]
    #: (P, R) bool
    rules: NDArray[np.bool_]
    #: (P, S) bool
    signals: NDArray[np.bool_]
    #: (P,) int64 microseconds: the first reading left out, NO_LATE where there is none
    since: NDArray[np.int64]
    #: there is any
    is_any: bool = False

    @classmethod
    def none(cls, mask: NDArray[np.bool_], need: NDArray[np.bool_]) -> "Overtaken":
        """Return nothing."""
        patients = len(mask)
        since = np.full(patients, NO_LATE, np.int64)
        return cls(np.zeros((patients, _VITALS), bool), np.zeros(mask.shape, bool), np.zeros(need.shape, bool), since)


def find_overtaken(
    rules: RuleSet,
    before: States,
    mask: NDArray[np.bool_],
    need: NDArray[np.bool_],
    patient: NDArray[np.intp],
    time: NDArray[np.int64],
    clean: NDArray[np.bool_],
    consciousness: NDArray[np.uint8],
) -> Overtaken:
    """Return what of which patients a batch is too late for; `need` (P, S) says which signals are followed for whom."""
    found, plan = Overtaken.none(mask, need), rules.plan
    overtaken = clean & (time[:, None] <= before.newest[patient])
    if overtaken.any():
        rows, vitals = np.nonzero(overtaken)
        found.vitals[patient[rows], vitals] = True
        found.signals = need & (found.vitals @ plan.feeds[:, :_VITALS].T)
    for number, signal in enumerate(plan.signals):
        if not need[:, number].any() or (seen := signal.seen(before.memory[number])) is None:
            continue
        behind = np.flatnonzero(need[:, number][patient] & (time <= seen[patient]))
        if len(behind):
            present = clean[behind][:, plan.feeds[number, :_VITALS]].any(axis=1)
            present |= plan.feeds[number, CONSCIOUSNESS] & (consciousness[behind] != 0)
            found.signals[patient[behind[present]], number] = True
    if not found.vitals.any() and not found.signals.any():
        return found
    plain = plan.signal < 0
    found.rules[:, plain] = mask[:, plain] & found.vitals[:, plan.column[plain]]
    found.rules[:, ~plain] = mask[:, ~plain] & found.signals[:, plan.signal[~plain]]
    # a vital that no rule judges and no signal reads is nobody's news
    read = found.signals @ plan.feeds
    for column in np.unique(plan.column[plain]).tolist():
        read[:, column] |= found.rules[:, plain & (plan.column == column)].any(axis=1)
    found.vitals &= read[:, :_VITALS]
    found.is_any = bool(found.rules.any() or found.signals.any())
    if found.is_any:
        present = (clean & read[patient][:, :_VITALS]).any(axis=1) | ((consciousness != 0) & read[patient, CONSCIOUSNESS])
        np.minimum.at(found.since, patient[present], time[present])
    return found
