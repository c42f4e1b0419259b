"""The model: what a careful person would keep on paper beside the real thing, and what of the real thing would be wrong then.

Knows the readings, what people did and when, and the plain meaning of the rules (`reference.py`). Everything about alerts is
looked at after each step and held against that: I2, I3, I5–I11 and I13, each violation a sentence that begins with its number.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from alerts.alert import DISPOSITIONS
from alerts.lateness import LIVE_FOR, ORDER, SHIFT
from alerts.moments import to_datetime, to_us
from alerts.rule import Rule
from alerts.rules import RuleSet
from devices.vitals import COLUMN, VITALS
from tests.stories.lifecycle.reference import Course, Episode, breaches, follow, worse_by

RANK: Final = {"low": 0, "medium": 1, "high": 2}
#: longest time that a page of the rules here may wait for a second measurement
LONGEST_HOLD: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class Reading:
    """A measurement as a device made it."""

    seq: int
    measured: int
    received: int
    values: dict[str, float]

    def is_suspect(self, vital: str) -> bool:
        """Whether a value is outside the plausible range."""
        known = VITALS[COLUMN[vital]]
        return not known.low <= self.values[vital] <= known.high


@dataclass
class Silenced:
    """What a person muted, by the key of the silence's row."""

    patient: int
    vital: str
    direction: str
    severity: str
    starts: datetime
    ends: datetime


@dataclass
class Noted:
    """What is kept on paper about an alert."""

    #: when it opened, or was opened again
    opened: datetime
    #: what was announced last
    told: float | None
    #: when it last worsened by a step
    worse: datetime | None = None
    #: when a person took it on, None where nobody holds it
    taken: datetime | None = None
    #: since when somebody has to have been told, None while something covers it
    due_since: datetime | None = None
    regressed: int = 0


@dataclass
class Model:
    """All of it."""

    rules: RuleSet
    readings: dict[int, list[Reading]] = field(default_factory=dict)
    #: rows that were stored and never judged anew: the count that `judged` must have
    quarantined: int = 0
    #: (patient, rule) → readings up to then count no more: a person resolved the alert
    resets: dict[tuple[int, str], int] = field(default_factory=dict)
    silences: dict[str, Silenced] = field(default_factory=dict)
    noted: dict[int, Noted] = field(default_factory=dict)
    #: alerts that a person's action may have closed in this step
    may_close: set[int] = field(default_factory=set)
    courses: dict[tuple[int, str], Course] = field(default_factory=dict)
    before: dict[tuple[int, str], Course] = field(default_factory=dict)

    # readings ------------------------------------------------------------------------------------------------------

    def values(self, patient: int, vital: str) -> list[tuple[int, float]]:
        """Return the clean (time, value) of a vital in the order in which they were measured."""
        found = [one for one in self.readings.get(patient, []) if vital in one.values and not one.is_suspect(vital)]
        return [(one.measured, one.values[vital]) for one in sorted(found, key=lambda one: (one.measured, one.seq))]

    def follow(self) -> None:
        """Follow every rule over everything that is known by now."""
        self.before, self.courses = self.courses, {}
        for patient in self.readings:
            for rule in self.rules.rules:
                if rule.kind != "threshold" or not rule.applies_to([]):
                    continue
                floor = self.resets.get((patient, rule.name), -(1 << 62))
                given = [(time, value) for time, value in self.values(patient, rule.vital or "") if time > floor]
                self.courses[patient, rule.name] = follow(rule, given)

    def rule(self, name: str) -> Rule:
        """Return a rule by its name."""
        return self.rules.by_name[name]

    # alerts --------------------------------------------------------------------------------------------------------

    def note(self, alerts: list[Any], now: datetime, checked: datetime) -> list[str]:
        """Bring the paper up to date with what opened, worsened and closed; return what is wrong with that.

        `checked` is when the real thing was looked at last.
        """
        wrong: list[str] = []
        for alert in alerts:
            was = self.noted.get(alert.id)
            if was is None or alert.regressed > was.regressed:
                self.noted[alert.id] = was = Noted(now, self._announced(alert), regressed=alert.regressed)
                self.may_close.discard(alert.id)
                wrong += self._opened_wrongly(alert, now)
            elif alert.closed_at is None:
                wrong += self._worsened(alert, was, now)
            if alert.closed_at is not None and alert.closed_at > checked:
                wrong += self._closed_wrongly(alert)
        return wrong

    def _announced(self, alert: Any) -> float | None:
        course = self.courses.get((alert.patient_id, alert.rule))
        if course is None or not self.rule(alert.rule).step:
            return None
        if course.ongoing is not None:
            return course.ongoing.worst
        at = to_us(alert.fired_at)
        return next(
            (one.worst for one in course.episodes if one.fired_at == at), course.episodes[-1].worst if course.episodes else None
        )

    def _worsened(self, alert: Any, was: Noted, now: datetime) -> list[str]:
        rule, course = self.rule(alert.rule), self.courses.get((alert.patient_id, alert.rule))
        if course is None or course.ongoing is None or not rule.step or was.told is None:
            return []
        if worse_by(rule, course.ongoing.worst, was.told) < rule.step:
            return []
        was.told, was.worse, was.taken, was.due_since = course.ongoing.worst, now, None, now
        if alert.acknowledged_at is not None:
            return [f"I13 alert {alert.id} worsened to {was.told:g} and is still taken as answered"]
        return []

    def _opened_wrongly(self, alert: Any, now: datetime) -> list[str]:
        """I5: what late means."""
        course, rule = self.courses.get((alert.patient_id, alert.rule)), self.rule(alert.rule)
        if course is None or alert.opened_at != now:
            return []
        if course.ongoing is not None and alert.condition == "firing":
            newest = self.values(alert.patient_id, alert.subject)[-1][0]
            wanted = lateness(now - to_datetime(newest), rule)
        else:
            wanted = "live" if now - alert.fired_at <= rule.fresh_for else "retrospective"
        wrong = []
        if alert.lateness != wanted:
            wrong.append(f"I5 alert {alert.id} of {alert.rule} opened as {alert.lateness}, it is {wanted}")
        if wanted == "retrospective" and not now < alert.due_at <= now + SHIFT:
            wrong.append(f"I5 retrospective alert {alert.id} is not due the same shift")
        return wrong

    def _closed_wrongly(self, alert: Any) -> list[str]:
        if alert.id in self.may_close:
            self.may_close.discard(alert.id)
            return []
        course = self.courses.get((alert.patient_id, alert.rule))
        if alert.flapping_at is not None:
            return [f"I13 alert {alert.id} flaps and closed itself"]
        if course is not None and course.condition == "firing":
            return [f"I7 alert {alert.id} closed while its condition holds"]
        if alert.acknowledged_at is None and (alert.severity == "high" or alert.lateness == "retrospective"):
            return [f"I9 alert {alert.id}, {alert.severity} and {alert.lateness}, closed before anybody looked"]
        return []

    def cover(  # noqa: PLR0911 - one answer a line
        self, alert: Any, alerts: list[Any], holds: dict[int, Any], now: datetime
    ) -> str | None:
        """Return what keeps an open alert from being sent, None where it has to be: never anything from before it worsened."""
        was = self.noted[alert.id]
        if was.taken is not None and (was.worse is None or was.taken >= was.worse):
            return "acknowledged"
        if alert.lateness == "retrospective":
            return "retrospective"
        for one in self.silences.values():
            if (
                (one.patient, one.vital, one.direction) == (alert.patient_id, alert.subject, alert.direction)
                and one.starts <= now < one.ends
                and RANK[one.severity] >= RANK[alert.severity]
                and not alert.emergency
                and (was.worse is None or one.starts >= was.worse)
            ):
                return "silenced"
        for other in alerts:
            if (
                (other.patient_id, other.subject, other.direction) == (alert.patient_id, alert.subject, alert.direction)
                and alert.direction is not None
                and other.closed_at is None
                and other.severity == "high"
                and alert.severity != "high"
                and other.lateness != "retrospective"
                and (was.worse is None or max(other.opened_at, self.noted[other.id].worse or other.opened_at) >= was.worse)
            ):
                return "inhibited"
        if alert.severity == "low":
            return "low"
        if alert.standing == "cleared" and alert.condition == "resolved" and self._cleared(alert):
            return "cleared"
        hold = holds.get(alert.id)
        if alert.standing == "recheck" and hold is not None and self._may_hold(alert, was, hold, now):
            return "recheck"
        return None

    def _cleared(self, alert: Any) -> bool:
        """Whether the last two readings were in range."""
        rule, values = self.rule(alert.rule), self.values(alert.patient_id, alert.subject)
        return len(values) >= 2 and not any(breaches(rule, value) for _, value in values[-2:])

    @staticmethod
    def _may_hold(alert: Any, was: Noted, hold: Any, now: datetime) -> bool:
        if alert.emergency or alert.lateness != "live" or hold.due_at - hold.asked_at > LONGEST_HOLD:
            return False
        return now < hold.due_at and (was.worse is None or was.worse < hold.asked_at)

    # conditions ----------------------------------------------------------------------------------------------------

    def missed(self, alerts: list[Any], events: list[Any], now: datetime) -> list[str]:
        """I7: every condition that holds has one open alert, every new episode was told of, nobody's alert is invented."""
        wrong = []
        open_ones: dict[tuple[int, str, str | None], list[Any]] = {}
        for alert in alerts:
            if alert.closed_at is None:
                open_ones.setdefault((alert.patient_id, alert.rule, alert.subject), []).append(alert)
        wrong += [f"I7 {len(found)} open alerts of {key}" for key, found in open_ones.items() if len(found) > 1]
        told: dict[tuple[int, str], int] = {}
        for event in events:
            if event.what in ("opened", "fired again", "earlier episode", "regressed"):
                told[event.patient_id, event.rule] = told.get((event.patient_id, event.rule), 0) + 1
        for key, course in self.courses.items():
            patient, name = key
            found = open_ones.get((patient, name, self.rule(name).vital), [])
            holds = [alert for alert in found if alert.condition == "firing"]
            if course.condition == "firing" and not holds:
                wrong.append(f"I7 {name} holds for patient {patient} and no open alert says so")
            if course.condition != "firing" and holds:
                wrong.append(f"I7 alert {holds[0].id} says that {name} holds, and it does not")
            earlier = self.before.get(key, Course()).episodes
            new = [one for one in course.episodes if not any(one.overlaps(other) for other in earlier)]
            # what lies within an alert that was told before is that alert's: one that is open, or one stretch without a gap
            old = [alert for alert in alerts if (alert.patient_id, alert.rule) == key and alert.opened_at < now]
            old = [alert for alert in old if alert.closed_at is None or alert.times == 1]
            new = [one for one in new if not any(_spans(alert, one) for alert in old)]
            if len(new) > told.get(key, 0):
                wrong.append(f"I7 {len(new)} new episodes of {name}, {told.get(key, 0)} told")
        return wrong


def _spans(alert: Any, episode: Episode) -> bool:
    """Whether an alert's time, from the first reading of its first episode on, takes an episode in."""
    if episode.ended_at is None or to_us(alert.since) > episode.ended_at:
        return False
    ends = [to_us(end) for end in (alert.resolved_at, alert.reset_at) if end is not None]
    return not ends or episode.since <= min(ends)


def lateness(age: timedelta, rule: Rule) -> str:
    """Return what a reading of this age means, the newest of its vital."""
    if age <= rule.fresh_for:
        return ORDER[0]
    return ORDER[1] if age <= LIVE_FOR else ORDER[2]


#: what people say an alert came to
SAID: Final = tuple(DISPOSITIONS)
