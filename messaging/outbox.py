"""Outbox: claim → deliver → delivered | retry | dead, for every channel behind one method.

An edge with transactions of its own: rows are claimed in one, sent in none (I4), and settled in another, so that a process
that dies in between leaves a row that is claimed again. Any number of processes may deliver at once (SKIP LOCKED).
"""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TextIO

from psycopg import Connection
from psycopg_pool import ConnectionPool

from messaging import queries
from messaging.notice import Notice

#: how long a claimed row is left to whoever claimed it; every row of a claim is tried well within it
LEASE: Final = timedelta(minutes=2)
#: waits double from here
FIRST_WAIT: Final = timedelta(seconds=15)
LONGEST_WAIT: Final = timedelta(minutes=30)
#: tries until a row is dead and shown as such
MOST_TRIES: Final = 10
#: rows that are sent at the same time, so that one slow receiver does not hold up the others
AT_ONCE: Final = 8


class Channel(Protocol):
    """One way to reach somebody; may be called from several threads at once."""

    def deliver(self, notice: Notice) -> tuple[bool, str | None]:
        """Send a notice; return (whether trying again could help, what went wrong or None)."""


class ConsoleChannel:
    """Prints one line per notice: for operators, and for a clinic without any other channel. Ids and no patient data."""

    def __init__(self, stream: TextIO, public_url: str = "") -> None:
        self._stream = stream
        self._one_line = threading.Lock()
        self._public_url = public_url.rstrip("/")

    def deliver(self, notice: Notice) -> tuple[bool, str | None]:
        """Print it."""
        link = f" {self._public_url}{notice.link}" if notice.link else ""
        try:
            with self._one_line:
                print(f"{notice.body}{link}", file=self._stream, flush=True)
        except OSError as error:
            return True, str(error)
        return False, None


def wait_after(attempts: int, luck: float = 0.5) -> timedelta:
    """Return how long to wait after so many failed tries; `luck` (0 to 1) spreads them by a quarter either way.

    >>> wait_after(1), wait_after(3), wait_after(3, luck=0)
    (datetime.timedelta(seconds=15), datetime.timedelta(seconds=60), datetime.timedelta(seconds=45))
    """
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << min(attempts - 1, 20))) * (0.75 + luck / 2)


def deliver_due(
    pool: ConnectionPool[Connection[Any]],
    channels: Mapping[str, Channel],
    now: datetime,
    *,
    limit: int = 50,
    only: Sequence[str] | None = None,
    luck: Callable[[], float] = random.random,
) -> int:
    """Deliver what is due; return how many rows were tried, `limit` where there may be more.

    `only` names the channels to look after; left out, all but those that another process looks after.
    """
    with pool.connection() as conn:
        claimed = queries.claim(conn, now, LEASE, limit, only)

    def settle(notice: Notice) -> None:
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
                queries.postpone(conn, notice.id, error, now + wait_after(notice.attempts, luck()))
            else:
                queries.finish(conn, notice.id, "dead", error, now)

    if len(claimed) < 2:
        for notice in claimed:
            settle(notice)
    else:
        with ThreadPoolExecutor(min(AT_ONCE, len(claimed)), "deliver") as threads:
            list(threads.map(settle, claimed))
    return len(claimed)


def _deliver(channel: Channel, notice: Notice) -> tuple[bool, str | None]:
    try:
        return channel.deliver(notice)
    except Exception as error:  # noqa: BLE001 - a channel's fault must not keep the other rows from being sent
        return True, type(error).__name__
