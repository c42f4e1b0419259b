"""A member of staff: whoever may look at patients and act for them.

The coordinator's name on an acknowledgement comes from here. Never holds a password or its hash; those stay in `api`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

Role = Literal["administrator", "coordinator", "clinician"]
UnitSystem = Literal["metric", "us"]
GlucoseUnit = Literal["mg/dL", "mmol/L"]

ROLES: Final = ("administrator", "coordinator", "clinician")


@dataclass(frozen=True, slots=True)
class Staff:
    """One person who can sign in."""

    #: key inside the database; the outside sees public_id
    id: int
    #: random id that the outside sees
    public_id: str
    #: what they sign in with; unique whatever its case
    email: str
    #: how colleagues know them
    name: str
    #: administrators also manage staff and tokens; clinicians also order limits that are looser than a rule's
    role: Role
    #: IANA time zone that their screens show times in
    zone: str
    #: body measures shown as kg and °C ("metric") or lb and °F ("us")
    units: UnitSystem
    #: unit that glucose is shown in
    glucose_unit: GlucoseUnit
    #: since when they may no longer sign in; None while they may
    disabled_at: datetime | None
    #: when the account was made
    created_at: datetime


class EmailTaken(ValueError):
    """Another member of staff already signs in with this e-mail address."""


class LastAdministrator(ValueError):
    """The change would leave nobody who can manage staff."""
