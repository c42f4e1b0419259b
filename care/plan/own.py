"""What is a patient's own, as dated rows: a row is ended, never rewritten, and keeps who and why.

Nouns alone. `starts_at` is the first moment a row holds, `ends_at` the first one it no longer does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from care.staff import Role
from devices.vitals import COLUMN

PauseWhy = Literal["hospital", "travel", "other"]
PAUSES: Final[dict[str, str]] = {"hospital": "in hospital", "travel": "travelling", "other": "paused"}
#: longest pause: it always ends, and whoever is away longer is asked about again
LONGEST_PAUSE: Final = timedelta(days=60)

ReferenceName = Literal["dry_weight", "spo2_scale"]

PatientStatus = Literal["active", "hospice", "deceased"]


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A patient's time in a programme."""

    #: random id that the outside sees
    public_id: str
    #: key of the patient
    patient_id: int
    #: name of the programme
    programme: str
    #: version of the template it was laid out by; 0 where there was none of that name
    template: int
    starts_at: datetime
    #: None while it lasts
    ends_at: datetime | None
    #: name of who enrolled them, None for the command line
    enrolled_by: str | None
    reason: str
    #: name of who ended it
    ended_by: str | None
    ended_reason: str | None


@dataclass(frozen=True, slots=True)
class OwnLimit:
    """A patient's own limit in the place of a rule's."""

    #: random id that the outside sees
    public_id: str
    #: key of the patient
    patient_id: int
    #: name of the rule
    rule: str
    #: in the rule's unit
    limit: float
    starts_at: datetime
    #: None where it holds until somebody ends it
    ends_at: datetime | None
    #: it fires later than the rule's own
    is_loosening: bool
    #: key of who set it
    set_by_id: int
    #: their name
    set_by: str
    #: their role
    role: Role
    reason: str
    #: name of who ended it early
    ended_by: str | None
    ended_reason: str | None


@dataclass(frozen=True, slots=True)
class OwnReference:
    """A number about a patient that rules refer to and no baseline moves."""

    #: random id that the outside sees
    public_id: str
    #: key of the patient
    patient_id: int
    #: "dry_weight" (kg) or "spo2_scale" (1 or 2)
    name: ReferenceName
    value: float
    starts_at: datetime
    #: None where it holds until somebody sets another
    ends_at: datetime | None
    #: name of who set it
    set_by: str
    reason: str
    #: name of who ended it
    ended_by: str | None
    ended_reason: str | None


@dataclass(frozen=True, slots=True)
class Prescribed:
    """Something a patient is asked to measure."""

    #: random id that the outside sees
    public_id: str
    #: key of the patient
    patient_id: int
    #: a vital; systolic_bp stands for the whole pressure measurement
    measure: str
    #: how often
    every: timedelta
    #: when in the patient's day, such as "07:00"; empty is at any hour
    at: tuple[str, ...]
    #: whose template asks for it; None where it was agreed with this patient
    programme: str | None
    starts_at: datetime
    #: None while it lasts
    ends_at: datetime | None
    #: name of who set it
    set_by: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which nothing is expected of a patient."""

    #: random id that the outside sees
    public_id: str
    #: key of the patient
    patient_id: int
    #: "hospital", "travel" or "other"
    why: PauseWhy
    starts_at: datetime
    #: it always ends
    ends_at: datetime
    #: name of who set it
    set_by: str | None
    note: str
    #: "person" or "reading" where it ended early
    ended_how: str | None
    #: name of who ended it early
    ended_by: str | None


def in_force(schedules: Iterable[Prescribed], now: datetime) -> list[Prescribed]:
    """Return what a patient is asked to measure now, one row a measure.

    What was agreed with the patient goes before any template; of several templates the one that asks most often.
    """
    best: dict[str, Prescribed] = {}
    for one in schedules:
        if one.starts_at <= now and (one.ends_at is None or now < one.ends_at):
            known = best.get(one.measure)
            if known is None or (one.programme is not None, one.every) < (known.programme is not None, known.every):
                best[one.measure] = one
    return [best[measure] for measure in sorted(best, key=lambda name: COLUMN[name])]


def pause_at(pauses: Iterable[Pause], now: datetime) -> Pause | None:
    """Return the pause that lasts at a time, of several the one that ends last."""
    lasting = [one for one in pauses if one.starts_at <= now < one.ends_at]
    return max(lasting, key=lambda one: one.ends_at, default=None)


class AlreadyEnrolled(ValueError):
    """The patient is in that programme already."""


class NotEnrolled(ValueError):
    """The patient is not in that programme."""
