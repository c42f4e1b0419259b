"""A care team: who belongs to it, when it works, who is on call, and how each member of staff is reached.

Nouns alone. Who is on call at a moment is decided by `care/on_call.py`; whom an alert goes to, by `alerts/escalation`.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

#: the layer of windows without a person: the hours in which a team's coordinators are at work
HOURS: Final = 0
#: monday first, as date.weekday() counts
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Team:
    """One care team."""

    #: key inside the database; the outside sees public_id
    id: int
    #: random id that the outside sees
    public_id: str
    #: what colleagues call it; unique whatever its case
    name: str
    #: IANA zone that its hours and its on-call schedule are said in
    zone: str
    #: key of its lead, None where nobody is named
    lead_id: int | None
    #: random id of its lead
    lead: str | None
    #: name of its lead
    lead_name: str | None
    #: number that patients are told to call in its hours; "" where there is none
    phone: str
    #: when it was made
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """A time of the week, in the team's local time, in which somebody is on call in a layer."""

    #: key; of two windows that start together the younger wins
    id: int
    #: random id that the outside sees
    public_id: str
    #: 1 is called first; HOURS is the team's hours
    layer: int
    #: key of who is on call, None for hours
    staff_id: int | None
    #: local day on which it starts, 0 is Monday
    weekday: int
    #: local time at which it starts
    starts: time
    #: local time at which it ends, the next day where that is not later
    ends: time
    #: first local day on which it may start
    from_day: date
    #: first local day on which it no longer starts, None while it lasts
    until_day: date | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody else, or nobody, in a layer for a stretch of time."""

    #: key; the youngest wins
    id: int
    #: random id that the outside sees
    public_id: str
    #: which layer
    layer: int
    #: key of who is on call, None where nobody is
    staff_id: int | None
    #: from when
    starts_at: datetime
    #: until when
    ends_at: datetime
    #: why
    reason: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a team works and who is on call."""

    #: the team's zone
    zone: ZoneInfo
    #: what recurs every week
    windows: tuple[Window, ...] = ()
    #: what differs from that
    overrides: tuple[Override, ...] = ()

    @property
    def layers(self) -> tuple[int, ...]:
        """Return the layers that anybody was ever put into, without the hours."""
        layers = {window.layer for window in self.windows} | {override.layer for override in self.overrides}
        return tuple(sorted(layers - {HOURS}))

    @property
    def has_hours(self) -> bool:
        """Whether the team's hours are known; without them its coordinators count as at work always."""
        return any(window.layer == HOURS for window in self.windows)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a member of staff is reached."""

    #: key inside the database
    id: int
    #: random id that the outside sees
    public_id: str
    #: key of the member of staff
    staff_id: int
    #: "webhook", "console", …
    channel: str
    #: in the channel's own terms; may hold a secret
    address: str
    #: when it was written down
    created_at: datetime
    #: when its owner typed in the code that was sent there; None: nothing else is sent there
    verified_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reach:
    """A member of staff as escalation sees one."""

    #: key
    staff_id: int
    #: random id that the outside sees
    public_id: str
    #: how colleagues know them
    name: str
    #: may sign in
    is_enabled: bool
    #: (channel, address) of each verified address
    addresses: tuple[tuple[str, str], ...] = ()
