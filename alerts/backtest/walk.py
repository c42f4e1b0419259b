"""Walk: one patient's course through the lifecycle, from one change to the next, with the people a practice assumes.

Pure but for the random ids that `alerts/lifecycle.py` gives. Takes the steps of live judgement: findings become alerts as
`alerts/findings.py` makes them, doubts open when the sweep would, and everything else waits for the time it is due.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from heapq import heappop, heappush
from typing import Final

from alerts import lifecycle, taking
from alerts.alert import UNSTORED, Alert
from alerts.backtest.desk import Desk, last_steps
from alerts.backtest.judging import About, Course, Lanes
from alerts.backtest.played import Practice
from alerts.episodes import Told
from alerts.lifecycle import Episode, Step
from alerts.moments import to_datetime, to_us
from alerts.rule import Rule
from alerts.rules import RuleSet
from alerts.triage.replies import Asked, Reply, answer
from alerts.triage.scene import Outcome
from devices.vitals import COLUMN, VITALS

#: key of the one who acknowledges
SOMEBODY: Final = -1
_RULESET: Final = 0
#: what is due at one time, in this order, after the readings of that time
_LATE, _REPLY, _DOUBT, _HOLD, _LOOK, _PAGE = range(6)
#: readings that a recheck is answered by, at most
_REPLIES: Final = 8

Key = tuple[str, str | None]


class Walk:
    """What becomes of one patient; alerts have ids from 1 on."""

    def __init__(
        self, rules: RuleSet, programmes: Sequence[str], patient_id: int, row: int, lanes: Lanes, practice: Practice
    ) -> None:
        self._rules, self._patient_id, self._row, self._lanes, self._practice = rules, patient_id, row, lanes, practice
        self._doubt = next((one for one in rules.of_kind("doubt") if one.applies_to(programmes)), None)
        self._not_vital = frozenset(rule.name for rule in rules.of_kind("doubt"))
        self.alerts: list[Alert] = []
        self.desk = Desk(patient_id, self.alerts, asks=practice.asks, newest=self._newest)
        self._current: dict[Key, int] = {}
        self._doubts: dict[int, tuple[int, int]] = {}
        self._timers: list[tuple[int, int, int]] = []

    def follow(self, course: Course) -> None:
        """Go through all that judging told, and what falls due in between and after it."""
        for at in sorted(course.told.keys() | course.doubts.keys()):
            self._until(at)
            now = to_datetime(at)
            steps = self._settle_doubts(course, at, now)
            self._write(steps + self._apply(course.told.get(at, ()), now), now)
        self._until(None)
        self.desk.finish()

    # what is due ---------------------------------------------------------------------------------------------------

    def _until(self, at: int | None) -> None:
        """Do what is due before a time; readings go before what is due with them."""
        while self._timers and (at is None or self._timers[0][0] < at):
            due, kind, key = heappop(self._timers)
            now = to_datetime(due)
            if kind == _DOUBT:
                self._open_doubt(key, due, now)
            elif kind == _LATE:
                self._promote(key, due, now)
            elif kind == _REPLY:
                self._hear(key, due, now)
            elif kind == _HOLD and key in self.desk.holds and self.desk.holds[key].due_at <= now:
                self._end_hold(key, "no reply", now)
            elif kind == _LOOK:
                self._look(key, now)
            elif kind == _PAGE:
                self.desk.page(key, now)

    def _settle_doubts(self, course: Course, at: int, now: datetime) -> list[Step]:
        steps: list[Step] = []
        if self._doubt is None:
            return steps
        for told in course.doubts.get(at, ()):
            if told.is_lifted:
                self._doubts.pop(told.vital, None)
                alert = self._open((self._doubt.name, VITALS[told.vital].name))
                if alert is not None:
                    steps.append(lifecycle.cease(Step(alert), to_datetime(told.measured_at), now))
            elif told.vital not in self._doubts:
                due = at + _us(self._doubt)
                self._doubts[told.vital] = (due, told.measured_at)
                heappush(self._timers, (due, _DOUBT, told.vital))
        return steps

    def _open_doubt(self, vital: int, due: int, now: datetime) -> None:
        found = self._doubts.get(vital)
        if found is None or found[0] != due or self._doubt is None:
            return
        del self._doubts[vital]
        subject = VITALS[vital].name
        if self._open((self._doubt.name, subject)) is None:
            at = to_datetime(found[1])
            episode = Episode(at, at, at)
            self._write([lifecycle.open_alert(self._doubt, self._patient_id, subject, episode, "live", now, _RULESET)], now)

    def _promote(self, key: int, due: int, now: datetime) -> None:
        """Let newer readings make an alert urgent that opened late, as long as its condition holds."""
        alert = self.alerts[key - 1]
        if alert.closed_at is not None or alert.condition != "firing" or alert.lateness == "live":
            return
        rule = self._rules.by_name[alert.rule]
        held = to_datetime(self._lanes.newest(self._row, self._inputs(rule), due))
        ongoing = Episode(held, held, held)
        self._write(lifecycle.follow(alert, rule, self._patient_id, alert.subject, now, _RULESET, ongoing=ongoing), now)
        self._watch(self.alerts[key - 1], due)

    def _watch(self, alert: Alert, after: int) -> None:
        if alert.closed_at is None and alert.condition == "firing" and alert.lateness != "live":
            following = self._lanes.next_arrival(self._row, self._inputs(self._rules.by_name[alert.rule]), after)
            if following is not None:
                heappush(self._timers, (following, _LATE, alert.id))

    # rechecks ------------------------------------------------------------------------------------------------------

    def _await(self, key: int, after: int) -> None:
        """Look again when the next reading comes that may answer a recheck, and when its time is up."""
        column = COLUMN[self.alerts[key - 1].subject or ""]
        following = self._lanes.next_arrival(self._row, (column,), after)
        if following is not None:
            heappush(self._timers, (following, _REPLY, key))

    def _hear(self, key: int, due: int, now: datetime) -> None:
        hold, alert = self.desk.holds.get(key), self.alerts[key - 1]
        if hold is None:
            return
        rule, column = self._rules.by_name[alert.rule], COLUMN[alert.subject or ""]
        plain = rule.kind == "threshold"
        found = self._lanes.since(self._row, column, to_us(alert.firings[-1]), due)[-_REPLIES:]
        replies = tuple(Reply(to_datetime(at), value) for at, value in found)
        asked = Asked(
            key, hold.asked_at, alert.condition == "firing", alert.resolved_at, rule.op if plain else None,
            rule.limit if plain else None, replies,
        )  # fmt: skip
        said = answer(asked)
        if said is None:
            self._await(key, due)
        else:
            self._end_hold(key, said, now)

    def _end_hold(self, key: int, outcome: Outcome, now: datetime) -> None:
        alert = self.alerts[key - 1]
        step = Step(alert).then(alert, "rechecked", outcome)
        if outcome == "cleared":
            step = lifecycle.close_if_done(replace(step, alert=replace(alert, standing="cleared")), now)
        self._write([step], now, {key: outcome})

    # people --------------------------------------------------------------------------------------------------------

    def _look(self, key: int, now: datetime) -> None:
        """Let somebody look at the patient when an alert is due that still waits: they take on all that are open."""
        due = self.alerts[key - 1]
        if self._practice.answers != "on time" or due.closed_at is not None or due.acknowledged_at is not None:
            return
        if due.due_at <= now:
            self._write([taking.acknowledge(alert, SOMEBODY, now) for alert in self.desk.waiting()], now)

    # what is found -------------------------------------------------------------------------------------------------

    def _apply(self, told: Sequence[About], now: datetime) -> list[Step]:
        """Make alerts of what was told; whether history was told of before is asked before anything of it is."""
        new: dict[int, list[Told]] = {}
        for one in told:
            if not (one.is_found and self._is_told(one)):
                new.setdefault(one.rule, []).append(one.told)
        steps = []
        for column, parts in new.items():
            rule = self._rules.reading_rules[column]
            place = self._current.get((rule.name, rule.vital))
            alert = None if place is None else self.alerts[place]
            if alert is not None and alert.closed_at is not None and now - alert.closed_at > lifecycle.REGRESSED_WITHIN:
                alert = None
            steps += lifecycle.follow(
                alert,
                rule,
                self._patient_id,
                rule.vital,
                now,
                _RULESET,
                ceased_at=next((one.ceased_at for one in parts if one.ceased_at is not None), None),
                past=[episode for one in parts for episode in one.past],
                ongoing=next((one.ongoing for one in parts if one.ongoing is not None), None),
            )
        return steps

    def _is_told(self, one: About) -> bool:
        """Say whether an alert has told of an episode already."""
        rule, episode = self._rules.reading_rules[one.rule], one.told.past[0]
        until = episode.ended_at or episode.held_at
        return any(
            alert.since <= until and (alert.resolved_at is None or alert.resolved_at >= episode.since)
            for alert in self.alerts
            if alert.rule == rule.name and alert.subject == rule.vital and (alert.closed_at is None or alert.times == 1)
        )

    def _inputs(self, rule: Rule) -> tuple[int, ...]:
        """Return the columns of the vitals that a rule reads."""
        return tuple(COLUMN[name] for name in self._rules.inputs_of(rule))

    def _open(self, key: Key) -> Alert | None:
        place = self._current.get(key)
        return None if place is None or self.alerts[place].closed_at is not None else self.alerts[place]

    def _newest(self, vital: str, now: datetime) -> datetime:
        return to_datetime(self._lanes.newest(self._row, (COLUMN[vital],), to_us(now)))

    def _write(self, steps: Sequence[Step], now: datetime, answers: dict[int, Outcome] | None = None) -> None:
        """Keep alerts as they are now, and let people be told of it."""
        written = []
        for step in steps:
            if not step.events:
                continue
            alert = step.alert
            if alert.id == UNSTORED:
                alert = replace(alert, id=len(self.alerts) + 1)
                self.alerts.append(alert)
            written.append(replace(step, alert=alert))
            self.alerts[alert.id - 1] = alert
            self._current[alert.rule, alert.subject] = alert.id - 1
        if not written and not answers:
            return
        held = set(self.desk.holds)
        self.desk.settle(last_steps(written), now, self._not_vital, answers)
        for step in written:
            key = step.alert.id
            if step.has("opened", "fired again", "regressed"):
                self._watch(self.alerts[key - 1], to_us(now))
            heappush(self._timers, (to_us(step.alert.due_at), _LOOK, key))
        for key in self.desk.holds.keys() - held:
            heappush(self._timers, (to_us(self.desk.holds[key].due_at), _HOLD, key))
            self._await(key, to_us(now))
        for key, (due_at, _) in self.desk.ladders.items():
            heappush(self._timers, (to_us(due_at), _PAGE, key))


def _us(rule: Rule) -> int:
    return round(rule.for_.total_seconds() * 1e6)
