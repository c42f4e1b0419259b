"""Outbox: claim → deliver → delivered | retry | dead, for every channel behind one method.

An edge with transactions of its own: rows are claimed in one, sent in none (I4), and settled in another, so that a process
that dies in between leaves a row that is claimed again. Any number of processes may deliver at once (SKIP LOCKED).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TextIO

from psycopg import Connection
from psycopg_pool import ConnectionPool

from messaging import queries
from messaging.notice import Notice

#: how long a claimed row is left to whoever claimed it
LEASE: Final = timedelta(minutes=2)
#: waits double from here
FIRST_WAIT: Final = timedelta(seconds=15)
LONGEST_WAIT: Final = timedelta(minutes=30)
#: tries until a row is dead and shown as such
MOST_TRIES: Final = 10


class Channel(Protocol):
    """One way to reach somebody."""

    def deliver(self, notice: Notice) -> tuple[bool, str | None]:
        """Send a notice; return (whether trying again could help, what went wrong or None)."""


class ConsoleChannel:
    """Prints one line per notice: for operators, and for a clinic without any other channel. Ids and no patient data."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def deliver(self, notice: Notice) -> tuple[bool, str | None]:
        """Print it."""
        try:
            print(notice.body, file=self._stream, flush=True)
        except OSError as error:
            return True, str(error)
        return False, None


def wait_after(attempts: int) -> timedelta:
    """Return how long to wait after so many failed tries.

    >>> wait_after(1), wait_after(3)
    (datetime.timedelta(seconds=15), datetime.timedelta(seconds=60))
    """
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << min(attempts - 1, 20)))


def deliver_due(
    pool: ConnectionPool[Connection[Any]], channels: Mapping[str, Channel], now: datetime, *, limit: int = 50
) -> int:
    """Deliver what is due; return how many rows were tried, `limit` where there may be more."""
    with pool.connection() as conn:
        claimed = queries.claim(conn, now, LEASE, limit)
    for notice in claimed:
        channel = channels.get(notice.channel)
        if channel is None:
            answer: tuple[bool, str | None] = (False, f"no channel is called {notice.channel!r}")
        else:
            answer = _deliver(channel, notice)
        recoverable, error = answer
        with pool.connection() as conn:
            if error is None:
                queries.finish(conn, notice.id, "delivered", None, now)
            elif recoverable and notice.attempts < MOST_TRIES:
                queries.postpone(conn, notice.id, error, now + wait_after(notice.attempts))
            else:
                queries.finish(conn, notice.id, "dead", error, now)
    return len(claimed)


def _deliver(channel: Channel, notice: Notice) -> tuple[bool, str | None]:
    try:
        return channel.deliver(notice)
    except Exception as error:  # noqa: BLE001 - a channel's fault must not keep the other rows from being sent
        return True, type(error).__name__
