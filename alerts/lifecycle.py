"""Lifecycle: inactive → pending → firing → resolved, and apart from it acknowledged: what an episode makes of an alert.

Pure. Latching: a high, composite, score or red-flag alert stays open after its condition ended until a person acknowledges
it; medium and low close themselves, unless nobody could have seen them in time (retrospective) or a recheck is under way. An
open alert gathers later episodes of its condition, and one that closed lately is opened again by them (regressed). What fires
and ceases too often is held open until a person resolves it (flapping, I13). People's actions are in `alerts/taking.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from alerts.alert import DISPOSITIONS, UNSTORED, Alert
from alerts.lateness import ORDER, SHIFT, Lateness, lateness_of, lateness_of_past
from alerts.rule import Rule

#: kinds of rule whose alerts latch whatever their severity (DOMAIN: high, composite and red-flag alerts latch)
LATCHING: Final = frozenset({"composite", "score", "red_flag"})
#: what fires again this soon after it closed is the same episode opened again; engineering default: half a shift
REGRESSED_WITHIN: Final = timedelta(hours=4)
#: what fires more often than this within this time flaps; engineering default
FLAPPING_FIRINGS: Final = 3
FLAPPING_WITHIN: Final = timedelta(hours=1)


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
    #: what the rule judged at fired_at: a vital, a change of it, a score; None where that is no number
    value: float | None = None
    #: the same where it was worst so far, by the rule's steps
    worst: float | None = None
    #: the numbers that `value` rests on (docs/rules.md), for its explanation
    told: Mapping[str, float] = field(default_factory=dict, hash=False)
    #: it is there still, or again, after a gap longer than its rule's in which nobody measured
    again: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """An alert after something happened to it."""

    #: the alert as it is now
    alert: Alert
    #: (what, note) of each happening, in order
    events: tuple[tuple[str, str], ...] = ()
    #: how long its page may wait for a second measurement, by its rule
    recheck: timedelta = timedelta(0)

    def then(self, alert: Alert, what: str, note: str = "") -> "Step":
        """Return the step that follows."""
        return Step(alert, (*self.events, (what, note)), self.recheck)

    def has(self, *names: str) -> bool:
        """Say whether one of these happened."""
        return any(what in names for what, _ in self.events)


def open_alert(
    rule: Rule, patient_id: int, subject: str | None, episode: Episode, lateness: Lateness, now: datetime, ruleset_id: int
) -> Step:
    """Open an alert for an episode."""
    old = lateness == "retrospective"
    alert = Alert(
        id=UNSTORED,
        public_id="",  # given when it is written
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
        direction=rule.direction,
        latching=rule.severity == "high" or rule.kind in LATCHING,
        worst=episode.value if episode.worst is None else episode.worst,
        firings=() if old else (episode.fired_at,),
    )
    return Step(alert, (("opened", "" if lateness == "live" else lateness),), rule.recheck)


def cease(step: Step, at: datetime, now: datetime, note: str = "") -> Step:
    """End the condition of a firing alert by a reading measured at `at`; close what need not wait for a person."""
    if step.alert.condition == "resolved" or step.alert.closed_at is not None:
        return step
    ended = step.then(replace(step.alert, condition="resolved", resolved_at=at), "resolved", note)
    return close_if_done(ended, now)


def close_if_done(step: Step, now: datetime) -> Step:
    """Close an alert whose condition is over, unless a person has to act first or two readings have to be in range."""
    alert = step.alert
    if alert.closed_at is not None or alert.condition == "firing" or alert.flapping_at is not None:
        return step
    waits = alert.latching or alert.lateness == "retrospective" or alert.standing == "recheck"
    if alert.acknowledged_at is not None or not waits:
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


def worsen(step: Step, rule: Rule, episode: Episode, now: datetime) -> Step:
    """Announce again what is a step worse than what was announced last, or there after a gap: as if nobody answered (I13)."""
    alert, worst = step.alert, episode.worst if episode.worst is not None else episode.value
    if not rule.step or worst is None or alert.worst is None:
        return step
    if not episode.again and (worst - alert.worst) * (-1 if rule.direction == "low" else 1) < rule.step - 1e-9:
        return step
    due_at = min(alert.due_at, now + rule.response) if alert.acknowledged_at is None else now + rule.response
    worse = replace(alert, worst=worst, news_at=now, acknowledged_at=None, acknowledged_by=None, due_at=due_at)
    return step.then(worse, "worsened", f"{worst:g}")


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
    """Return what becomes of the alert of one (patient, rule, subject), and the alerts that open.

    `alert` is the open one, or the one that closed last. `ceased_at` ends what was firing before; `past` are new episodes
    that were over when they were first seen; `ongoing` is the one that lasts, whether it is new or was there before. At most
    one of the returned alerts is still open.
    """
    steps: list[Step] = []
    current = None if alert is None else Step(alert, recheck=rule.recheck)
    if current is not None and ceased_at is not None:
        current = cease(current, ceased_at, now)

    def begin(episode: Episode, lateness: Lateness) -> Step:
        """Open the alert that closed lately again, or another."""
        if current is not None and _may_regress(current.alert, rule, lateness, now):
            return _regress(current, rule, episode, lateness, now)
        if current is not None:
            steps.append(current)
        return open_alert(rule, patient_id, subject, episode, lateness, now, ruleset_id)

    for episode in past:
        if current is not None and current.alert.closed_at is None:
            current = _gather(current, "earlier episode", episode)
            continue
        current = begin(episode, lateness_of_past(now - episode.fired_at, rule.fresh_for))
        assert episode.ended_at is not None
        current = cease(current, episode.ended_at, now)
    if ongoing is not None:
        lateness = lateness_of(now - ongoing.held_at, rule.fresh_for)
        if current is None or current.alert.closed_at is not None:
            current = begin(ongoing, lateness)
        elif current.alert.condition == "resolved":
            again = replace(current.alert, condition="firing", resolved_at=None)
            current = _gather(replace(current, alert=again), "fired again", ongoing)
            current = worsen(promote(_count(current, ongoing, now), rule, lateness, now), rule, ongoing, now)
        else:
            current = worsen(promote(current, rule, lateness, now), rule, ongoing, now)
    if current is not None:
        steps.append(current)
    return [step for step in steps if step.events]


def _gather(step: Step, what: str, episode: Episode) -> Step:
    return step.then(replace(step.alert, times=step.alert.times + 1), what, _span(episode))


def _span(episode: Episode) -> str:
    note = f"since {episode.since.isoformat(timespec='seconds')}"
    if episode.ended_at is not None:
        note += f" until {episode.ended_at.isoformat(timespec='seconds')}"
    return note


def _may_regress(alert: Alert, rule: Rule, lateness: Lateness, now: datetime) -> bool:
    """Say whether what begins is the same episode once more: soon after it closed, by the same rule, and no old news."""
    if alert.closed_at is None or alert.rule_version != rule.version or alert.lateness == "retrospective":
        return False
    return lateness != "retrospective" and now - alert.closed_at <= REGRESSED_WITHIN


def _regress(step: Step, rule: Rule, episode: Episode, lateness: Lateness, now: datetime) -> Step:
    alert = step.alert
    again = replace(
        alert,
        condition="firing",
        lateness=lateness,
        emergency=rule.emergency,
        due_at=now + rule.response,
        times=alert.times + 1,
        resolved_at=None,
        acknowledged_at=None,
        acknowledged_by=None,
        closed_at=None,
        closed_by=None,
        disposition=None,
        worst=episode.value if episode.worst is None else episode.worst,
        news_at=None,
        regressed=alert.regressed + 1,
        standing="sent",
        standing_until=None,
    )
    note = _span(episode) + (f", after it was resolved as {DISPOSITIONS[alert.disposition]}" if alert.disposition else "")
    return _count(step.then(again, "regressed", note), episode, now)


def _count(step: Step, episode: Episode, now: datetime) -> Step:
    """Note that it fired; too often within a time is flapping, which holds it open until a person resolves it."""
    alert = step.alert
    firings = [at for at in alert.firings if at > episode.fired_at - FLAPPING_WITHIN]
    alert = replace(alert, firings=(*firings, episode.fired_at)[-FLAPPING_FIRINGS - 1 :])
    if len(alert.firings) <= FLAPPING_FIRINGS or alert.flapping_at is not None:
        return replace(step, alert=alert)
    return step.then(
        replace(alert, flapping_at=now, latching=True), "flapping", f"fired {len(alert.firings)} times within an hour"
    )
