"""A notice: one planned message to one recipient, and what became of an attempt to deliver it.

Planned by `alerts` as a row of the outbox, delivered by `messaging/delivery.py`. A row that was withheld is a row too:
every one says why it was sent or not (I9).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

#: how long the process that claimed a notice has it to itself; after that another one tries
CLAIM: Final = timedelta(seconds=60)

#: waits between attempts: quick at first, for a line that hiccups, then every quarter hour (engineering judgement)
RETRIES: Final = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 180, 600, 900, 900, 900))


@dataclass(frozen=True, slots=True)
class Notice:
    """One planned message that is due."""

    #: key of its row
    id: int
    #: key of the alert that it tells of, None where it tells of none
    alert_id: int | None
    #: name of the channel that carries it
    channel: str
    #: whom it goes to, in the channel's own form
    recipient: str
    #: what it says
    body: str
    #: attempts including this one
    attempts: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one attempt came to."""

    #: "delivered", "failed" for now, or "refused" for good
    result: Literal["delivered", "failed", "refused"]
    #: why not; holds no name, number or text of a message
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a notice's row becomes after an attempt."""

    #: "delivered", "pending" to be tried again, or "dead"
    state: Literal["delivered", "pending", "dead"]
    #: when it is tried again; None when it is finished
    due_at: datetime | None
    #: why it was not delivered
    error: str | None


class Channel(Protocol):
    """A way to reach somebody; the composition root registers them by name."""

    def deliver(self, notice: Notice) -> Attempt:
        """Try once; what goes wrong outside is an Attempt, not an exception."""


def settle(attempt: Attempt, attempts: int, now: datetime) -> Settlement:
    """Return what becomes of a notice after its `attempts`-th attempt.

    >>> from datetime import UTC
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> settle(Attempt("failed", "no answer"), 1, now).due_at - now
    datetime.timedelta(seconds=5)
    >>> settle(Attempt("failed", "no answer"), 9, now).state
    'dead'
    """
    if attempt.result == "delivered":
        return Settlement("delivered", None, None)
    if attempt.result == "refused" or attempts > len(RETRIES):
        return Settlement("dead", None, attempt.error)
    return Settlement("pending", now + RETRIES[attempts - 1], attempt.error)
