"""Health: whether this process lives, and whether it can answer. No patient data, so it answers without a viewer.

A late heartbeat of another process is said, and is no reason to take this one out of service.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from fastapi import APIRouter, Request

from api import queries
from api.documented import problems
from api.problems import Problem
from api.transaction import Now, Transaction
from database.migrate import pending

router = APIRouter(prefix="/health", tags=["health"])

#: seconds after which a heartbeat is late; processes beat every few seconds
LATE: Final = 60


@dataclass(frozen=True, slots=True)
class Beat:
    """When a process was last heard of."""

    #: "ingest", "work", …
    process: str
    #: seconds since its last heartbeat
    age: float
    #: longer than it should be
    is_late: bool


@dataclass(frozen=True, slots=True)
class Live:
    """This process answers."""

    status: Literal["live"] = "live"


@dataclass(frozen=True, slots=True)
class Ready:
    """This process can do its work."""

    #: "ready", or "degraded" when another process is late
    status: Literal["ready", "degraded"]
    #: every process that ever beat on this database
    processes: list[Beat]


@router.get("/live")
def live() -> Live:
    """Say that this process answers."""
    return Live()


@router.get("/ready", responses={503: problems()[503]})
def ready(request: Request, conn: Transaction, now: Now) -> Ready:
    """Say whether this process can answer: the database is there and its schema is that of this release."""
    if not getattr(request.app.state, "is_migrated", False):
        if missing := pending(conn):
            raise Problem(503, "not_migrated", f"the database lacks {missing[0]}; run `wardlight migrate`")
        request.app.state.is_migrated = True
    beats = list_beats(conn, now)
    return Ready("degraded" if any(beat.is_late for beat in beats) else "ready", beats)


def list_beats(conn: Transaction, now: datetime) -> list[Beat]:
    """Return when each process was last heard of."""
    beats = []
    for heartbeat in queries.list_heartbeats(conn):
        age = max((now - heartbeat.at).total_seconds(), 0.0)
        beats.append(Beat(heartbeat.process, round(age, 1), age > LATE))
    return beats
