"""Evaluate: the threshold rules over a whole batch at once, live readings and history alike.

Pure numpy, O(1) per reading. Within a batch each patient's readings are judged in the order in which they were measured;
how a patient's readings are cut into batches makes no difference. A reading that is not newer than what its vital was
already judged by is not judged here but reported (`late`), for `alerts/rebuild.py` to judge in its place.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from alerts.rules import RuleSet, Thresholds
from alerts.state import FIRING, INACTIVE, NEVER, PENDING, States
from devices.batch import Batch
from devices.vitals import VITALS

_VITALS: Final = len(VITALS)
_BITS: Final = 1 << np.arange(_VITALS, dtype=np.int32)
_SCALE: Final = np.array([10.0**vital.decimals for vital in VITALS])


@dataclass(frozen=True, slots=True, eq=False)
class Transitions:
    """T changes of conditions, by rule, then patient, then time."""

    #: (T,) row of the patient in the states
    patient: NDArray[np.intp]
    #: (T,) column of the rule
    rule: NDArray[np.intp]
    #: (T,) int64 microseconds: measured_at of the reading that did it
    at: NDArray[np.int64]
    #: (T,) bool: began to fire, else ceased to
    fired: NDArray[np.bool_]
    #: (T,) int64 microseconds: first reading of the stretch that fired
    since: NDArray[np.int64]
    #: (T,) bool: the stretch held a reading that was marked as fresh
    touched: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.patient)


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a batch did to the conditions of P patients."""

    #: the states after it
    after: States
    #: conditions that began or ceased to fire
    transitions: Transitions
    #: (F,) patient and rule of the conditions that are firing after the batch and were judged in it
    holding: tuple[NDArray[np.intp], NDArray[np.intp]]
    #: (P, vitals) bool: not judged here, since a reading arrived that is not newer than those judged before
    late: NDArray[np.bool_]
    #: (P, R) bool: the stretch that is pending or firing after the batch holds a fresh reading
    touched: NDArray[np.bool_]
    #: how many (reading, rule) pairs were judged
    evaluations: int


def judged_values(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (n, vitals) as rules and screens see them: float64 rounded to the chart's precision.

    >>> float(judged_values(np.full((1, len(VITALS)), 38.1, np.float32))[0, 3])
    38.1
    """
    rounded: NDArray[np.float64] = np.rint(values.astype(np.float64) * _SCALE) / _SCALE
    return rounded


def reading_order(batch: Batch, patient: NDArray[np.intp]) -> NDArray[np.intp] | None:
    """Return the rows by patient, measured_at, device, sequence and boot; None where they lie so already."""
    who, when = patient[1:] - patient[:-1], batch.measured_at[1:] - batch.measured_at[:-1]
    if ((who > 0) | ((who == 0) & (when > 0))).all():
        return None
    order = np.lexsort((batch.measured_at, patient))
    tied = (np.diff(batch.measured_at[order]) == 0) & (np.diff(patient[order]) == 0)
    if tied.any():
        order = np.lexsort((batch.boot, batch.seq, batch.device_id, batch.measured_at, patient))
    return order


def evaluate(
    rules: RuleSet,
    before: States,
    mask: NDArray[np.bool_],
    patient: NDArray[np.intp],
    batch: Batch,
    *,
    fresh: NDArray[np.bool_] | None = None,
    touched: NDArray[np.bool_] | None = None,
    floor: NDArray[np.int64] | None = None,
    is_history: bool = False,
) -> Evaluation:
    """Judge n measurements of P patients.

    `patient` (n,) is each row's patient as a row of `before`; `mask` (P, R) says which rules judge whom. For a rebuild:
    `floor` (P, R) in microseconds, at or before which staff reset a rule so that it looks at later readings only;
    `is_history` for rows that follow what was judged before, ties included; `fresh` (n,) and `touched` (P, R) follow the
    readings that nobody has judged yet through the stretches they are part of.
    """
    thresholds = rules.thresholds
    order = reading_order(batch, patient)
    where: slice | NDArray[np.intp] = slice(None) if order is None else order
    patient = patient[where]
    time = batch.measured_at[where]
    raw = batch.values[where]
    suspect = batch.suspect[where]
    clean = ~np.isnan(raw)
    doubtful = clean & (suspect[:, None] & _BITS != 0) if suspect.any() else None
    if doubtful is not None:
        clean &= ~doubtful
    starts = np.flatnonzero(_is_first(patient))
    seen = patient[starts]
    late = np.zeros((len(before), _VITALS), bool)
    overtaken = clean & (time[:, None] <= before.newest[patient])
    if not is_history and overtaken.any():
        rows, vitals = np.nonzero(overtaken)
        late[patient[rows], vitals] = True
        late &= _vitals_judged(thresholds, mask)
    after = before.copy()
    if len(batch):
        newest = np.maximum.reduceat(np.where(clean, time[:, None], NEVER), starts)
        after.newest[seen] = np.maximum(after.newest[seen], newest)
        if doubtful is not None:
            doubted = np.maximum.reduceat(np.where(doubtful, time[:, None], NEVER), starts)
            after.doubted[seen] = np.maximum(after.doubted[seen], doubted)
        after.doubted[after.doubted <= after.newest] = NEVER
    judged = clean & ~late[patient] if late.any() else clean
    values = np.where(judged, judged_values(raw), np.nan)
    cells = _Cells(thresholds, before, mask, patient, time, values, floor)
    carried = np.zeros(before.status.shape, bool) if touched is None else touched.copy()
    transitions, holding = cells.judge(after, None if fresh is None else fresh[where], carried)
    return Evaluation(after, transitions, holding, late, carried, cells.evaluations)


def _vitals_judged(thresholds: Thresholds, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (P, vitals): whether any rule judges this vital of this patient."""
    of_rule = np.zeros((len(thresholds), _VITALS), bool)
    of_rule[np.arange(len(thresholds)), thresholds.vital] = True
    judged: NDArray[np.bool_] = mask @ of_rule
    return judged


def _is_first(*keys: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return (m,): where one of the keys differs from the one before."""
    first = np.ones(len(keys[0]), bool)
    first[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return first


def _before(array: NDArray[Any], first: NDArray[np.bool_], otherwise: NDArray[Any]) -> NDArray[Any]:
    """Return (m,) the element before each, or the other array's where there is none."""
    moved = np.empty_like(otherwise)
    moved[1:] = array[:-1]
    np.copyto(moved, otherwise, where=first)
    return moved


class _Cells:
    """The (reading, rule) pairs of a batch that can change a condition, rule by rule, patient by patient, in time.

    Most readings are normal and most conditions inactive, so a dense comparison picks the few (patient, rule) pairs with
    a breach or an active condition, and only their readings are followed one after the other by running maxima and sums.
    """

    def __init__(
        self,
        thresholds: Thresholds,
        before: States,
        mask: NDArray[np.bool_],
        patient: NDArray[np.intp],
        time: NDArray[np.int64],
        values: NDArray[np.float64],
        floor: NDArray[np.int64] | None,
    ) -> None:
        self.before, self._thresholds, self._time = before, thresholds, time
        signed = values[:, thresholds.vital]
        signed *= thresholds.sign
        applies = mask[patient]
        if floor is not None:
            applies = applies & (time[:, None] > floor[patient])
        breaching = (signed >= thresholds.edge) & applies
        active = before.status != INACTIVE
        row, rule = np.nonzero(breaching)
        active[patient[row], rule] = True
        judged = ~np.isnan(signed) & applies
        self.evaluations = int(np.count_nonzero(judged))
        #: (m,) rule and row of each cell, a pair's cells together and in time
        self.rule, self.row = np.nonzero((judged & active[patient]).T)
        self.patient = patient[self.row]
        self._value = signed[self.row, self.rule]

    def judge(
        self, after: States, fresh: NDArray[np.bool_] | None, touched: NDArray[np.bool_]
    ) -> tuple[Transitions, tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Write the conditions after the batch into `after` and `touched`; return what changed and what holds."""
        m = len(self.row)
        if not m:
            nothing, no, no_time = np.zeros(0, np.intp), np.zeros(0, bool), np.zeros(0, np.int64)
            return Transitions(nothing, nothing, no_time, no, no_time, no), (nothing, nothing)
        index = np.arange(m)
        rules, before = self._thresholds, self.before
        pair = (self.patient, self.rule)
        first = _is_first(self.patient, self.rule)
        last = np.append(first[1:], np.True_)
        time = self._time[self.row]
        breach = self._value >= rules.edge[self.rule]
        clear = self._value < rules.hold_edge[self.rule]
        status, since_before, streak = before.status[pair], before.since[pair], before.streak[pair].astype(np.int64)

        # stretches of breaching readings, cut by a clean one or by a gap
        was_breach = _before(breach, first, status != INACTIVE)
        previous = _before(time, first, before.newest[self.patient, rules.vital[self.rule]])
        gap = time - previous > rules.max_gap_us[self.rule]
        start = breach & (~was_breach | gap)
        origin = np.maximum.accumulate(np.where(start | first, index, 0))
        since = np.where(start[origin], time[origin], since_before)
        count = np.cumsum(breach)
        streak = np.minimum(count - count[origin] + breach[origin] + np.where(start[origin], 0, streak), 255)
        enough = breach & (streak >= rules.readings[self.rule]) & (time - since >= rules.for_us[self.rule])

        # firing from the first reading that is enough until one that clears: whichever of the two came last
        code = np.where(enough, 2 * index + 1, np.where(clear, 2 * index, np.where(first, 2 * index + (status == FIRING), 0)))
        firing = np.maximum.accumulate(code) & 1 == 1
        was_firing = _before(firing, first, status == FIRING)
        fires, ceases = firing & ~was_firing, was_firing & ~firing
        # the stretch that a firing condition is in is the one that it fired by, or the one carried in
        anchor = np.maximum.accumulate(np.where(fires | first, index, 0))
        episode = np.where(fires[anchor], since[anchor], since_before)
        marked = np.zeros(m, bool)
        if fresh is not None:
            # whether a fresh reading came since the stretch began, in this batch or before it
            mark, seen = fresh[self.row], np.cumsum(fresh[self.row])
            begun = np.where(firing & ~fires[anchor], anchor, np.where(firing, origin[anchor], origin))
            is_carried = first[begun] & np.where(
                firing & ~fires[anchor], status == FIRING, ~start[begun] & (status != INACTIVE)
            )
            marked = (seen - seen[begun] + mark[begun] > 0) | (is_carried & touched[pair])
        touched_before = touched[pair]

        end = np.flatnonzero(last)
        at = (self.patient[end], self.rule[end])
        pending = ~firing[end] & breach[end]
        after.status[at] = np.where(firing[end], FIRING, np.where(pending, PENDING, INACTIVE))
        after.streak[at] = np.where(pending, streak[end], 0)
        after.since[at] = np.where(firing[end], episode[end], np.where(pending, since[end], NEVER))
        touched[at] = (firing[end] | pending) & marked[end]

        changed = np.flatnonzero(fires | ceases)
        earlier = np.maximum(changed - 1, 0)
        is_first = first[changed]
        transitions = Transitions(
            patient=self.patient[changed],
            rule=self.rule[changed],
            at=time[changed],
            fired=fires[changed],
            since=np.where(fires[changed], since[changed], np.where(is_first, since_before[changed], episode[earlier])),
            touched=np.where(fires[changed], marked[changed], np.where(is_first, touched_before[changed], marked[earlier])),
        )
        held = end[firing[end]]
        return transitions, (self.patient[held], self.rule[held])
