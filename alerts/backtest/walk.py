"""Walk: one patient's course through the lifecycle, from one change to the next, with the people a practice assumes.

Pure but for the random ids that `alerts/lifecycle.py` gives. Takes the steps of live judgement: findings become alerts as
`alerts/findings.py` makes them, doubts open when the sweep would, and everything else waits for the time it is due.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import heappop, heappush

from alerts import lifecycle, notices
from alerts.alert import UNSTORED, Alert
from alerts.backtest.judging import Course, Lanes, Span, Told
from alerts.backtest.played import Item, Practice, Sent
from alerts.lifecycle import Episode, Step
from alerts.moments import to_datetime, to_us
from alerts.rule import Rule
from alerts.rules import RuleSet
from devices.vitals import COLUMN, VITALS

#: key of the one who acknowledges
SOMEBODY = -1
_UNJUDGED_BY = 0
#: what happens at one time: readings first, then what was due
_HEARD, _DOUBT, _LATE, _DUE = range(4)

Key = tuple[str, str | None]


@dataclass(slots=True)
class Walked:
    """What became of one patient."""

    alerts: list[Alert] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    pages: list[Sent] = field(default_factory=list)


def walk(
    rules: RuleSet, programmes: Sequence[str], patient_id: int, row: int, course: Course, lanes: Lanes, practice: Practice
) -> Walked:
    """Return what becomes of one patient; alerts have ids from 1 on."""
    return _Walk(rules, programmes, patient_id, row, course, lanes, practice).walked


class _Walk:
    def __init__(
        self,
        rules: RuleSet,
        programmes: Sequence[str],
        patient_id: int,
        row: int,
        course: Course,
        lanes: Lanes,
        practice: Practice,
    ) -> None:
        self._rules, self._patient_id, self._row, self._lanes = rules, patient_id, row, lanes
        self._practice = practice
        self._doubt = next((one for one in rules.of_kind("doubt") if one.applies_to(programmes)), None)
        self._alerts: list[Alert] = []
        self._open: dict[Key, int] = {}
        self._doubts: dict[int, tuple[int, int]] = {}
        self._waiting: set[int] = set()
        self._item: tuple[datetime, list[int]] | None = None
        self._timers: list[tuple[int, int, int]] = []
        self.walked = Walked(self._alerts)
        for at in sorted(course.told.keys() | course.doubts.keys()):
            self._until(at)
            now = to_datetime(at)
            self._settle_doubts(course, at, now)
            if at in course.told:
                self._apply(course.told[at], now)
        self._until(None)
        if self._item is not None:
            self.walked.items.append(Item(patient_id, self._item[0], None, tuple(self._item[1])))

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
            elif self._practice.answers == "on time" and key in self._waiting and to_us(self._alerts[key].due_at) <= due:
                self._write([lifecycle.acknowledge(self._alerts[one], SOMEBODY, now) for one in sorted(self._waiting)], now)

    def _settle_doubts(self, course: Course, at: int, now: datetime) -> None:
        if self._doubt is None:
            return
        for told in course.doubts.get(at, ()):
            if told.is_lifted:
                self._doubts.pop(told.vital, None)
                place = self._open.get((self._doubt.name, VITALS[told.vital].name))
                if place is not None:
                    self._write([lifecycle.cease(Step(self._alerts[place]), to_datetime(told.measured_at), now)], now)
            elif told.vital not in self._doubts:
                due = at + round(self._doubt.for_.total_seconds() * 1e6)
                self._doubts[told.vital] = (due, told.measured_at)
                heappush(self._timers, (due, _DOUBT, told.vital))

    def _open_doubt(self, vital: int, due: int, now: datetime) -> None:
        found = self._doubts.get(vital)
        if found is None or found[0] != due or self._doubt is None:
            return
        del self._doubts[vital]
        subject = VITALS[vital].name
        if (self._doubt.name, subject) not in self._open:
            at = to_datetime(found[1])
            step = lifecycle.open_alert(self._doubt, self._patient_id, subject, Episode(at, at, at), "live", now, _UNJUDGED_BY)
            self._write([step], now)

    def _promote(self, place: int, due: int, now: datetime) -> None:
        """Let newer readings make an alert urgent that opened late, as long as its condition holds."""
        alert = self._alerts[place]
        if alert.closed_at is not None or alert.condition != "firing" or alert.lateness == "live":
            return
        rule = self._rules.by_name[alert.rule]
        held = to_datetime(self._lanes.newest(self._row, _inputs(rule), due))
        self._write(
            lifecycle.follow(
                alert, rule, self._patient_id, alert.subject, now, _UNJUDGED_BY, ongoing=Episode(held, held, held)
            ),
            now,
        )
        self._watch(place, due)

    def _watch(self, place: int, after: int) -> None:
        alert = self._alerts[place]
        if alert.closed_at is None and alert.condition == "firing" and alert.lateness != "live":
            following = self._lanes.next_arrival(self._row, _inputs(self._rules.by_name[alert.rule]), after)
            if following is not None:
                heappush(self._timers, (following, _LATE, place))

    # what is found -------------------------------------------------------------------------------------------------

    def _apply(self, told: Sequence[Told], now: datetime) -> None:
        """Make alerts of what was told; whether history was told of before is asked before anything of it is."""
        new: dict[int, list[Told]] = {}
        for one in told:
            if not (one.is_found and self._is_told(one)):
                new.setdefault(one.rule, []).append(one)
        for column, parts in new.items():
            rule = self._rules.threshold_rules[column]
            ceased_at = next((one.ceased_at for one in parts if one.ceased_at is not None), None)
            ongoing = next((one.ongoing for one in parts if one.ongoing is not None), None)
            place = self._open.get((rule.name, rule.vital))
            self._write(
                lifecycle.follow(
                    None if place is None else self._alerts[place],
                    rule,
                    self._patient_id,
                    rule.vital,
                    now,
                    _UNJUDGED_BY,
                    ceased_at=None if ceased_at is None else to_datetime(ceased_at),
                    past=[_episode(span) for one in parts for span in one.past],
                    ongoing=None if ongoing is None else _episode(ongoing),
                ),
                now,
            )

    def _is_told(self, told: Told) -> bool:
        """Say whether an alert has told of an episode already."""
        rule, episode = self._rules.threshold_rules[told.rule], _episode(told.past[0])
        until = episode.ended_at or episode.held_at
        return any(
            alert.since <= until and (alert.resolved_at is None or alert.resolved_at >= episode.since)
            for alert in self._alerts
            if alert.rule == rule.name and alert.subject == rule.vital
        )

    def _write(self, steps: Sequence[Step], now: datetime) -> None:
        """Keep alerts as they are now."""
        for step in steps:
            if not step.events:
                continue
            alert = step.alert
            if alert.id == UNSTORED:
                alert = replace(alert, id=len(self._alerts) + 1)
                self._alerts.append(alert)
            place = alert.id - 1
            self._alerts[place] = alert
            if alert.closed_at is None:
                self._open[alert.rule, alert.subject] = place
            elif self._open.get((alert.rule, alert.subject)) == place:
                del self._open[alert.rule, alert.subject]
            self._show(place, now)
            self._send(alert, step.events, now)
            if any(what in ("opened", "fired again") for what, _ in step.events):
                self._watch(place, to_us(now))

    # what people see -----------------------------------------------------------------------------------------------

    def _show(self, place: int, now: datetime) -> None:
        alert = self._alerts[place]
        if alert.closed_at is None and alert.acknowledged_at is None:
            if self._item is None:
                self._item = (now, [])
            if place not in self._waiting:
                self._waiting.add(place)
                self._item[1].append(alert.id)
            heappush(self._timers, (to_us(alert.due_at), _DUE, place))
            return
        if alert.closed_at == now and alert.opened_at == now and alert.id not in (self._item or (now, []))[1]:
            # over when it was first seen: on the list all the same
            began, ids = self._item or (now, [])
            self._item = (began, [*ids, alert.id])
        self._waiting.discard(place)
        if self._item is not None and not self._waiting:
            self.walked.items.append(Item(self._patient_id, self._item[0], now, tuple(self._item[1])))
            self._item = None

    def _send(self, alert: Alert, events: tuple[tuple[str, str], ...], now: datetime) -> None:
        for planned in notices.plan(alert, events):
            if planned.channel == notices.CONSOLE and planned.state == "pending":
                self.walked.pages.append(Sent(self._patient_id, alert.id, now, events[0][0]))


def _episode(span: Span) -> Episode:
    ended = None if span.ended_at is None else to_datetime(span.ended_at)
    return Episode(to_datetime(span.since), to_datetime(span.fired_at), to_datetime(span.held_at), ended)


def _inputs(rule: Rule) -> tuple[int, ...]:
    return (COLUMN[rule.vital or ""],)
