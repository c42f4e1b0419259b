"""Decide: is an alert shown, and is somebody sent it? Every answer is a named reason, with who answers for it and until when.

Pure, `now` passed in. Worse is new (I13): what has worsened, or stands in a higher band, is covered by nothing that was set
before or below it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from alerts.alert import Alert
from alerts.triage.scene import Hold, Outcome, Scene, Silence, silent_device
from devices.vitals import COLUMN, VITALS

Kind = Literal[
    "sent", "closed", "acknowledged", "retrospective", "silenced", "inhibited", "gateway", "low", "recheck", "cleared"
]

#: another vital that was abnormal this lately speaks against waiting (DOMAIN §2 and the recheck's definition)
SECOND_VITAL_WITHIN: Final = timedelta(minutes=30)
#: so does what the patient said this lately
RED_FLAG_WITHIN: Final = timedelta(hours=24)
_RANK: Final = {"low": 0, "medium": 1, "high": 2}
_EMERGENCY: Final = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """How an alert stands towards people now."""

    #: "sent", or the kind of suppression
    kind: Kind
    #: it has a row of its own on the worklist
    is_shown: bool
    #: somebody is told
    is_sent: bool
    #: why, in words
    reason: str
    #: key of the person who answers for it, None where no person does
    owner_id: int | None = None
    #: that person's name, or the rule or part of Wardlight that did it
    owner: str = "Wardlight"
    #: when it ends by itself; None where something has to happen first
    until: datetime | None = None


def rank(alert: Alert) -> int:
    """Return how severe an alert is: 0 low, 1 medium, 2 high, 3 in the emergency band."""
    return _EMERGENCY if alert.emergency else _RANK[alert.severity]


def standing_of(alert: Alert, scene: Scene, now: datetime) -> Standing:
    """Return how an alert stands; `scene` is what is known of its patient, the open alerts with it among them."""
    for judge in (_closed, _answered, _old_news, _silenced, _muted, _low, _cleared, _waiting):
        if (standing := judge(alert, scene, now)) is not None:
            return standing
    return Standing("sent", is_shown=True, is_sent=True, reason="sent")


def _closed(alert: Alert, scene: Scene, now: datetime) -> Standing | None:
    return None if alert.closed_at is None else Standing("closed", is_shown=False, is_sent=False, reason="it is closed")


def _answered(alert: Alert, scene: Scene, now: datetime) -> Standing | None:
    if alert.acknowledged_at is None:
        return None
    name = scene.staff.get(alert.acknowledged_by or 0, "somebody")
    said = f"{name} took it on; sent again if it worsens or that is taken back"
    return Standing("acknowledged", is_shown=True, is_sent=False, reason=said, owner_id=alert.acknowledged_by, owner=name)


def _old_news(alert: Alert, scene: Scene, now: datetime) -> Standing | None:
    if alert.lateness != "retrospective":
        return None
    owner_id, owner = scene.coordinator
    said = "retrospective: newer readings contradict it, or it is older than 12 h; an item due this shift"
    return Standing("retrospective", is_shown=True, is_sent=False, reason=said, owner_id=owner_id, owner=owner)


def _silenced(alert: Alert, scene: Scene, now: datetime) -> Standing | None:
    silence = covering_silence(alert, scene, now)
    if silence is None:
        return None
    said = f"silenced up to {silence.severity} severity: {silence.reason}"
    return Standing(
        "silenced", is_shown=False, is_sent=False, reason=said, owner_id=silence.set_by, owner=silence.name,
        until=silence.ends_at,
    )  # fmt: skip


def _muted(alert: Alert, scene: Scene, now: datetime) -> Standing | None:
    muting = inhibitor(alert, scene)
    if muting is None:
        return None
    kind: Kind = "gateway" if _is_gateway_of(muting, alert, scene) else "inhibited"
    said = "its gateway is silent too" if kind == "gateway" else f"a more severe alert on the same {_name(alert)} is open"
    said += "; shown and sent if that ends first"
    return Standing(kind, is_shown=False, is_sent=False, reason=said, owner=f"alert {muting.public_id}")


def _low(alert: Alert, scene: Scene, now: datetime) -> Standing | None:
    if alert.severity != "low":
        return None
    return Standing("low", is_shown=True, is_sent=False, reason="low severity is shown, not sent", owner=_rule(alert))


def _cleared(alert: Alert, scene: Scene, now: datetime) -> Standing | None:
    if alert.standing != "cleared" or alert.condition == "firing":
        return None
    said = "two readings in range answered the recheck"
    return Standing("cleared", is_shown=True, is_sent=False, reason=said, owner=_rule(alert))


def _waiting(alert: Alert, scene: Scene, now: datetime) -> Standing | None:
    hold = scene.holds.get(alert.id)
    if hold is None or hold.due_at <= now or ends_hold(alert, hold, scene, now) is not None:
        return None
    said = f"the patient is asked to rest and measure again by {hold.device}; sent if no reply comes"
    return Standing("recheck", is_shown=True, is_sent=False, reason=said, owner=_rule(alert), until=hold.due_at)


def covering_silence(alert: Alert, scene: Scene, now: datetime) -> Silence | None:
    """Return the silence that covers an alert: same vital and direction, no lower severity, set since it last worsened.

    Composites, scores, red flags, doubts and missing data have no direction and are never covered, nor is the emergency band.
    """
    if alert.direction is None or alert.subject not in COLUMN or alert.emergency:
        return None
    fitting = [
        silence
        for silence in scene.silences
        if (silence.vital, silence.direction) == (alert.subject, alert.direction)
        and silence.starts_at <= now < silence.ends_at
        and _RANK[silence.severity] >= _RANK[alert.severity]
        and (alert.news_at is None or silence.starts_at >= alert.news_at)
    ]
    return max(fitting, key=lambda silence: silence.ends_at, default=None)


def inhibitor(alert: Alert, scene: Scene) -> Alert | None:
    """Return the open alert that mutes this one: a high one of its vital and direction, or its silent gateway's.

    Neither mutes what has worsened since it opened or worsened itself; nothing that is old news mutes anything.
    """
    found = [
        other
        for other in scene.alerts
        if other.id != alert.id
        and other.closed_at is None
        and other.lateness != "retrospective"
        and (_mutes_milder(other, alert) or _is_gateway_of(other, alert, scene))
        and (alert.news_at is None or max(other.opened_at, other.news_at or other.opened_at) >= alert.news_at)
    ]
    return max(found, key=lambda other: (rank(other), -other.id), default=None)


def _mutes_milder(other: Alert, alert: Alert) -> bool:
    """Say whether a high alert mutes a milder one: the same vital and direction, and it is not itself milder than it looks."""
    if alert.direction is None or (other.subject, other.direction) != (alert.subject, alert.direction):
        return False
    return other.severity == "high" and alert.severity != "high"


def _is_gateway_of(other: Alert, alert: Alert, scene: Scene) -> bool:
    """Say whether another alert is the silence of the gateway that a silent device is heard through; never the reverse."""
    kinds = (other.explanation.get("kind"), alert.explanation.get("kind"))
    named = other.subject == scene.gateways.get(silent_device(alert), "")
    return kinds == ("silence", "silence") and named and rank(other) >= rank(alert)


def why_not_held(alert: Alert, scene: Scene, now: datetime) -> str | None:
    """Return why the page of a new alert is not held for a second measurement; None where it may be."""
    crossed = any(_is_band_of(other, alert) and rank(other) < rank(alert) and other.opened_at < now for other in scene.alerts)
    against = _speaks_against(alert, scene, now)
    reasons = (
        (alert.emergency, "it is in the emergency band"),
        (alert.condition != "firing" or alert.lateness != "live", "a second measurement would say nothing about it"),
        (alert.regressed > 0 or alert.news_at is not None, "it keeps coming back"),
        (crossed, "it crossed a higher band"),
        (against == "second vital", "another vital is abnormal too"),
        (against == "red flag", "the patient said something that cannot wait"),
        (alert.id not in scene.devices, "no channel reaches the patient"),
    )
    return next((reason for holds, reason in reasons if holds), None)


def ends_hold(alert: Alert, hold: Hold, scene: Scene, now: datetime) -> Outcome | None:
    """Return what ends a hold before its time, apart from readings that answer it; None while it lasts."""
    if alert.closed_at is not None:
        return "closed"
    if alert.acknowledged_at is not None:
        return "acknowledged"
    if covering_silence(alert, scene, now) is not None:
        return "silenced"
    if alert.news_at is not None and alert.news_at >= hold.asked_at:
        return "worse"
    if any(_is_band_of(other, alert) and rank(other) > rank(alert) for other in scene.alerts):
        return "worse"
    return _speaks_against(alert, scene, now)


def _speaks_against(alert: Alert, scene: Scene, now: datetime) -> Literal["second vital", "red flag"] | None:
    if any(vital != alert.subject and now - at <= SECOND_VITAL_WITHIN for vital, at in scene.abnormal.items()):
        return "second vital"
    if scene.red_flag_at is not None and now - scene.red_flag_at <= RED_FLAG_WITHIN:
        return "red flag"
    return None


def _is_band_of(other: Alert, alert: Alert) -> bool:
    """Say whether two open alerts are bands of one thing: the same vital and direction."""
    same = other.id != alert.id and other.closed_at is None and alert.direction is not None
    return same and (other.subject, other.direction) == (alert.subject, alert.direction)


def _rule(alert: Alert) -> str:
    return f"rule {alert.rule}, version {alert.rule_version}"


def _name(alert: Alert) -> str:
    column = COLUMN.get(alert.subject or "")
    return "matter" if column is None else VITALS[column].title.lower()
