"""The watchdog before the database: asks it for everything, and writes down that it lives and what is wrong.

An edge, called in the thread of a probe: a database that hangs keeps nobody else waiting. What could not be written is kept and
written when the database is back.
"""

import threading
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection, OperationalError
from psycopg.conninfo import make_conninfo

from api.watch import queries
from api.watch.fault import Fault
from api.watch.judge import Seen
from api.watch.pace import Pace
from database.heartbeat import beat, forget_heartbeats, say_goodbye
from database.instance import Instance
from database.pool import DatabaseUnreachable, connect

#: patients whose ledger is held in one look, and measurements from which on counting one would cost too much
_AUDITED: Final = 2
_MOST: Final = 100_000
#: instances that are silent for longer are deleted
_FORGOTTEN: Final = timedelta(days=7)
#: what is over is remembered for as long as heartbeats are
_REMEMBERED: Final = timedelta(hours=2)
#: seconds in which a connection must be there
_CONNECT: Final = 5


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the database showed."""

    at: datetime
    seen: Seen
    #: the synthetic patient's newest alerts, the newest first
    alerts: tuple[queries.SyntheticAlert, ...]
    #: what is over and was written down lately
    past: tuple[Fault, ...]
    #: (patient, judged, stored) of patients whose ledger does not balance
    unbalanced: tuple[tuple[int, int, int], ...]


@dataclass(slots=True)
class Record:
    """The database as the watchdog last saw it, and what it is to be told; used from two threads."""

    url: str
    instance: Instance
    pace: Pace
    last: Look | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _held: tuple[Fault, ...] = ()
    _past: list[Fault] = field(default_factory=list)
    _sends: bool = False
    _after: int = 0
    #: when the server started, and when it last answered again after it had not
    _started: datetime | None = None
    _back_at: datetime | None = None
    _restarts: list[Fault] = field(default_factory=list)

    def keep(self, held: tuple[Fault, ...], past: tuple[Fault, ...], *, sends: bool) -> None:
        """Have this written with the next look: what lasts, what is over, and whether test readings are sent."""
        with self._lock:
            self._held, self._sends = held, sends
            self._past += past

    def take_restarts(self) -> list[Fault]:
        """Return that the server was started again between two looks, each time once."""
        with self._lock:
            found, self._restarts = self._restarts, []
        return found

    def look(self, now: datetime) -> str:
        """Ask and write; return what is wrong with the database, "" where nothing is."""
        with self._lock:
            held, past, sends = self._held, tuple(self._past), self._sends
        try:
            with connect(make_conninfo(self.url, connect_timeout=_CONNECT)) as conn:
                seen = queries.load_seen(conn, self.pace, now)
                alerts = tuple(queries.list_synthetic_alerts(conn))
                unbalanced = self._audit(conn)
                written = tuple(queries.list_past_faults(conn, now - _REMEMBERED))
                queries.save_faults(conn, [*held, *past], now)
                forget_heartbeats(conn, now - _FORGOTTEN)
                beat(conn, self.instance, now, {"sends": sends, "faults": len(held)})
        except (DatabaseUnreachable, OperationalError) as error:
            return f"no connection ({type(error.__cause__ or error).__name__})"
        with self._lock:
            del self._past[: len(past)]
            if self._started is not None and seen.database_since is not None and seen.database_since > self._started:
                since = self.last.at if self.last else self._started
                self._restarts.append(Fault("restarted", "database", since, "its server was started again", now))
            self._started = seen.database_since
            if self.last is not None and now - self.last.at > timedelta(seconds=self.pace.patience / 2):
                self._back_at = now
            seen = replace(seen, database_since=max(filter(None, (seen.database_since, self._back_at)), default=None))
            self.last = Look(now, seen, alerts, written, unbalanced)
        return ""

    def leave(self, now: datetime) -> None:
        """Say goodbye. Raises DatabaseUnreachable."""
        with connect(make_conninfo(self.url, connect_timeout=_CONNECT)) as conn:
            say_goodbye(conn, self.instance, now)

    def _audit(self, conn: Connection[Any]) -> tuple[tuple[int, int, int], ...]:
        """Hold the ledger of the next few patients; who differs is held against us until they are looked at again."""
        on, differing = queries.audit_judged(conn, self._after, _AUDITED, _MOST)
        known = self.last.unbalanced if self.last else ()
        kept = [one for one in known if one[0] <= self._after or (on is not None and one[0] > on)]
        self._after = on or 0
        return (*kept, *differing)
