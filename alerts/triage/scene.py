"""Scene: what triage knows of one patient when it decides about an alert; nouns only.

Loaded by `alerts/triage/queries.py` from the database, or put together from history by a backtest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from alerts.alert import Alert
from alerts.rule import Direction, Severity

#: how a hold ended
Outcome = Literal["cleared", "confirmed", "worse", "second vital", "red flag", "no reply", "acknowledged", "silenced", "closed"]


def silent_device(alert: Alert) -> str:
    """Return the public id of the device that a silence is about, for a prescribed measure the one it last came from."""
    return str(alert.explanation.get("device") or alert.subject or "")


@dataclass(frozen=True, slots=True)
class Silence:
    """A person's silence over one vital and direction of one patient."""

    #: what the outside sees
    public_id: str
    #: the vital and the way it breaches; the other way is not silenced
    vital: str
    direction: Direction
    #: severities up to this one are silenced, the emergency band never
    severity: Severity
    starts_at: datetime
    #: when it ends by itself, at most 24 h after it began
    ends_at: datetime
    #: key and name of the person who set it
    set_by: int
    name: str
    #: why
    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A page that waits for a second measurement."""

    #: key of the alert
    alert_id: int
    #: public id of the device that was told to ask
    device: str
    asked_at: datetime
    #: when the page goes out if nothing has come
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known of one patient."""

    #: the open alerts
    alerts: tuple[Alert, ...] = ()
    #: silences in force
    silences: tuple[Silence, ...] = ()
    #: pages that wait, by the key of their alert
    holds: Mapping[int, Hold] = field(default_factory=dict)
    #: public id of a device → that of the gateway it is heard through
    gateways: Mapping[str, str] = field(default_factory=dict)
    #: vital → when a reading of it last breached a clinical rule
    abnormal: Mapping[str, datetime] = field(default_factory=dict)
    #: when the patient last said something that must not wait
    red_flag_at: datetime | None = None
    #: key of an alert → public id of a device at the patient's that can be told to ask for another measurement now
    devices: Mapping[int, str] = field(default_factory=dict)
    #: key and name of the primary coordinator, who answers for what is shown and sent to nobody
    coordinator: tuple[int | None, str] = (None, "no coordinator")
    #: key of staff → name
    staff: Mapping[int, str] = field(default_factory=dict)
