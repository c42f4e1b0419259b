"""Cells: the condition machine: how numbers beyond a limit become conditions that are pending, firing, worse, and over.

Pure numpy. Most readings are normal and most conditions inactive, so a dense comparison picks the few (patient, rule) pairs
with a breach or an active condition, and only their readings are followed one after the other by running maxima and sums.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alerts.columns import Columns
from alerts.rules import Thresholds
from alerts.state import FIRING, INACTIVE, NEVER, PENDING, States


@dataclass(frozen=True, slots=True, eq=False)
class Transitions:
    """T changes of conditions, by rule, then patient, then time."""

    #: (T,) row of the patient in the states
    patient: NDArray[np.intp]
    #: (T,) column of the rule
    rule: NDArray[np.intp]
    #: (T,) int64 microseconds: measured_at of the reading that did it
    at: NDArray[np.int64]
    #: (T,) bool: began to fire
    fired: NDArray[np.bool_]
    #: (T,) bool: fired before, and is news: a step worse than what was announced last, or `again`; where it is neither, it
    #: ceased to fire
    worsened: NDArray[np.bool_]
    #: (T,) int64 microseconds: first reading of the stretch that fired
    since: NDArray[np.int64]
    #: (T,) bool: the stretch held a reading that was marked as fresh
    touched: NDArray[np.bool_]
    #: (T,) float64: what was judged of the reading that did it
    value: NDArray[np.float64]
    #: (T,) row of that reading among the batch's, in the order in which they are judged
    row: NDArray[np.intp]
    #: (T,) bool: worsened by being there still after a gap longer than the rule's, whatever its value
    again: NDArray[np.bool_]
    #: T entries: the numbers that what was judged rests on, where it began to fire
    told: tuple[Mapping[str, float], ...] = ()

    def __len__(self) -> int:
        return len(self.patient)

    def telling(self, tell: Callable[[int, int], Mapping[str, float]]) -> "Transitions":
        """Return them with the numbers they rest on, by row and rule."""
        which = zip(self.fired.tolist(), self.row.tolist(), self.rule.tolist(), strict=True)
        return replace(self, told=tuple(tell(row, rule) if fired else {} for fired, row, rule in which))


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


class Cells:
    """The (reading, rule) pairs of a batch that can change a condition, rule by rule, patient by patient, in time."""

    def __init__(
        self,
        thresholds: Thresholds,
        before: States,
        applies: NDArray[np.bool_],
        patient: NDArray[np.intp],
        time: NDArray[np.int64],
        columns: Columns,
    ) -> None:
        self.before, self._thresholds, self._time, self._columns = before, thresholds, time, columns
        signed = columns.values[:, thresholds.column]
        signed *= thresholds.sign
        breaching = (signed >= columns.edge) & applies
        active = before.status[:, : len(thresholds)] != INACTIVE
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
            none = Transitions(nothing, nothing, no_time, no, no, no_time, no, np.zeros(0), nothing, no)
            return none, (nothing, nothing)
        index = np.arange(m)
        rules, before = self._thresholds, self.before
        pair = (self.patient, self.rule)
        first = _is_first(self.patient, self.rule)
        last = np.append(first[1:], np.True_)
        time = self._time[self.row]
        breach = self._value >= self._limit(self._columns.edge)
        clear = self._value < self._limit(self._columns.hold_edge)
        status, since_before, streak = before.status[pair], before.since[pair], before.streak[pair].astype(np.int64)

        # stretches of breaching readings, cut by a clean one or by a gap
        was_breach = _before(breach, first, status != INACTIVE)
        previous = _before(time, first, before.held[pair])
        gap = (time - previous > rules.max_gap_us[self.rule]) & (previous != NEVER)
        start = breach & (~was_breach | gap)
        bits = np.zeros(m, np.int64)
        some = rules.of[self.rule] > 0
        if some.any():
            bits = np.where(some, self._recent(breach, first, gap, streak), 0)
            start = np.where(some, breach & (bits == 1), start)
        origin = np.maximum.accumulate(np.where(start | first, index, 0))
        since = np.where(start[origin], time[origin], since_before)
        count = np.cumsum(breach)
        streak = np.minimum(count - count[origin] + breach[origin] + np.where(start[origin], 0, streak), 255)
        if some.any():
            streak = np.where(some, _ones(bits), streak)
            clear &= ~some | (streak < rules.readings[self.rule])
        enough = breach & (streak >= rules.readings[self.rule]) & (time - since >= rules.for_us[self.rule])

        # firing from the first reading that is enough until one that clears: whichever of the two came last
        code = np.where(enough, 2 * index + 1, np.where(clear, 2 * index, np.where(first, 2 * index + (status == FIRING), 0)))
        firing = np.maximum.accumulate(code) & 1 == 1
        was_firing = _before(firing, first, status == FIRING)
        fires, ceases = firing & ~was_firing, was_firing & ~firing
        # the stretch that a firing condition is in is the one that it fired by, or the one carried in
        anchor = np.maximum.accumulate(np.where(fires | first, index, 0))
        episode = np.where(fires[anchor], since[anchor], since_before)
        worse, again, announced = self._news(firing, fires, first, breach & gap, before.announced[pair])
        marked = self._marked(fresh, touched[pair], status, first, start, origin, firing, fires, anchor)
        touched_before = touched[pair]

        end = np.flatnonzero(last)
        at = (self.patient[end], self.rule[end])
        # of those that count among the last readings, the ones that the next reading will still look back on
        left = np.where(some[end], bits[end] & ((1 << np.maximum(rules.of[self.rule[end]] - 1, 0)) - 1), 0)
        pending = ~firing[end] & np.where(some[end], left != 0, breach[end])
        _keep(after, at, firing[end], pending, np.where(some[end], left, np.where(pending, streak[end], 0)), time[end],
              np.where(firing[end], episode[end], since[end]), announced[end])  # fmt: skip
        touched[at] = (firing[end] | pending) & marked[end]

        changed = np.flatnonzero(fires | ceases | worse)
        is_first = first[changed]
        transitions = Transitions(
            patient=self.patient[changed],
            rule=self.rule[changed],
            at=time[changed],
            fired=fires[changed],
            worsened=worse[changed],
            since=np.where(
                fires[changed], since[changed], np.where(is_first, since_before[changed], episode[np.maximum(changed - 1, 0)])
            ),
            touched=np.where(
                fires[changed], marked[changed], np.where(is_first, touched_before[changed], marked[np.maximum(changed - 1, 0)])
            ),
            value=self._value[changed] * rules.sign[self.rule[changed]] + 0.0,
            row=self.row[changed],
            again=again[changed],
        )
        held = end[firing[end]]
        return transitions, (self.patient[held], self.rule[held])

    def _marked(
        self,
        fresh: NDArray[np.bool_] | None,
        touched: NDArray[np.bool_],
        status: NDArray[np.uint8],
        first: NDArray[np.bool_],
        start: NDArray[np.bool_],
        origin: NDArray[np.intp],
        firing: NDArray[np.bool_],
        fires: NDArray[np.bool_],
        anchor: NDArray[np.intp],
    ) -> NDArray[np.bool_]:
        """Return (m,) whether a fresh reading came since the stretch began, in this batch or before it."""
        if fresh is None:
            return np.zeros(len(first), bool)
        mark, seen = fresh[self.row], np.cumsum(fresh[self.row])
        goes_on = firing & ~fires[anchor]
        begun = np.where(goes_on, anchor, np.where(firing, origin[anchor], origin))
        is_carried = first[begun] & np.where(goes_on, status == FIRING, ~start[begun] & (status != INACTIVE))
        marked: NDArray[np.bool_] = (seen - seen[begun] + mark[begun] > 0) | (is_carried & touched)
        return marked

    def _limit(self, edge: NDArray[np.float64]) -> NDArray[np.float64]:
        limit: NDArray[np.float64] = edge[self.rule] if edge.ndim == 1 else edge[self.row, self.rule]
        return limit

    def _recent(
        self, breach: NDArray[np.bool_], first: NDArray[np.bool_], gap: NDArray[np.bool_], carried: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return (m,) a bit for each of the last readings that breached, as many as the rule counts, the newest lowest."""
        m = len(breach)
        index, of = np.arange(m), self._thresholds.of[self.rule]
        cut = np.maximum.accumulate(np.where(first | gap, index, 0))
        start = np.maximum.accumulate(np.where(first, index, 0))
        bits = np.zeros(m, np.int64)
        for back in range(int(of.max(initial=0))):
            there = (index - back >= cut) & (back < of)
            bits |= np.where(there, breach[np.maximum(index - back, 0)], False).astype(np.int64) << back
        # what was carried in moves up by the readings of this batch, unless a gap cut it off
        goes_on = (cut == start) & ~gap[start]
        moved = np.where(goes_on, carried << np.minimum(index - start + 1, 8), 0)
        bits |= moved & ((1 << of) - 1)
        return bits

    def _news(
        self,
        firing: NDArray[np.bool_],
        fires: NDArray[np.bool_],
        first: NDArray[np.bool_],
        back: NDArray[np.bool_],
        announced: NDArray[np.float32],
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64]]:
        """Return (m,) where a firing condition is news, where it is so by being there after a gap, and what was told by then.

        What breaches still after a gap (`back`) never got well, or came back: either is told, whatever its value.
        """
        again = firing & ~fires & back & (self._thresholds.step[self.rule] > 0)
        anchor = np.maximum.accumulate(np.where(fires | again | first, np.arange(len(first)), 0))
        worse, last = self._worse(firing, fires | again, anchor, announced)
        return worse | again, again, last

    def _worse(
        self, firing: NDArray[np.bool_], fires: NDArray[np.bool_], anchor: NDArray[np.intp], announced: NDArray[np.float32]
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Return (m,) where a firing condition is a step worse than what was announced last, and (m,) what was by then."""
        rules, value = self._thresholds, self._value
        worse, step, sign = np.zeros(len(value), bool), rules.step[self.rule], rules.sign[self.rule]
        if not step.any():
            return worse, np.zeros(len(value))
        stepping = firing & (step > 0)
        # announced values are kept to three decimals, so that what is stored is what is compared
        last = np.where(fires[anchor], np.round(value[anchor], 3), np.round(announced.astype(np.float64), 3) * sign)
        beyond = np.flatnonzero(stepping & (value >= last + step - 1e-9) & ~fires)
        if len(beyond):
            # only a new worst can be a step worse: few are left to be followed one by one
            peak = (anchor[beyond] << 32) + np.rint(value[beyond] * 1000).astype(np.int64) + (1 << 31)
            rising = np.ones(len(beyond), bool)
            rising[1:] = np.diff(np.maximum.accumulate(peak)) > 0
            told: dict[int, float] = {}
            for cell in beyond[rising].tolist():
                stretch = int(anchor[cell])
                if value[cell] >= told.get(stretch, last[cell]) + step[cell] - 1e-9:
                    told[stretch] = round(float(value[cell]), 3)
                    worse[cell] = True
            raised = np.maximum.accumulate(np.where(worse | (anchor == np.arange(len(value))), np.arange(len(value)), 0))
            last = np.where(worse[raised], np.round(value[raised], 3), last)
        return worse, np.where(stepping, last * sign, 0.0)


def _keep(
    after: States,
    at: tuple[NDArray[np.intp], NDArray[np.intp]],
    firing: NDArray[np.bool_],
    pending: NDArray[np.bool_],
    streak: NDArray[np.int64],
    time: NDArray[np.int64],
    since: NDArray[np.int64],
    announced: NDArray[np.float64],
) -> None:
    """Write what conditions are after their last cell."""
    after.status[at] = np.where(firing, FIRING, np.where(pending, PENDING, INACTIVE))
    after.streak[at] = streak
    after.since[at] = np.where(firing | pending, since, NEVER)
    after.held[at] = np.where(firing | pending, time, NEVER)
    after.announced[at] = np.where(firing, announced, 0)


def _ones(bits: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many of the lowest eight bits are set.

    >>> _ones(np.array([0, 5, 7])).tolist()
    [0, 2, 3]
    """
    count: NDArray[np.int64] = np.sum([bits >> place & 1 for place in range(8)], axis=0)
    return count
