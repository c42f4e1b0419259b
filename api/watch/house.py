"""The state of the house as a screen shows it: what is wrong, asked of the database at most every few seconds.

One per process; a cache and nothing more. Judges by the functions of the watchdog, and adds what the watchdog alone can see.
"""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from alerts.escalation.queries import count_exhausted
from api.watch.fault import KINDS, Fault, sort
from api.watch.judge import judge
from api.watch.pace import Pace
from api.watch.queries import load_seen

#: faults whose detail is a count that means something on a ward
_COUNTED = frozenset({"unjudged", "unrouted", "unanswered", "outbox"})


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault in a nurse's words."""

    fault: Fault

    @property
    def weight(self) -> str:
        """How dangerous it is: "high", "medium" or "low"."""
        return KINDS[self.fault.kind].weight

    @property
    def wrong(self) -> str:
        """What is wrong."""
        return KINDS[self.fault.kind].wrong

    @property
    def count(self) -> str:
        """How many are concerned, where that is what is wrong."""
        return self.fault.detail if self.fault.kind in _COUNTED else ""

    @property
    def works(self) -> str:
        """What still works, and what to do meanwhile."""
        return KINDS[self.fault.kind].works


#: faults that mean that an empty list says nothing
_BLINDING = frozenset({"ingest", "path", "broker", "database", "synthetic_reading"})


@dataclass(frozen=True, slots=True)
class Pulse:
    """Whether readings can reach us at all, and what else is wrong: an empty list means something only while they can."""

    #: when our own path was last seen connected and caught up; None for never
    seen_at: datetime | None
    #: when the last reading of any patient's device arrived; None for never
    last_reading_at: datetime | None
    #: what is wrong, the most dangerous first
    faults: tuple[Fault, ...] = ()

    @property
    def is_up(self) -> bool:
        """Tell whether readings are flowing, as far as anybody can tell."""
        return not any(fault.kind in _BLINDING for fault in self.faults)

    @property
    def troubles(self) -> list[Trouble]:
        """Return what people on a ward should know; what is over, or only for whoever runs the machines, is left out."""
        return [Trouble(fault) for fault in self.faults if KINDS[fault.kind].weight != "low"]


@dataclass
class House:
    """What this process last saw of the house; `look` may be called from any thread."""

    pace: Pace = field(default_factory=Pace)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _last: Pulse | None = None
    _at: datetime | None = None

    def look(self, conn: Connection[Any], now: datetime) -> Pulse:
        """Return the state of the house, at most a few seconds old."""
        with self._lock:
            if self._last is None or self._at is None or now - self._at >= timedelta(seconds=self.pace.look_every):
                self._last, self._at = load_pulse(conn, self.pace, now), now
            return self._last


def load_pulse(conn: Connection[Any], pace: Pace, now: datetime) -> Pulse:
    """Return the state of the house as of now."""
    seen = load_seen(conn, pace, now)
    own = judge(seen, pace, now)
    count, since = count_exhausted(conn)
    if since is not None:
        own.append(Fault("unanswered", "", since, f"{count} alerts" if count != 1 else "1 alert"))
    kinds = {fault.kind for fault in own}
    return Pulse(seen.path_at, seen.last_reading_at, tuple(sort([*own, *(one for one in seen.known if one.kind not in kinds)])))
