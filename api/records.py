"""What the interface keeps for itself, as it is read back: sessions, tokens, and counts of the house.

Nouns only. A token or a password is never among them; their hashes go into statements and never come out, but for the one
that a login is verified against.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from care.staff import GlucoseUnit, Role, UnitSystem

Scope = Literal["api", "metrics", "watch"]


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A live session and whose it is."""

    #: key of the member of staff
    staff_id: int
    #: random id of the member of staff
    public_id: str
    #: their name
    name: str
    #: what they may do
    role: Role
    #: their time zone
    zone: str
    #: their display units
    units: UnitSystem
    #: their display unit of glucose
    glucose_unit: GlucoseUnit
    #: what an unsafe request must repeat
    csrf: str
    #: last time it was used, to the minute
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A live API token and for whom it acts."""

    #: what it opens
    scope: Scope
    #: key of the member of staff it acts for, None for a token that reads metrics alone
    staff_id: int | None
    #: random id of that member of staff
    public_id: str | None
    #: their name
    name: str | None
    #: what they may do
    role: Role | None
    #: their time zone
    zone: str | None
    #: their display units
    units: UnitSystem | None
    #: their display unit of glucose
    glucose_unit: GlucoseUnit | None


@dataclass(frozen=True, slots=True)
class Token:
    """An API token as administrators see it; the secret itself is never kept."""

    #: number of the token
    id: int
    #: what it is for
    name: str
    #: "api" acts for a member of staff, "metrics" reads /metrics, "watch" sees the synthetic patient alone
    scope: Scope
    #: random id of the member of staff it acts for
    staff: str | None
    #: when it was made
    created_at: datetime
    #: when it stops working, None for never
    expires_at: datetime | None
    #: since when it is revoked
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Readings:
    """What became of the readings of all devices, and how the devices are."""

    #: kept and judged
    stored: int
    #: of those, marked implausible
    suspect: int
    #: had come before
    duplicate: int
    #: could not be read
    quarantined: int
    #: devices that ever spoke
    devices: int
    #: of those, silent against their schedule
    silent: int
    #: of those, connected now
    online: int


@dataclass(frozen=True, slots=True)
class OpenAlerts:
    """How many alerts of one kind are open."""

    #: "high", "medium" or "low"
    severity: str
    #: in the emergency band
    emergency: bool
    #: somebody has taken note
    acknowledged: bool
    #: how many
    open: int
