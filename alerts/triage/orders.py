"""Orders: what has to be done so that people are told what an alert's standing says, and the ledger what they are not told.

Pure: compares how each open alert of a patient stands now with how it stood before. The transaction's edge is
`alerts/triage/dispatch.py`; a backtest reads the orders themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

from alerts import notices
from alerts.alert import Alert
from alerts.lifecycle import Step
from alerts.rule import Severity
from alerts.triage.decide import Standing, ends_hold, standing_of, why_not_held
from alerts.triage.scene import Hold, Outcome, Scene
from messaging.notice import Planned

#: what a person has to hear of, before anything that was set against it
_NEWS: Final = ("opened", "regressed", "worsened", "promoted", "reopened")
_REASONS: Final = {"worsened": "worse"}
#: how a row of the ledger ended where nothing else says it
_ENDED: Final = {
    "silenced": "the silence ended",
    "inhibited": "nothing more severe is open on it any more",
    "gateway": "its gateway is not silent any more",
    "acknowledged": "nobody holds it any more",
    "retrospective": "newer readings hold it",
    "cleared": "it fired again",
}


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A row of the ledger."""

    #: key of the alert
    alert_id: int
    patient_id: int
    #: what did not happen: "shown" (neither shown nor sent) or "sent"
    what: Literal["shown", "sent"]
    #: which sort: a standing's kind, or "again", "flapping", "over"
    kind: str
    reason: str
    owner_id: int | None
    owner: str
    starts_at: datetime
    #: when it ends by itself, None where something has to happen first
    ends_at: datetime | None = None
    #: when it ended, and by what
    ended_at: datetime | None = None
    ended_how: str | None = None


@dataclass(frozen=True, slots=True)
class Called:
    """Somebody is to be told of an alert, no sooner than `due_at`."""

    alert_id: int
    patient_id: int
    severity: Severity
    due_at: datetime
    reason: str


@dataclass(slots=True)
class Orders:
    """What is to be written, over any number of patients."""

    #: ladders that begin, or begin again
    called: list[Called] = field(default_factory=list)
    #: key of an alert → why its ladder stops
    stopped: dict[int, str] = field(default_factory=dict)
    #: rows that enter the ledger, and key of an alert → how its open row ended
    suppressed: list[Suppressed] = field(default_factory=list)
    ended: dict[int, str] = field(default_factory=dict)
    #: pages that wait from now on, with their alerts
    held: list[tuple[Alert, Hold]] = field(default_factory=list)
    #: key of an alert → how its hold ended
    answered: dict[int, Outcome] = field(default_factory=dict)
    #: key of an alert → how it stands now, where that changed
    standings: dict[int, Standing] = field(default_factory=dict)
    #: rows of the outbox: what the worklist shows or does not
    notices: list[tuple[int, Planned]] = field(default_factory=list)


def plan(scene: Scene, news: Mapping[int, Step], now: datetime, answers: Mapping[int, Outcome], orders: Orders) -> None:
    """Add one patient's orders. `news` has what happened just now by key of alert, `answers` the holds that readings ended."""
    for key, step in news.items():
        if step.alert.closed_at is not None:
            _close(replace(step.alert, id=key), step, scene, now, answers, orders)
    for alert in scene.alerts:
        _stand(alert, news.get(alert.id, Step(alert)), scene, now, answers.get(alert.id), orders)


def _close(alert: Alert, step: Step, scene: Scene, now: datetime, answers: Mapping[int, Outcome], orders: Orders) -> None:
    if step.has("opened", "regressed"):
        said = "the condition was over before anybody could be told"
        orders.suppressed.append(_at_once(alert, "shown", "over", said, now))
        orders.notices += [(alert.id, notice) for notice in notices.plan(alert, step.events, is_shown=False, reason=said)]
    if not step.has("closed"):
        return
    orders.standings[alert.id] = standing_of(alert, scene, now)
    orders.stopped[alert.id] = "acknowledged" if alert.acknowledged_at is not None else "closed"
    orders.ended[alert.id] = answers.get(alert.id, "the alert closed")
    if alert.id in scene.holds:
        orders.answered[alert.id] = answers.get(alert.id, "acknowledged" if step.has("acknowledged") else "closed")


def _stand(alert: Alert, step: Step, scene: Scene, now: datetime, answer: Outcome | None, orders: Orders) -> None:
    is_new = step.has("opened", "regressed")
    before = None if is_new else alert.standing
    cleared = replace(alert, standing="cleared") if answer == "cleared" else alert
    standing, told, hold = standing_of(cleared, scene, now), "", scene.holds.get(alert.id)
    if answer is not None and standing.kind == "recheck":
        standing = Standing("sent", is_shown=True, is_sent=True, reason=answer)
    if is_new and standing.is_sent and step.recheck and hold is None:
        told = why_not_held(alert, scene, now) or ""
        if not told:
            made = Hold(alert.id, scene.devices[alert.id], now, now + step.recheck)
            standing = standing_of(alert, replace(scene, holds={**scene.holds, alert.id: made}), now)
            orders.held.append((alert, made))
    if hold is not None and standing.kind != "recheck":
        orders.answered[alert.id] = answer or ends_hold(alert, hold, scene, now) or _why_over(standing)
    if is_new and step.has("closed"):  # it closed and was opened again at once: what stood before has ended all the same
        orders.ended[alert.id] = "the alert closed"
        if not standing.is_sent:
            orders.stopped[alert.id] = standing.kind
    _tell(alert, step, standing, told, orders)
    changed = before != standing.kind or (not standing.is_sent and alert.standing_until != standing.until)
    if alert.standing != standing.kind or alert.standing_until != standing.until:
        orders.standings[alert.id] = standing
    if changed or (standing.is_sent and step.has("worsened")):
        _change(alert, step, standing, before, now, orders)
    elif standing.is_sent and step.has("fired again"):
        kind = "flapping" if alert.flapping_at is not None else "again"
        said = "it keeps firing and ceasing; it was sent and is held open" if kind == "flapping" else (
            "it was sent when it opened, and still waits to be acknowledged"
        )  # fmt: skip
        orders.suppressed.append(_at_once(alert, "sent", kind, said, now))


def _why_over(standing: Standing) -> Outcome:
    return "worse" if standing.kind == "inhibited" else "no reply"


def _tell(alert: Alert, step: Step, standing: Standing, told: str, orders: Orders) -> None:
    reason = f"{standing.reason}; at once, since {told}" if told else standing.reason
    made = notices.plan(alert, step.events, is_shown=standing.is_shown, reason="" if standing.is_sent and not told else reason)
    orders.notices += [(alert.id, notice) for notice in made]


def _change(alert: Alert, step: Step, standing: Standing, before: str | None, now: datetime, orders: Orders) -> None:
    if before not in (None, "sent"):
        answered = orders.answered.get(alert.id)
        orders.ended[alert.id] = _how_ended(before, step, standing, answered)
    if standing.is_sent or standing.kind == "recheck":
        if before == "recheck" and orders.answered.get(alert.id) == "no reply":
            return  # the ladder has waited for this very moment
        due_at = standing.until or now
        what = next((what for what, _ in reversed(step.events) if what in _NEWS), None)
        reason = orders.answered.get(alert.id) or _REASONS.get(what or "", what) or f"{before} ended"
        orders.called.append(Called(alert.id, alert.patient_id, alert.severity, due_at, reason))
    elif before is not None:
        orders.stopped[alert.id] = standing.kind
    if not standing.is_sent:
        what_not: Literal["shown", "sent"] = "sent" if standing.is_shown else "shown"
        orders.suppressed.append(_row(alert, what_not, standing, now))


def _row(alert: Alert, what: Literal["shown", "sent"], standing: Standing, now: datetime) -> Suppressed:
    owner_id, owner, until = standing.owner_id, standing.owner, standing.until
    return Suppressed(alert.id, alert.patient_id, what, standing.kind, standing.reason, owner_id, owner, now, until)


def _how_ended(before: str | None, step: Step, standing: Standing, answered: Outcome | None) -> str:
    if step.has("worsened"):
        return "it worsened"
    if answered is not None:
        return answered
    if not standing.is_sent:
        return f"now {standing.kind}"
    return _ENDED.get(before or "", "it ended")


def _at_once(alert: Alert, what: Literal["shown", "sent"], kind: str, reason: str, now: datetime) -> Suppressed:
    """Return a row for something that did not happen at one moment only."""
    owner = f"rule {alert.rule}, version {alert.rule_version}"
    return Suppressed(alert.id, alert.patient_id, what, kind, reason, None, owner, now, now, now, "at once")
