"""LISTEN for the few announcements that wake a process or a screen.

An announcement only wakes: whatever was announced while the connection was lost is gone, so the first item, and the first
after every lost connection, has no channel and means "look again". This never reads or writes a table.
"""

import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, sql

from database.pool import APPLICATION, DatabaseUnreachable, connect

#: seconds without an announcement after which the connection is tried
_QUIET = 15.0


@dataclass(frozen=True, slots=True)
class Notice:
    """One announcement, or the news that listening begins (again)."""

    #: channel it came on; empty: listening has just begun, so look for yourself
    channel: str
    #: what NOTIFY carried: ids only
    payload: str


def listen(
    url: str,
    channels: Sequence[str],
    *,
    stop: threading.Event,
    role: str | None = APPLICATION,
    look: float = 0.5,
) -> Generator[Notice, None, None]:
    """Yield announcements until `stop` is set; it is looked at every `look` seconds. Lost connections are opened again.

    Raises nothing for a database that is away: it waits 0.1 s, then longer, up to 5 s between attempts.
    """
    pause = 0.1
    while not stop.is_set():
        try:
            with connect(url, role=role, autocommit=True) as conn:
                for channel in channels:
                    conn.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                pause = 0.1
                yield Notice("", "")
                yield from _announcements(conn, stop, look)
        except (DatabaseUnreachable, psycopg.OperationalError):
            stop.wait(pause)
            pause = min(pause * 2, 5.0)


def _announcements(conn: Connection[Any], stop: threading.Event, look: float) -> Iterator[Notice]:
    quiet_since = time.monotonic()
    while not stop.is_set():
        for notice in conn.notifies(timeout=look, stop_after=1):
            quiet_since = time.monotonic()
            yield Notice(notice.channel, notice.payload)
        if time.monotonic() - quiet_since > _QUIET:
            conn.execute("SELECT 1")
            quiet_since = time.monotonic()
