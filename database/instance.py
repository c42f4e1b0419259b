"""Instance and heartbeat: one start of one process, and what it last said of itself.

Nouns, read and written by `database/heartbeat.py`.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

#: seconds between two heartbeats of a process
EVERY: Final = 5.0


@dataclass(frozen=True, slots=True)
class Instance:
    """One start of one process."""

    #: "ingest", "work", "serve", "watchdog" or "up"
    process: str
    #: host, process id and chance: no two starts share it
    name: str
    #: when it started
    began_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What one instance of a process last said of itself."""

    #: "ingest", "work", "serve", …
    process: str
    #: which start of it
    instance: str
    #: when it started
    began_at: dt.datetime
    #: when it was last heard of
    at: dt.datetime
    #: when it said that it stops, None while it runs or where it could not say so
    ended_at: dt.datetime | None
    #: figures of its own
    detail: dict[str, Any]
    #: the connection that wrote it is still there
    is_connected: bool
