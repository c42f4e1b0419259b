"""What is wrong, decided from what the database says: readings, judgements, alerts, notices, processes.

Pure, with `now` passed in; the watchdog and every `serve` judge by it. What only a look from outside can tell (does the broker
answer, does an announcement reach a screen) is added by the watchdog.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from api.watch.beats import Judged, find_faults, judge_beats
from api.watch.fault import Fault
from api.watch.pace import Pace
from database.instance import Heartbeat

#: seconds that our clock may differ from the database's
CLOCK_TOLERANCE = 5.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What the database says at one moment."""

    #: every process, the freshest of a kind first
    beats: tuple[Heartbeat, ...]
    #: when our own path was last seen connected and caught up; None for never
    path_at: datetime | None
    #: when the last reading of any device arrived; None for never
    last_reading_at: datetime | None
    #: patients whose newest readings could not be judged, and since when the first of them
    unjudged: int = 0
    unjudged_since: datetime | None = None
    #: alerts older than the limit with no notice, ladder or suppression to explain them, and since when the first
    unrouted: int = 0
    unrouted_since: datetime | None = None
    #: notices that are due and unclaimed, and since when the first
    due: int = 0
    due_since: datetime | None = None
    #: when the synthetic patient's last reading was stored; None where there is none
    synthetic_at: datetime | None = None
    #: when the synthetic patient's newest alert fired
    synthetic_alert_at: datetime | None = None
    #: seconds that the database's clock is ahead of ours
    clock_ahead: float = 0.0
    #: when the database came up, or answered again; nobody can have been heard before
    database_since: datetime | None = None
    #: what a watchdog found and still holds to be so
    known: tuple[Fault, ...] = ()


def judge(seen: Seen, pace: Pace, now: datetime, *, watches: bool = False) -> list[Fault]:
    """Return what is wrong now; `watches` where the caller is the watchdog, which need not miss itself."""
    states = judge_beats(seen.beats, pace, now, seen.database_since)
    faults = [fault for fault in find_faults(states, pace, now) if not (watches and fault.kind == "watchdog")]
    silent = {fault.kind for fault in faults}
    if "ingest" not in silent:
        faults += _path(seen, pace, now)
    if "work" not in silent:
        faults += _sweep(states, pace, now)
    if "watchdog" not in silent and not ({"ingest", "path"} & {fault.kind for fault in faults}):
        faults += _synthetic(seen, pace, now)
    return faults + _backlogs(seen, pace, now)


def _is_past(since: datetime | None, limit: float, now: datetime) -> bool:
    return since is not None and now - since > timedelta(seconds=limit)


def _path(seen: Seen, pace: Pace, now: datetime) -> list[Fault]:
    if seen.path_at is None:
        began = max((beat.began_at for beat in seen.beats if beat.process == "ingest"), default=now)
        return [Fault("path", "", began, "ingest runs and was never connected")] if _is_past(began, pace.limit, now) else []
    if _is_past(max(seen.path_at, seen.database_since or seen.path_at), pace.limit, now):
        return [Fault("path", "", seen.path_at, "ingest runs, and is not connected or not caught up")]
    return []


def _sweep(states: list[Judged], pace: Pace, now: datetime) -> list[Fault]:
    """Miss the sweep only where `work` has been running for long enough to have swept."""
    working = [one.beat for one in states if one.beat.process == "work" and one.state == "runs"]
    swept = [at for beat in working if isinstance(at := beat.detail.get("swept_at"), str)]
    newest = max((datetime.fromisoformat(at) for at in swept), default=None)
    since = newest or min((beat.began_at for beat in working), default=None)
    return [Fault("sweep", "", since, "no sweep has ended since")] if since and _is_past(since, pace.sweep, now) else []


def _synthetic(seen: Seen, pace: Pace, now: datetime) -> list[Fault]:
    """Miss the synthetic patient's readings and alerts only while a watchdog has been running long enough to send them."""
    watching = [
        beat for beat in seen.beats if beat.process == "watchdog" and beat.ended_at is None and beat.detail.get("sends")
    ]
    if not watching:
        return []
    began = max(beat.began_at for beat in watching)
    last = max(filter(None, (seen.synthetic_at, began, seen.database_since)))
    if _is_past(last, pace.limit, now):
        return [Fault("synthetic_reading", "", last, "the synthetic patient's readings are not stored")]
    fired = max(filter(None, (seen.synthetic_alert_at, began, seen.database_since)))
    if _is_past(fired, pace.reading_every * 2 * BREACH_EVERY + pace.limit, now):
        return [Fault("synthetic_alert", "", fired, "the synthetic patient's breaches open no alert")]
    return []


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


#: every so many readings of the synthetic patient begin a breach
BREACH_EVERY = 8


def _backlogs(seen: Seen, pace: Pace, now: datetime) -> list[Fault]:
    faults = []
    if seen.unjudged and seen.unjudged_since is not None and _is_past(seen.unjudged_since, pace.limit, now):
        faults.append(
            Fault("unjudged", "", seen.unjudged_since, f"readings of {_count(seen.unjudged, 'patient')} were not judged")
        )
    if seen.unrouted and seen.unrouted_since is not None:
        faults.append(Fault("unrouted", "", seen.unrouted_since, f"{_count(seen.unrouted, 'alert')} that nobody was sent"))
    if seen.due and seen.due_since is not None and _is_past(seen.due_since, pace.overdue, now):
        faults.append(Fault("outbox", "", seen.due_since, f"{_count(seen.due, 'notice')} due"))
    if abs(seen.clock_ahead) > CLOCK_TOLERANCE:
        faults.append(Fault("clock", "database", now, f"{abs(seen.clock_ahead):.0f} s away from the database's"))
    return faults
