"""Played: what a set of rules would have made of a history: alerts, what people would have seen of them, and when."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alerts.alert import Alert
from alerts.moments import to_us

_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Practice:
    """How the people are assumed to act who were not there when history was made."""

    #: "on time": whoever looks at a patient, when the first alert of theirs is due, acknowledges all that are open;
    #: "never": nobody does, so that every alert stays open until it closes itself
    answers: Literal["on time", "never"] = "on time"
    #: whether the device whose reading made an alert fire can be told to ask the patient for another
    asks: bool = True


@dataclass(frozen=True, slots=True)
class Item:
    """A patient on the worklist: from the first alert that waits for a person until none does."""

    patient_id: int
    began_at: datetime
    #: None where it still waits at the end
    ended_at: datetime | None
    #: ids of the alerts that were part of it
    alerts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """A page that would have gone out."""

    patient_id: int
    #: id of the alert
    alert_id: int
    at: datetime
    #: "opened", "promoted", …
    reason: str


@dataclass(frozen=True, slots=True)
class Rechecked:
    """A page that was held while the patient was asked to measure again."""

    patient_id: int
    #: id of the alert
    alert_id: int
    asked_at: datetime
    due_at: datetime
    ended_at: datetime
    #: "cleared", "confirmed", "no reply", …
    outcome: str


@dataclass(frozen=True, slots=True)
class Withheld:
    """Why an alert was not shown or not sent."""

    patient_id: int
    #: id of the alert
    alert_id: int
    at: datetime
    what: Literal["shown", "sent"]
    #: what withheld it: "low", "retrospective", "silence", …
    kind: str
    reason: str


@dataclass(slots=True, eq=False)
class Played:
    """What a set of rules made of a history; alerts have ids from 1 on, in the order in which they opened."""

    #: (P,) int32 keys of the patients, ascending
    patient_id: NDArray[np.int32]
    #: (P,) int64 microseconds: each patient's first and last arrival; last < first where nothing came in
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    #: every alert as it was at the end
    alerts: list[Alert] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    pages: list[Sent] = field(default_factory=list)
    rechecks: list[Rechecked] = field(default_factory=list)
    withheld: list[Withheld] = field(default_factory=list)
    #: measurements that were played
    measurements: int = 0

    @property
    def days(self) -> NDArray[np.float64]:
        """(P,) days from a patient's first to their last arrival: at least one, 0 where nothing came in."""
        days: NDArray[np.float64] = np.where(self.last >= self.first, np.maximum((self.last - self.first) / _DAY, 1.0), 0.0)
        return days

    @property
    def patient_days(self) -> float:
        """All days of all patients."""
        return float(self.days.sum())

    def within(self, since: datetime | None, until: datetime | None) -> "Played":
        """Return what began in a time; what was judged before it is warm-up. Alerts keep their ids."""
        begin = datetime.min.replace(tzinfo=UTC) if since is None else since
        end = datetime.max.replace(tzinfo=UTC) if until is None else until
        first = self.first if since is None else np.maximum(self.first, to_us(since))
        last = self.last if until is None else np.minimum(self.last, to_us(until))
        return replace(
            self,
            first=first,
            last=last,
            alerts=[one for one in self.alerts if begin <= one.opened_at < end],
            items=[one for one in self.items if begin <= one.began_at < end],
            pages=[one for one in self.pages if begin <= one.at < end],
            rechecks=[one for one in self.rechecks if begin <= one.asked_at < end],
            withheld=[one for one in self.withheld if begin <= one.at < end],
        )
