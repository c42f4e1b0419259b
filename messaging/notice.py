"""Notice: one planned message to one place, a row of the outbox; withheld ones are rows too, with their reason."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

State = Literal["pending", "delivered", "withheld", "merged", "dead"]


@dataclass(frozen=True, slots=True)
class Planned:
    """A notice before it is a row."""

    #: "in_app", "console", …
    channel: str
    #: who gets it, in words
    recipient: str
    #: what is said; no patient data
    body: str
    #: "pending" where it is to be sent, "delivered" where being a row is delivery enough, "withheld" where it is not sent,
    #: "merged" where another row of the same page carries it
    state: State
    #: why it is sent or withheld
    reason: str
    #: key of the member of staff it goes to
    staff_id: int | None = None
    #: key of the page it is part of
    page_id: int | None = None
    #: where the channel sends it, in its own terms; may hold a secret
    address: str = ""
    #: path in Wardlight that it is about
    link: str = ""
    #: no sooner than this, None: now
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A row of the outbox."""

    #: key
    id: int
    #: key of the alert it is about
    alert_id: int | None
    #: which channel
    channel: str
    #: who gets it, in words
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
    #: where the channel sends it; filled in only for the channel
    address: str = ""
    #: path in Wardlight that it is about
    link: str = ""
