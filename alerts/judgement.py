"""Judgement: one batch, or some patients' history, from locked states to saved ones and to what is new about them.

Live readings are judged at once; readings that arrived out of order have their vital judged again from history; states of
another rule set are judged again as a whole. A rule that raises costs no reading: its patient is left to the sweep, and an
alert says so (I3, I5, I6).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import numpy as np
import structlog
from numpy.typing import NDArray
from psycopg import Connection

from alerts import lifecycle, queries
from alerts.alert import Alert
from alerts.cache import Locked
from alerts.episodes import Change, told_by, told_live
from alerts.evaluate import Evaluation, evaluate
from alerts.explanation import explain_unjudged
from alerts.findings import Changes, Finding, apply_findings, write_steps
from alerts.lifecycle import Episode, Step
from alerts.moments import to_datetime, to_us
from alerts.overtaken import NO_LATE
from alerts.people import People
from alerts.rebuild import Rebuilt, Resets, Stretch, is_among, is_anchored, rebuild
from alerts.rule import READING_KINDS, UNJUDGED, Rule
from alerts.rules import RuleSet
from alerts.state import FIRING, NEVER, States
from devices.batch import Batch
from devices.recording import load_history
from devices.vitals import COLUMN, VITALS

log = structlog.get_logger()

#: how far before a late reading history is loaded at first; where that does not settle it, all of it is
_BACK: Final = timedelta(days=1)
#: patients whose history is loaded at once: bounds memory
_TOGETHER: Final = 20

Rows = NDArray[np.intp]
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, eq=False)
class _LateOnes:
    """Some patients' rules that are judged again; row i of every array belongs together."""

    #: (p,) row of the patient among the locked
    rows: Rows
    #: (p, R)
    rules: NDArray[np.bool_]
    #: (p, S)
    signals: NDArray[np.bool_]
    #: (p,) int64 microseconds: the first late reading
    since: NDArray[np.int64]

    def take(self, some: Rows) -> "_LateOnes":
        return _LateOnes(self.rows[some], self.rules[some], self.signals[some], self.since[some])


class Judgement:
    """One call of `judge` or `rejudge`; works on the locked states in place."""

    def __init__(self, conn: Connection[Any], rules: RuleSet, ruleset_id: int, locked: Locked, now: datetime) -> None:
        self._conn, self._rules, self._ruleset_id, self._locked, self._now = conn, rules, ruleset_id, locked, now
        size = len(locked.patient_id)
        self._count = np.zeros(size, np.int64)
        self._whole = np.zeros(size, bool)
        self._touched = np.zeros(size, bool)
        self._doubted = locked.states.doubted.copy()
        self._findings: list[Finding] = []
        #: row of a patient → what a rule raised
        self.failed: dict[int, str] = {}
        self.rebuilt = 0
        self.judged_rows = 0

    @property
    def now(self) -> datetime:
        """When this judgement is made."""
        return self._now

    # judging -------------------------------------------------------------------------------------------------------

    def judge(self, batch: Batch) -> "Judgement":
        """Judge fresh measurements."""
        locked = self._locked
        patient = locked.rows_of(batch.patient_id)
        self._touched[patient] = True
        self._count += np.bincount(patient, minlength=len(self._count))
        self.judged_rows = len(batch)
        stale = locked.is_stale & self._touched
        if stale.any():
            live = ~stale[patient]
            waiting = queries.list_unjudged(self._conn, locked.patient_id[stale])
            rebuilt = [row for row in np.flatnonzero(stale).tolist() if int(locked.patient_id[row]) not in waiting]
            skipped = stale.copy()
            skipped[rebuilt] = False
            self._count[skipped] = 0
            self._judge_whole(np.array(rebuilt, np.intp), batch)
            batch, patient = batch.take(live), patient[live]
        if len(batch):
            for rows, evaluation in self._evaluate(batch, patient):
                self._take_live(rows, evaluation, batch, patient)
        return self

    def rejudge(self, fresh: Batch | None) -> "Judgement":
        """Judge everything stored about the locked patients again."""
        self._touched[:] = True
        self._judge_whole(np.arange(len(self._touched)), fresh)
        return self

    def _evaluate(self, batch: Batch, patient: Rows) -> list[tuple[Rows, Evaluation]]:
        locked = self._locked

        def judge(rows: Rows) -> tuple[Rows, Evaluation]:
            part = np.isin(patient, rows) if len(rows) < len(every) else slice(None)
            chosen = batch if isinstance(part, slice) else batch.take(part)
            local = np.searchsorted(rows, patient[part])
            return rows, evaluate(self._rules, locked.states.take(rows), locked.people.take(rows), local, chosen)

        every = np.unique(patient)
        return self._isolate(every, judge)

    def _take_live(self, rows: Rows, judged: Evaluation, batch: Batch, patient: Rows) -> None:
        before = self._locked.states.take(rows)
        self._locked.states.put(rows, judged.after)
        changed = judged.transitions
        pairs: dict[tuple[int, int], list[Change]] = {}
        columns = (changed.at, changed.fired, changed.worsened, changed.since, changed.value, changed.again)
        changes = zip(*(column.tolist() for column in columns), changed.told, strict=True)
        for who, rule, change in zip(changed.patient.tolist(), changed.rule.tolist(), changes, strict=True):
            pairs.setdefault((who, rule), []).append(Change(*change))
        holding = list(zip(*(column.tolist() for column in judged.holding), strict=True))
        if holding:
            who = np.unique(judged.holding[0])
            late = queries.list_promotable(self._conn, self._locked.patient_id[rows[who]])
            for one, rule in holding:
                if int(self._locked.patient_id[rows[one]]) in late:
                    pairs.setdefault((one, rule), [])
        for (one, column), steps in pairs.items():
            rule = self._rules.reading_rules[column]
            held = int(judged.after.held[one, column])
            self._findings.append(self._live_finding(int(rows[one]), rule, before.status[one, column] == FIRING, steps, held))
        if judged.late.any() or judged.late_signals.any():
            self._judge_late(rows, judged, batch)

    def _live_finding(self, row: int, rule: Rule, was_firing: bool, steps: Sequence[Change], held: int) -> Finding:
        told, patient_id = told_live(was_firing, steps, held), int(self._locked.patient_id[row])
        return Finding(patient_id, rule, rule.vital, told.ceased_at, told.past, told.ongoing, self._zone(row))

    def _judge_late(self, rows: Rows, judged: Evaluation, batch: Batch) -> None:
        """Judge again, from history, the rules of patients whose readings arrived out of order."""
        order = np.argsort(judged.late_from, kind="stable")
        order = order[judged.late_from[order] < NO_LATE]
        self.rebuilt += len(order)
        for start in range(0, len(order), _TOGETHER):
            chosen = np.sort(order[start : start + _TOGETHER])
            late = _LateOnes(rows[chosen], judged.late[chosen], judged.late_signals[chosen], judged.late_from[chosen])
            back = max((span for span in self._reaches(late.rules) if span is not None), default=0)
            since = to_datetime(int(late.since.min()) - back) - _BACK
            unsettled = np.ones(len(chosen), bool)
            if None not in self._reaches(late.rules):
                unsettled = self._rebuild_late(late, batch, since)
            if unsettled.any():
                self._rebuild_late(late.take(np.flatnonzero(unsettled)), batch, None)

    def _reaches(self, rules: NDArray[np.bool_]) -> set[int | None]:
        """Return how far back what some rules are judged on depends on history, None where on all of it."""
        plan = self._rules.plan
        signals = np.unique(plan.signal[rules.any(axis=0)])
        return {plan.signals[signal].reach for signal in signals.tolist() if signal >= 0}

    def _rebuild_late(self, late: "_LateOnes", batch: Batch, since: datetime | None) -> NDArray[np.bool_]:
        """Judge late rules again from history since a time; return which patients that was too short for, (rows,) bool."""
        rows = late.rows
        ids = self._locked.patient_id[rows]
        people = self._locked.people.take(rows)
        history = load_history(self._conn, ids, since)
        patient = np.searchsorted(ids, history.patient_id)
        resets = self._resets(ids)
        unsettled = np.zeros(len(rows), bool)
        if since is not None:
            unsettled = ~is_anchored(self._rules, people, late.rules, resets, patient, history, to_us(since), late.since)
            settled = ~unsettled[patient]
            history, patient = history.take(settled), patient[settled]
        fresh = is_among(history, batch)

        def judge(some: Rows) -> tuple[Rows, Rebuilt]:
            part = np.isin(patient, some)
            return some, rebuild(
                self._rules,
                people.take(some),
                resets.take(some),
                np.searchsorted(some, patient[part]),
                history.take(part),
                fresh[part],
                only=late.rules[some],
            )

        for some, rebuilt in self._isolate(np.flatnonzero(~unsettled), judge, rows):
            place = rows[some]
            before = self._locked.states.take(place)
            self._locked.states.put_rules(place, rebuilt.states, late.rules[some], late.signals[some])
            self._find_in_history(place, before, rebuilt.stretches, late.rules[some])
        return unsettled

    def _judge_whole(self, rows: Rows, fresh: Batch | None) -> None:
        """Judge everything stored about patients again, rules and doubts alike."""
        for start in range(0, len(rows), _TOGETHER):
            chosen = rows[start : start + _TOGETHER]
            ids = self._locked.patient_id[chosen]
            history = load_history(self._conn, ids, None)
            patient = np.searchsorted(ids, history.patient_id)
            new = np.zeros(len(history), bool) if fresh is None else is_among(history, fresh)
            resets = self._resets(ids)
            people = self._locked.people.take(chosen)
            counts = np.bincount(patient, minlength=len(chosen))

            def judge(
                some: Rows,
                people: People = people,
                resets: Resets = resets,
                patient: Rows = patient,
                history: Batch = history,
                new: NDArray[np.bool_] = new,
            ) -> tuple[Rows, Rebuilt]:
                part = np.isin(patient, some)
                local = np.searchsorted(some, patient[part])
                return some, rebuild(self._rules, people.take(some), resets.take(some), local, history.take(part), new[part])

            for some, rebuilt in self._isolate(np.arange(len(chosen)), judge, chosen):
                place = chosen[some]
                before = self._locked.states.take(place)
                self._locked.states.put(place, rebuilt.states)
                self._locked.is_stale[place] = False
                self._whole[place] = True
                self._count[place] = counts[some]
                self.rebuilt += len(place)
                self._find_in_history(place, before, rebuilt.stretches, people.mask[some])

    def _find_in_history(self, rows: Rows, before: States, stretches: Sequence[Stretch], mask: NDArray[np.bool_]) -> None:
        """Tell what a rebuild found about patients: what fires now, what ceased, and episodes that nobody saw."""
        held = self._locked.states.held
        past: list[Finding] = []
        last: dict[tuple[int, int], Stretch] = {}
        for stretch in stretches:
            last[stretch.patient, stretch.rule] = stretch
            if stretch.ended_at is not None and stretch.touched:
                past.append(self._past_finding(int(rows[stretch.patient]), stretch))
        firing = [pair for pair, stretch in last.items() if stretch.ended_at is None]
        for one, column in firing:
            ongoing = told_by(last[one, column], int(held[rows[one], column]))
            self._findings.append(self._finding(int(rows[one]), column, ongoing=ongoing))
        for one, column in _pairs((before.status == FIRING) & mask):
            if (one, column) not in firing:
                ended = last[one, column].ended_at if (one, column) in last else None  # before it began: another episode's
                at = self._now if ended is None or ended <= before.since[one, column] else to_datetime(ended)
                self._findings.append(self._finding(int(rows[one]), column, ceased_at=at))
        if past:
            spans = [(new.patient_id, new.rule.name, new.subject, new.past[0]) for new in past]
            told = queries.list_covering(self._conn, spans)
            self._findings += [new for place, new in enumerate(past) if place not in told]

    def _past_finding(self, row: int, stretch: Stretch) -> Finding:
        return replace(self._finding(row, stretch.rule), past=(told_by(stretch, stretch.fired_at),))

    def _finding(self, row: int, column: int, ongoing: Episode | None = None, ceased_at: datetime | None = None) -> Finding:
        rule = self._rules.reading_rules[column]
        return Finding(int(self._locked.patient_id[row]), rule, rule.vital, ceased_at, (), ongoing, self._zone(row))

    def _zone(self, row: int) -> str:
        people = self._locked.people
        return people.zones[int(people.zone[row])]

    def _resets(self, ids: NDArray[np.int32]) -> Resets:
        resets = Resets.none(len(ids), self._rules.layout.rules)
        column = self._rules.column
        for patient, name, subject, at in queries.load_resets(self._conn, ids):
            row = int(np.searchsorted(ids, patient))
            if name in column:
                resets.rules[row, column[name]] = to_us(at)
            elif subject in COLUMN:
                resets.doubts[row, COLUMN[subject]] = max(int(resets.doubts[row, COLUMN[subject]]), to_us(at))
        return resets

    def _isolate(self, rows: Rows, judge: Callable[[Rows], Made], place: Rows | None = None) -> list[Made]:
        """Judge rows together; where that raises, halve them until the patients at fault are alone, and leave those."""
        if not len(rows):
            return []
        try:
            return [judge(rows)]
        except Exception as error:  # noqa: BLE001 - a rule of any kind may be at fault, and no reading may be lost by it
            if len(rows) == 1:
                row = int(rows[0] if place is None else place[rows[0]])
                log.error("rule_raised", patient=int(self._locked.patient_id[row]), error=type(error).__name__)  # noqa: TRY400 - no trace: it may quote a vital
                self.failed[row] = type(error).__name__
                return []
        half = len(rows) // 2
        return self._isolate(rows[:half], judge, place) + self._isolate(rows[half:], judge, place)

    # saving --------------------------------------------------------------------------------------------------------

    def save(self) -> Locked | None:
        """Write back the states of the patients that were touched; return them as they are now."""
        locked = self._locked
        failed = np.array(sorted(self.failed), np.intp)
        locked.is_stale[failed] = True
        self._count[failed] = 0
        self._whole[failed] = False
        rows = np.flatnonzero(self._touched)
        if not len(rows):
            return None
        locked.version[rows] += 1
        saved = Locked(
            locked.patient_id[rows],
            locked.version[rows],
            locked.is_stale[rows],
            locked.states.take(rows),
            locked.people.take(rows),
        )
        queries.save_states(self._conn, saved, self._ruleset_id, self._count[rows], self._whole[rows])
        return saved

    def settle(self) -> Changes:
        """Carry what was found over to alerts, doubts and the list of the unjudged."""
        changes = Changes()
        self._settle_doubts()
        if self._whole.any():
            self._settle_whole(changes)
        if self.failed:
            self._settle_failed(changes)
        apply_findings(self._conn, self._findings, self._ruleset_id, self._rules, self._now, changes)
        return changes

    def _settle_doubts(self) -> None:
        rule = next(iter(self._rules.of_kind("doubt")), None)
        if rule is None:
            return
        before, after = self._doubted, self._locked.states.doubted
        known = ~self._whole[:, None]
        begun = (after != NEVER) & ((before == NEVER) | ~known)
        lifted = (after == NEVER) & ((before != NEVER) | ~known)
        if lifted.any():
            row, vital = np.nonzero(lifted)
            queries.drop_doubts(self._conn, self._locked.patient_id[row], vital.astype(np.int32))
            for one, column in _pairs(lifted & known):
                at = to_datetime(int(self._locked.states.newest[one, column]))
                self._findings.append(Finding(int(self._locked.patient_id[one]), rule, VITALS[column].name, ceased_at=at))
        if begun.any():
            row, vital = np.nonzero(begun)
            moments = after[row, vital].view("M8[us]")
            queries.add_doubts(self._conn, self._locked.patient_id[row], vital.astype(np.int32), moments, self._now + rule.for_)

    def _settle_whole(self, changes: Changes) -> None:
        """Make the open alerts of patients agree with what their whole history says."""
        ids = self._locked.patient_id[self._whole]
        queries.drop_unjudged(self._conn, ids)
        about = {finding.key for finding in self._findings if finding.ongoing is not None or finding.ceased_at is not None}
        steps = [
            lifecycle.cease(Step(alert), self._now, self._now, note)
            for alert in queries.lock_open_of_patients(self._conn, ids)
            if alert.condition == "firing" and (note := self._why_over(alert, about)) is not None
        ]
        write_steps(self._conn, steps, self._now, changes)

    def _why_over(self, alert: Alert, about: set[tuple[int, str, str | None]]) -> str | None:
        kind = alert.explanation.get("kind")
        if kind == "unjudged":
            return "judged again"
        row = int(np.searchsorted(self._locked.patient_id, alert.patient_id))
        if kind == "doubt":
            over = self._locked.states.doubted[row, COLUMN[alert.subject or ""]] == NEVER
            return "a clean reading, a correction or a person settled it" if over else None
        if kind not in READING_KINDS or (alert.patient_id, alert.rule, alert.subject) in about:
            return None
        return "judged again: the readings or rules that it rests on have changed"

    def _settle_failed(self, changes: Changes) -> None:
        rows = np.array(sorted(self.failed), np.intp)
        ids = self._locked.patient_id[rows]
        reason = ", ".join(sorted(set(self.failed.values())))
        queries.add_unjudged(self._conn, ids, reason, self._now)
        known = {alert.patient_id for alert in queries.lock_open(self._conn, ids.tolist(), [UNJUDGED.name])}
        episode = Episode(self._now, self._now, self._now)
        steps = []
        for row, patient_id in zip(rows.tolist(), ids.tolist(), strict=True):
            if patient_id not in known:
                step = lifecycle.open_alert(UNJUDGED, patient_id, None, episode, "live", self._now, self._ruleset_id)
                told = explain_unjudged(UNJUDGED, step.alert, self.failed[row], self._rules.digest)
                steps.append(replace(step, alert=replace(step.alert, explanation=told)))
        write_steps(self._conn, steps, self._now, changes)


def _pairs(flags: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    yield from zip(*(index.tolist() for index in np.nonzero(flags)), strict=True)
