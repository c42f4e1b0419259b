"""Played: what a set of rules would have made of a history: alerts, what people would have seen of them, and when."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alerts.alert import Alert


@dataclass(frozen=True, slots=True)
class Practice:
    """How the people are assumed to act who were not there when history was made."""

    #: "on time": whoever looks at a patient, when the first alert of theirs is due, acknowledges all that are open;
    #: "never": nobody does, so that every alert stays open until it closes itself
    answers: Literal["on time", "never"] = "on time"


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
    #: (P,) float64 days from a patient's first to their last arrival, at least one where anything came in at all
    days: NDArray[np.float64]
    #: every alert as it was at the end
    alerts: list[Alert] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    pages: list[Sent] = field(default_factory=list)
    rechecks: list[Rechecked] = field(default_factory=list)
    withheld: list[Withheld] = field(default_factory=list)
    #: measurements, readings in them, and how many of those were suspect
    measurements: int = 0
    readings: int = 0
    suspect: int = 0
    #: (reading, rule) pairs that were judged
    evaluations: int = 0

    @property
    def patient_days(self) -> float:
        """All days of all patients."""
        return float(self.days.sum())
