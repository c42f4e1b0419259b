"""Notice: one planned message to one place, a row of the outbox; withheld ones are rows too, with their reason."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

State = Literal["pending", "delivered", "withheld", "dead"]


@dataclass(frozen=True, slots=True)
class Planned:
    """A notice before it is a row."""

    #: "in_app", "console", …
    channel: str
    #: who gets it, in the channel's own terms
    recipient: str
    #: what is said; ids and no patient data
    body: str
    #: "pending" where it is to be sent, "delivered" where being a row is delivery enough, "withheld" where it is not sent
    state: State
    #: why it is sent or withheld
    reason: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A row of the outbox."""

    #: key
    id: int
    #: key of the alert it is about
    alert_id: int | None
    #: which channel
    channel: str
    #: who gets it
    recipient: str
    #: what is said
    body: str
    #: where it stands
    state: State
    #: why it was planned or withheld
    reason: str
    #: how often it was tried
    attempts: int
    #: when it is tried next
    due_at: datetime
    #: when it was delivered, withheld or given up
    finished_at: datetime | None
    #: what the last try said
    error: str | None
    #: when it was planned
    created_at: datetime
