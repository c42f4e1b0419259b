"""Lifecycle: inactive → pending → firing → resolved, and apart from it acknowledged: what an episode makes of an alert.

Pure. Latching: a high alert stays open after its condition ended until a person acknowledges it; medium and low close
themselves, unless nobody could have seen them in time (retrospective). An open alert gathers later episodes of its condition.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerts.alert import UNSTORED, Alert
from alerts.lateness import ORDER, SHIFT, Lateness, lateness_of, lateness_of_past
from alerts.rule import Rule


@dataclass(frozen=True, slots=True)
class Episode:
    """One stretch of time in which a rule's condition held."""

    #: first reading for which it held
    since: datetime
    #: the reading that made it fire
    fired_at: datetime
    #: the newest reading that holds it, while it lasts
    held_at: datetime
    #: the reading that ended it, None while it lasts
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """An alert after something happened to it."""

    #: the alert as it is now
    alert: Alert
    #: (what, note) of each event, in order
    events: tuple[tuple[str, str], ...] = ()

    def then(self, alert: Alert, what: str, note: str = "") -> "Step":
        """Return the step that follows."""
        return Step(alert, (*self.events, (what, note)))


def open_alert(
    rule: Rule, patient_id: int, subject: str | None, episode: Episode, lateness: Lateness, now: datetime, ruleset_id: int
) -> Step:
    """Open an alert for an episode."""
    old = lateness == "retrospective"
    alert = Alert(
        id=UNSTORED,
        public_id=secrets.token_hex(12),
        patient_id=patient_id,
        rule=rule.name,
        rule_version=rule.version,
        ruleset_id=ruleset_id,
        subject=subject,
        severity=rule.severity,
        category=rule.category,
        emergency=rule.emergency and not old,
        lateness=lateness,
        condition="firing",
        since=episode.since,
        fired_at=episode.fired_at,
        opened_at=now,
        due_at=now + (SHIFT if old else rule.response),
    )
    return Step(alert, (("opened", "" if lateness == "live" else lateness),))


def cease(step: Step, at: datetime, now: datetime, note: str = "") -> Step:
    """End the condition of a firing alert by a reading measured at `at`; close what need not wait for a person."""
    if step.alert.condition == "resolved":
        return step
    ended = step.then(replace(step.alert, condition="resolved", resolved_at=at), "resolved", note)
    return _close_if_done(ended, now)


def _close_if_done(step: Step, now: datetime) -> Step:
    alert = step.alert
    if alert.closed_at is not None or alert.condition == "firing":
        return step
    if alert.acknowledged_at is not None or (alert.severity != "high" and alert.lateness != "retrospective"):
        return step.then(replace(alert, closed_at=now), "closed")
    return step


def promote(step: Step, rule: Rule, lateness: Lateness, now: datetime) -> Step:
    """Make a late or retrospective alert more urgent when newer readings hold its condition."""
    alert = step.alert
    if alert.condition != "firing" or ORDER.index(lateness) >= ORDER.index(alert.lateness):
        return step
    if alert.lateness == "retrospective":
        alert = replace(alert, due_at=min(alert.due_at, now + rule.response), emergency=rule.emergency)
    return step.then(replace(alert, lateness=lateness), "promoted", lateness)


def follow(
    alert: Alert | None,
    rule: Rule,
    patient_id: int,
    subject: str | None,
    now: datetime,
    ruleset_id: int,
    *,
    ceased_at: datetime | None = None,
    past: Sequence[Episode] = (),
    ongoing: Episode | None = None,
) -> list[Step]:
    """Return what becomes of the open alert of one (patient, rule, subject), and the alerts that open.

    `ceased_at` ends what was firing before; `past` are new episodes that were over when they were first seen; `ongoing` is
    the one that lasts, whether it is new or was there before. At most one of the returned alerts is still open.
    """
    steps: list[Step] = []
    current = None if alert is None else Step(alert)
    if current is not None and ceased_at is not None:
        current = cease(current, ceased_at, now)
    for episode in past:
        if current is not None and current.alert.closed_at is None:
            current = _gather(current, "earlier episode", episode)
            continue
        if current is not None:
            steps.append(current)
        age = lateness_of_past(now - episode.fired_at, rule.fresh_for)
        current = open_alert(rule, patient_id, subject, episode, age, now, ruleset_id)
        assert episode.ended_at is not None
        current = cease(current, episode.ended_at, now)
    if ongoing is not None:
        lateness = lateness_of(now - ongoing.held_at, rule.fresh_for)
        if current is not None and current.alert.closed_at is not None:
            steps.append(current)
            current = None
        if current is None:
            current = open_alert(rule, patient_id, subject, ongoing, lateness, now, ruleset_id)
        elif current.alert.condition == "resolved":
            again = replace(current.alert, condition="firing", resolved_at=None)
            current = promote(_gather(Step(again, current.events), "fired again", ongoing), rule, lateness, now)
        else:
            current = promote(current, rule, lateness, now)
    if current is not None:
        steps.append(current)
    return [step for step in steps if step.events]


def _gather(step: Step, what: str, episode: Episode) -> Step:
    note = f"since {episode.since.isoformat(timespec='seconds')}"
    if episode.ended_at is not None:
        note += f" until {episode.ended_at.isoformat(timespec='seconds')}"
    return step.then(replace(step.alert, times=step.alert.times + 1), what, note)


def acknowledge(alert: Alert, staff_id: int, now: datetime) -> Step:
    """Take an alert on; one whose condition is over leaves the worklist."""
    if alert.acknowledged_at is not None or alert.closed_at is not None:
        return Step(alert)
    taken = Step(alert).then(replace(alert, acknowledged_at=now, acknowledged_by=staff_id), "acknowledged")
    closed = _close_if_done(taken, now)
    if closed.alert.closed_at is None:
        return closed
    return Step(replace(closed.alert, closed_by=staff_id), closed.events)


def unacknowledge(alert: Alert) -> Step:
    """Take an acknowledgement back; an alert that it closed is open again."""
    if alert.acknowledged_at is None or alert.disposition is not None:
        return Step(alert)
    step = Step(alert).then(replace(alert, acknowledged_at=None, acknowledged_by=None), "unacknowledged")
    if alert.closed_at is None:
        return step
    return step.then(replace(step.alert, closed_at=None, closed_by=None), "reopened")


def resolve(alert: Alert, staff_id: int, disposition: str, note: str, now: datetime, reset_at: datetime | None) -> Step:
    """Close an alert with what it came to; readings measured after `reset_at` may open another."""
    if alert.closed_at is not None:
        return Step(alert)
    step = Step(alert)
    if alert.acknowledged_at is None:
        step = step.then(replace(alert, acknowledged_at=now, acknowledged_by=staff_id), "acknowledged")
    if step.alert.condition == "firing":
        step = Step(replace(step.alert, condition="resolved", resolved_at=now), step.events)
    done = replace(step.alert, closed_at=now, closed_by=staff_id, disposition=disposition, reset_at=reset_at)
    return step.then(done, "closed", f"{disposition}: {note}" if note else disposition)
