"""Judging: a stored history judged as it came in, by `evaluate` and `rebuild`, told as findings with their time.

Pure. What is live in a wave is judged at once; what came late has its vital judged again from what had come in by then, as
`alerts/judgement.py` does. Only conditions that change are told: `alerts/backtest/walk.py` makes alerts of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from alerts.backtest.arrivals import Arrivals, arrange
from alerts.backtest.cohort import Cohort
from alerts.backtest.thin import thin
from alerts.cells import Transitions
from alerts.episodes import Change, Told, told_by, told_live
from alerts.evaluate import Evaluation, evaluate, judged_values
from alerts.moments import to_datetime
from alerts.people import People
from alerts.rebuild import PIECE, Rebuilt, Resets, rebuild
from alerts.rules import RuleSet
from alerts.state import FIRING, NEVER, States
from devices.batch import Batch
from devices.vitals import COLUMN, VITALS

_BITS = 1 << np.arange(len(VITALS), dtype=np.int32)

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class About:
    """What one batch or one rebuild told about a condition of a patient."""

    #: column of the rule
    rule: int
    told: Told
    #: found in history: left out where an alert has told of it already
    is_found: bool = False


@dataclass(slots=True)
class Doubt:
    """A suspect reading that nothing clean has followed yet, or the clean one that lifts it."""

    #: column of the vital
    vital: int
    #: when it was measured
    measured_at: int
    #: it lifts the doubt
    is_lifted: bool


@dataclass(slots=True)
class Course:
    """All that judging told about one patient, by the time at which it was told (microseconds of arrival)."""

    told: dict[int, list[About]] = field(default_factory=dict)
    doubts: dict[int, list[Doubt]] = field(default_factory=dict)


class Lanes:
    """When each vital of each patient was measured and came in; looked up where an answer depends on it."""

    def __init__(self, history: Batch, patient: Rows, patients: int) -> None:
        """Look into a history whose rows lie by patient, (n,) `patient` ascending."""
        self._history = history
        self._start = np.searchsorted(patient, np.arange(patients + 1))
        self._rows: dict[int, Rows] = {}
        self._found: dict[tuple[int, tuple[int, ...]], tuple[NDArray[np.int64], NDArray[np.int64]]] = {}

    def newest(self, patient: int, vitals: tuple[int, ...], received_at: int) -> int:
        """Return when the newest clean reading was measured of those that had come in by then; NEVER where none had."""
        received, measured = self._lane(patient, vitals)
        place = int(np.searchsorted(received, received_at, "right"))
        return int(measured[place - 1]) if place else NEVER

    def next_arrival(self, patient: int, vitals: tuple[int, ...], after: int) -> int | None:
        """Return when the next clean reading came in, None where none did."""
        received, _ = self._lane(patient, vitals)
        place = int(np.searchsorted(received, after, "right"))
        return int(received[place]) if place < len(received) else None

    def since(self, patient: int, vital: int, after: int, received_at: int) -> list[tuple[int, float]]:
        """Return (measured_at, value) of the clean readings measured after a time that had come in by another, in time."""
        rows, history = self._arrived(patient), self._history
        clean = ~np.isnan(history.values[rows, vital]) & (history.suspect[rows] & _BITS[vital] == 0)
        rows = rows[clean & (history.measured_at[rows] > after) & (history.received_at[rows] <= received_at)]
        rows = rows[np.argsort(history.measured_at[rows], kind="stable")]
        values = judged_values(history.values[rows])[:, vital]
        return list(zip(history.measured_at[rows].tolist(), values.tolist(), strict=True))

    def _arrived(self, patient: int) -> Rows:
        """Return the rows of a patient in the order in which they came in."""
        rows = self._rows.get(patient)
        if rows is None:
            rows = np.arange(self._start[patient], self._start[patient + 1])
            history = self._history
            order = np.lexsort(
                (history.seq[rows], history.device_id[rows], history.measured_at[rows], history.received_at[rows])
            )
            rows = self._rows[patient] = rows[order]
        return rows

    def _lane(self, patient: int, vitals: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        lane = self._found.get((patient, vitals))
        if lane is None:
            rows, columns = self._arrived(patient), np.array(vitals)
            values, suspect = self._history.values[np.ix_(rows, columns)], self._history.suspect[rows]
            clean = (~np.isnan(values) & (suspect[:, None] & _BITS[columns] == 0)).any(axis=1)
            rows = rows[clean]
            lane = (self._history.received_at[rows], np.maximum.accumulate(self._history.measured_at[rows]))
            self._found[patient, vitals] = lane
        return lane


def follow_history(
    rules: RuleSet, cohort: Cohort, history: Batch, patient: Rows, *, is_whole: bool = False
) -> tuple[list[Course], Lanes]:
    """Judge the history of P patients as it came in; return each one's course.

    Rows lie by patient: `patient` (n,), ascending, is each one's row in the cohort. `is_whole` plays readings too that change
    nothing.
    """
    people, lanes = cohort.people(rules), Lanes(history, patient, len(cohort))
    rows = None if is_whole else thin(rules, people, history, patient)
    some, whose = (history, patient) if rows is None else (history.take(rows), patient[rows])
    arrivals = arrange(some, whose, rules.plan.together)
    judge = _Judge(rules, people, some, arrivals, lanes)
    for wave in arrivals.waves():
        for places in _pieces(arrivals, wave):
            judge.take(places)
    if rules.of_kind("doubt") and history.suspect.any():
        doubted = np.flatnonzero(np.isin(patient, np.unique(patient[history.suspect != 0])))
        some, whose = history.take(doubted), patient[doubted]
        _doubts(some, arrange(some, whose, np.eye(len(VITALS), dtype=bool)), judge.courses)
    return judge.courses, lanes


def _pieces(arrivals: Arrivals, places: Rows) -> Iterator[Rows]:
    """Cut a wave so that memory stays bounded, never through what came in at once."""
    start = 0
    while start < len(places):
        end = min(start + PIECE, len(places))
        while end < len(places) and arrivals.group[places[end]] == arrivals.group[places[end - 1]]:
            end += 1
        yield places[start:end]
        start = end


class _Judge:
    """The states of all patients while their history comes in."""

    def __init__(self, rules: RuleSet, people: People, history: Batch, arrivals: Arrivals, lanes: Lanes) -> None:
        self._rules, self._people, self._history, self._arrivals, self._lanes = rules, people, history, arrivals, lanes
        self._inputs = [tuple(COLUMN[name] for name in rules.inputs_of(rule)) for rule in rules.reading_rules]
        self._fresh_us = [round(rule.fresh_for.total_seconds() * 1e6) for rule in rules.reading_rules]
        self._states = States.empty(len(people), rules.layout)
        self.courses = [Course() for _ in range(len(people))]

    def take(self, places: Rows) -> None:
        """Judge what came in next, in the order of arrival."""
        rows = self._arrivals.row[places]
        seen, local = np.unique(self._arrivals.patient[places], return_inverse=True)
        batch = self._history.take(rows)
        before = self._states.take(seen)
        judged = evaluate(self._rules, before, self._people.take(seen), local, batch)
        self._states.put(seen, judged.after)
        self._tell_live(seen, before, judged.transitions, batch, local)
        if judged.late.any() or judged.late_signals.any():
            self._judge_late(seen, judged, places)

    def _tell_live(self, seen: Rows, before: States, changed: Transitions, batch: Batch, local: Rows) -> None:
        if not len(changed):
            return
        received = self._arrival_of(changed, batch, local)
        columns = (changed.at, changed.fired, changed.worsened, changed.since, changed.value, changed.again)
        steps = [Change(*one) for one in zip(*(column.tolist() for column in columns), changed.told, strict=True)]
        firing = before.status == FIRING
        keys = list(zip(changed.patient.tolist(), changed.rule.tolist(), received.tolist(), strict=True))
        for (local_row, column, now), places in groupby(range(len(keys)), keys.__getitem__):
            own = [steps[place] for place in places]
            who, was_firing = int(seen[local_row]), bool(firing[local_row, column])
            held = max(self._held(who, column, own[-1].at, now), own[-1].at)
            self.courses[who].told.setdefault(now, []).append(About(column, told_live(was_firing, own, held)))
            firing[local_row, column] = own[-1].fired or own[-1].worsened

    def _arrival_of(self, changed: Transitions, batch: Batch, local: Rows) -> NDArray[np.int64]:
        """Return (T,) when the reading came in that made each transition."""
        order = np.lexsort((batch.measured_at, local))
        who, measured = local[order], batch.measured_at[order]
        begin = int(min(measured.min(), changed.at.min()))
        span = int(max(measured.max(), changed.at.max())) - begin + 1
        key, wanted = who * span + (measured - begin), changed.patient * span + (changed.at - begin)
        left, right = np.searchsorted(key, wanted, "left"), np.searchsorted(key, wanted, "right")
        received: NDArray[np.int64] = batch.received_at[order[left]]
        for place in np.flatnonzero(right - left > 1).tolist():
            # several at one time: those that hold what the rule reads, the last of them
            tied = order[left[place] : right[place]]
            inputs = np.array(self._inputs[int(changed.rule[place])])
            mine = tied[~np.isnan(batch.values[np.ix_(tied, inputs)]).all(axis=1)]
            received[place] = batch.received_at[mine if len(mine) else tied].max()
        return received

    def _held(self, who: int, column: int, at: int, now: int) -> int:
        """Return the newest reading that holds a condition; only where it is old does that say anything new."""
        return at if now - at <= self._fresh_us[column] else max(at, self._lanes.newest(who, self._inputs[column], now))

    def _judge_late(self, seen: Rows, judged: Evaluation, places: Rows) -> None:
        """Judge late rules again from all that has come in; each patient's share of the wave came in at once."""
        arrivals, history = self._arrivals, self._history
        chosen = np.flatnonzero(judged.late.any(axis=1) | judged.late_signals.any(axis=1))
        for one in chosen.tolist():
            who = int(seen[one])
            own = places[arrivals.patient[places] == who]
            start = int(np.searchsorted(arrivals.patient, who))
            rows = arrivals.row[start : int(own[-1]) + 1]
            is_new = np.zeros(len(rows), bool)
            is_new[len(rows) - len(own) :] = True
            order = np.lexsort((history.boot[rows], history.seq[rows], history.device_id[rows], history.measured_at[rows]))
            mask = judged.late[[one]]
            rebuilt = rebuild(
                self._rules, self._people.take(np.array([who])), Resets.none(1, mask.shape[1]), np.zeros(len(rows), np.intp),
                history.take(rows[order]), is_new[order], only=mask,
            )  # fmt: skip
            self._tell_found(who, mask, judged.late_signals[[one]], rebuilt, int(history.received_at[rows[-1]]))

    def _tell_found(self, who: int, mask: NDArray[np.bool_], signals: NDArray[np.bool_], rebuilt: Rebuilt, now: int) -> None:
        was = (self._states.status[who] == FIRING) & mask[0]
        began = self._states.since[who].copy()
        self._states.put_rules(np.array([who]), rebuilt.states, mask, signals)
        told = self.courses[who].told.setdefault(now, [])
        last = {stretch.rule: stretch for stretch in rebuilt.stretches}
        firing = {column for column, stretch in last.items() if stretch.ended_at is None}
        for column in firing:
            held = int(self._states.held[who, column])
            told.append(About(column, Told(ongoing=told_by(last[column], held))))
        for column in np.flatnonzero(was).tolist():
            if column not in firing:
                ended = last[column].ended_at if column in last else None
                at = now if ended is None or ended <= began[column] else ended
                told.append(About(column, Told(ceased_at=to_datetime(at))))
        for stretch in rebuilt.stretches:
            if stretch.ended_at is not None and stretch.touched:
                told.append(About(stretch.rule, Told(past=(told_by(stretch, stretch.fired_at),)), is_found=True))


def _doubts(history: Batch, arrivals: Arrivals, courses: list[Course]) -> None:
    """Tell when a suspect reading stood with no clean one at or after it, and when one came."""
    suspect = history.suspect[arrivals.row]
    if not suspect.any():
        return
    for vital in range(len(VITALS)):
        doubtful = suspect & (1 << vital) != 0
        for who in np.unique(arrivals.patient[doubtful]).tolist():
            start, end = (int(np.searchsorted(arrivals.patient, who, side)) for side in ("left", "right"))
            places = start + np.flatnonzero(~np.isnan(history.values[arrivals.row[start:end], vital]))
            _doubts_of(history, arrivals, places, doubtful[places], vital, courses[who])


def _doubts_of(
    history: Batch, arrivals: Arrivals, places: Rows, doubtful: NDArray[np.bool_], vital: int, course: Course
) -> None:
    newest = doubted = NEVER
    rows = arrivals.row[places]
    columns = (arrivals.group[places], history.measured_at[rows], history.received_at[rows], doubtful)
    steps = list(zip(*(column.tolist() for column in columns), strict=True))
    for number, (group, measured, received, is_doubtful) in enumerate(steps):
        if number == 0 or steps[number - 1][0] != group:
            was = doubted
        if is_doubtful:
            doubted = max(doubted, measured)
        else:
            newest = max(newest, measured)
        if number + 1 < len(steps) and steps[number + 1][0] == group:
            continue
        doubted = NEVER if doubted <= newest else doubted
        if (was == NEVER) != (doubted == NEVER):
            is_lifted = doubted == NEVER
            course.doubts.setdefault(received, []).append(Doubt(vital, newest if is_lifted else doubted, is_lifted))
