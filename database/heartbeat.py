"""Heartbeats: each start of each process writes a row every few seconds, so that others can tell a quiet one from a dead one.

A row is written from the loop that does the process's work, never from a thread beside it: a loop that hangs must fall silent.
Decides nothing about lateness; never commits.
"""

import datetime as dt
import os
import secrets
import socket
from collections.abc import Mapping
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from database.instance import Heartbeat, Instance
from database.sql import load_sql

_SQL: Final = load_sql(__file__)

#: rows of instances that have been silent for longer are left out of lists, but for the last one of each process
_KEPT: Final = dt.timedelta(hours=1)


def new_instance(process: str, now: dt.datetime) -> Instance:
    """Name this very start of this process."""
    return Instance(process, f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(2)}", now)


def beat(conn: Connection[Any], instance: Instance, now: dt.datetime, detail: Mapping[str, Any]) -> None:
    """Write the heartbeat of a process, with figures of its own."""
    values = {"process": instance.process, "instance": instance.name, "began_at": instance.began_at}
    conn.execute(_SQL["beat"], values | {"now": now, "detail": Jsonb(dict(detail))})


def say_goodbye(conn: Connection[Any], instance: Instance, now: dt.datetime) -> None:
    """Say that a process stops in order, so that nobody looks for it."""
    conn.execute(_SQL["say_goodbye"], {"process": instance.process, "instance": instance.name, "now": now})


def list_heartbeats(conn: Connection[Any], now: dt.datetime) -> list[Heartbeat]:
    """Return every instance heard of lately, and the last one of each process, the freshest of a process first."""
    with conn.cursor(row_factory=class_row(Heartbeat)) as cursor:
        return cursor.execute(_SQL["list_heartbeats"], {"since": now - _KEPT}).fetchall()


def forget_heartbeats(conn: Connection[Any], before: dt.datetime) -> int:
    """Delete rows of instances last heard of before, but for the last one of each process; return how many."""
    return conn.execute(_SQL["forget_heartbeats"], {"before": before}).rowcount
