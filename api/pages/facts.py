"""What the screens know of a patient and an open alert, as loaded by `queries.py` and turned into words by the others.

Nouns only: nothing here decides, and nothing here is sent out before `words` and `reasons` have put it into a reader's
units and time zone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from devices.units import Display, GlucoseUnit, System, display
from devices.vitals import COLUMN, VITALS, Vital

#: standings without a row of their own on the worklist (alerts/triage/decide.py)
HIDDEN: Final = frozenset({"silenced", "inhibited", "gateway"})
#: how programmes are written; a name that is not here is shown with spaces for underscores
_PROGRAMMES: Final = {"copd": "COPD", "post_acute": "post-acute"}


def programme_words(names: Iterable[str]) -> str:
    """Name programmes as people do.

    >>> programme_words(["heart_failure", "copd"])
    'heart failure, COPD'
    """
    return ", ".join(_PROGRAMMES.get(name, name.replace("_", " ")) for name in names)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks at a page, and how they like to read."""

    #: public id of the member of staff
    staff: str
    #: the zone times are said in
    zone: ZoneInfo
    #: "metric" or "us"
    units: System = "metric"
    #: "mg/dL" or "mmol/L"
    glucose_unit: GlucoseUnit = "mg/dL"

    def display(self, vital: Vital) -> Display:
        """Return how this reader sees a vital."""
        return display(vital, self.units, self.glucose_unit)


@dataclass(frozen=True, slots=True)
class Person:
    """A patient as the lists show one."""

    #: key inside the database
    id: int
    #: what the outside sees
    public_id: str
    name: str
    record_number: str
    birth_date: date | None
    sex: str
    programmes: tuple[str, ...]
    #: IANA zone the patient lives in
    zone: str
    #: public id and name of the primary coordinator, None where nobody is named
    coordinator: str | None
    coordinator_name: str | None

    @property
    def programme_words(self) -> str:
        """Name the programmes: "heart failure, COPD"."""
        return programme_words(self.programmes)

    @property
    def possessive(self) -> str:
        """Return "her", "his" or "their"."""
        return {"female": "her", "male": "his"}.get(self.sex, "their")


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An episode on the worklist; field meanings are those of the table."""

    id: int
    public_id: str
    patient_id: int
    rule: str
    rule_version: int
    subject: str | None
    severity: str
    category: str
    emergency: bool
    lateness: str
    condition: str
    since: datetime
    fired_at: datetime
    opened_at: datetime
    due_at: datetime
    times: int
    resolved_at: datetime | None
    acknowledged_at: datetime | None
    #: public id and name of who acknowledged
    acknowledged_by: str | None
    acknowledged_name: str | None
    closed_at: datetime | None
    closed_by: str | None
    disposition: str | None
    explanation: Mapping[str, Any] = field(hash=False)
    direction: str | None = None
    #: public id and name of whom it was given to
    assigned_to: str | None = None
    assigned_name: str | None = None
    #: how often it fired again soon after it had closed
    regressed: int = 0
    flapping_at: datetime | None = None
    #: when it last worsened by its step
    news_at: datetime | None = None
    #: "sent", or the kind of suppression that holds now
    standing: str = "sent"
    standing_until: datetime | None = None

    @property
    def is_shown(self) -> bool:
        """Say whether it has a row of its own."""
        return self.standing not in HIDDEN

    @property
    def is_muted(self) -> bool:
        """Say whether a more severe alert, or its gateway's, speaks for it: what is done there is done to it too."""
        return self.standing in ("inhibited", "gateway")

    @property
    def target_seconds(self) -> float:
        """Return how soon somebody should look once it opened, or opened again."""
        told = self.explanation.get("response_seconds")
        opened_once = (self.due_at - self.opened_at).total_seconds()
        return float(told) if self.regressed and isinstance(told, int | float) else opened_once

    @property
    def vital(self) -> Vital | None:
        """Return the vital it is about, None for a device or the whole patient."""
        column = COLUMN.get(self.subject or "")
        return None if column is None else VITALS[column]

    @property
    def word(self) -> str:
        """Return the acuity in one word, which is also the class the stylesheet colours by."""
        if self.emergency:
            return "emergency"
        return "technical" if self.category == "technical" else self.severity


@dataclass(frozen=True, slots=True)
class Series:
    """One vital of one patient, oldest first, canonical unit."""

    vital: str
    #: seconds since 1970
    at: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A reading that is marked wrong: whose doing and why."""

    who: str
    reason: str
    marked_at: datetime
