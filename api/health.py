"""Health: whether this process lives, and whether it can answer. No patient data, so it answers without a viewer.

A late heartbeat of another process is said, and is no reason to take this one out of service.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Request

from api.documented import problems
from api.problems import Problem
from api.transaction import Now, Transaction
from api.watch.beats import judge_beats
from api.watch.pace import Pace
from database.heartbeat import list_heartbeats
from database.migrate import pending

router = APIRouter(prefix="/health", tags=["health"])


@dataclass(frozen=True, slots=True)
class Beat:
    """When a process was last heard of."""

    #: "ingest", "work", …
    process: str
    #: seconds since its last heartbeat
    age: float
    #: longer than it should be, and it did not say that it stops
    is_late: bool
    #: "runs", "hangs" (silent, and still connected), "gone" (silent without a word) or "stopped" (in order)
    state: Literal["runs", "hangs", "gone", "stopped"]


@dataclass(frozen=True, slots=True)
class Live:
    """This process answers."""

    status: Literal["live"] = "live"


@dataclass(frozen=True, slots=True)
class Ready:
    """This process can do its work."""

    #: "ready", or "degraded" when another process is late
    status: Literal["ready", "degraded"]
    #: every instance of a process that was heard of lately; those that died and were started again are left out
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
    beats = list_beats(conn, request.app.state.house.pace, now)
    return Ready("degraded" if any(beat.is_late for beat in beats) else "ready", beats)


def list_beats(conn: Transaction, pace: Pace, now: datetime) -> list[Beat]:
    """Return when each instance of each process was last heard of, and how it is."""
    beats = []
    for judged in judge_beats(list_heartbeats(conn, now), pace, now):
        age = max((now - judged.beat.at).total_seconds(), 0.0)
        if judged.state != "replaced":
            beats.append(Beat(judged.beat.process, round(age, 1), judged.state in {"hangs", "gone"}, judged.state))
    return beats
