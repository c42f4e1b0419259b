"""Arrivals: the order in which a history came in, cut where live judgement would have been interrupted.

Live readings that come in order can be judged in one go, however many there are: how they are cut into batches makes no
difference (`alerts/evaluate.py`). What arrives late sets off a rebuild, so it stands in a wave of its own. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.batch import Batch
from devices.vitals import VITALS

_BITS = 1 << np.arange(len(VITALS), dtype=np.int32)

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """n measurements of some patients in the order in which they came in, patient by patient."""

    #: (n,) the rows of the history, by patient, received_at and measured_at
    row: Rows
    #: (n,) row of the patient
    patient: Rows
    #: (n,) place of the first that came in with this one: what arrives at once is judged at once
    group: Rows
    #: (n,) number of the wave it is judged in: ascending for each patient, what came late alone
    wave: NDArray[np.int64]

    def waves(self) -> Iterator[Rows]:
        """Yield the places that are judged together, wave by wave, each in the order of arrival."""
        if not len(self.wave) or not self.wave.any():
            yield np.arange(len(self.wave))
            return
        order = np.argsort(self.wave, kind="stable")
        yield from np.split(order, np.flatnonzero(np.diff(self.wave[order])) + 1)


def arrange(history: Batch, patient: Rows, together: NDArray[np.bool_]) -> Arrivals:
    """Return how a history came in; `patient` (n,) is each measurement's patient as a row.

    `together` (vitals, vitals) says which vitals some rule judges as one: a reading is late for them where it is not newer
    than one of any of them. Saying late of too many costs time, never the truth: judging finds out by itself.
    """
    row = np.lexsort((history.seq, history.device_id, history.measured_at, history.received_at, patient))
    who, received, measured = patient[row], history.received_at[row], history.measured_at[row]
    n = len(row)
    index = np.arange(n)
    new_patient = np.ones(n, bool)
    new_patient[1:] = who[1:] != who[:-1]
    new_group = new_patient.copy()
    new_group[1:] |= received[1:] != received[:-1]
    group = np.maximum.accumulate(np.where(new_group, index, 0))
    late = np.zeros(n, bool)
    overtaken = _overtaken(who, measured, group)
    if overtaken.any():
        # only patients with anything out of order need the closer look, vital by vital
        some = np.isin(who, np.unique(who[overtaken]))
        clean = ~np.isnan(history.values[row[some]]) & (history.suspect[row[some]][:, None] & _BITS == 0)
        for vital in np.flatnonzero(clean.any(axis=0)).tolist():
            has = clean[:, together[vital]].any(axis=1)
            place = np.flatnonzero(some)[has]
            late[place] |= _overtaken(who[place], measured[place], group[place])
    return Arrivals(row, who, group, _waves(late, new_patient, group))


def _overtaken(who: Rows, measured: NDArray[np.int64], group: Rows) -> NDArray[np.bool_]:
    """Return (n,): whether something at least as new came in before it, for rows by patient and arrival."""
    n = len(who)
    if not n:
        return np.zeros(0, bool)
    first = np.ones(n, bool)
    first[1:] = group[1:] != group[:-1]
    start = np.maximum.accumulate(np.where(first, np.arange(n), 0))
    span = int(measured.max() - measured.min()) + 1
    if span * (int(who.max()) + 2) > 1 << 62:
        raise ValueError("the history spans too long a time: play fewer patients at once")
    key = (measured - measured.min()) + who.astype(np.int64) * span
    newest = np.maximum.accumulate(key)
    before = np.maximum(start - 1, 0)
    overtaken: NDArray[np.bool_] = (start > 0) & (who[before] == who) & (key <= newest[before])
    return overtaken


def _waves(late: NDArray[np.bool_], new_patient: NDArray[np.bool_], group: Rows) -> NDArray[np.int64]:
    """Return (n,) the number of each row's wave: it grows at a group that is late, and at the one after it."""
    n = len(late)
    if not late.any():
        return np.zeros(n, np.int64)
    of_group = np.zeros(n, bool)
    np.logical_or.at(of_group, group, late)
    is_late = of_group[group]
    starts = group == np.arange(n)
    before = np.zeros(n, bool)
    before[1:] = is_late[:-1]
    grows = starts & (is_late | before) & ~new_patient
    count = np.cumsum(grows)
    begin = np.maximum.accumulate(np.where(new_patient, np.arange(n), 0))
    waves: NDArray[np.int64] = count - count[begin]
    return waves
