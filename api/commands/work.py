"""`wardlight work`: everything that happens by the clock. Notices go out when they are due, the sweep runs every minute.

Sleeps until the next due row or the next minute; an announcement of a changed alert wakes it. Any number may run: rows are
claimed with SKIP LOCKED, and the sweep is one process's at a time by an advisory lock. Timers are rows, so nothing is
forgotten when it ends (I10).
"""

import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from psycopg import Connection, OperationalError
from psycopg_pool import ConnectionPool, PoolTimeout

from alerts.engine import Engine
from alerts.rules import load_rules
from alerts.sweep import sweep
from api.commands.schema import need_migrated
from api.exits import Code
from api.running import need_database
from api.settings import Settings
from api.stopping import stop_on_signals
from database.heartbeat import beat, new_instance, say_goodbye
from database.instance import EVERY
from database.listen import listen
from database.pool import open_pool
from messaging.outbox import Channel, ConsoleChannel, deliver_due
from messaging.queries import next_due

log = structlog.get_logger()

Pool = ConnectionPool[Connection[Any]]

SWEEP_EVERY: Final = timedelta(minutes=1)


def work(settings: Settings) -> int:
    """Work until SIGTERM or Ctrl-C; return the exit code."""
    settings = need_database(settings)
    need_migrated(settings.database_url)
    rules = load_rules(Path(settings.rules_dir) if settings.rules_dir else None)
    stop = stop_on_signals()
    with open_pool(settings.database_url, max_size=3) as pool:
        _Worker(pool, Engine(rules), {"console": ConsoleChannel(sys.stderr)}, settings, stop).run()
    return Code.DONE


class _Worker:
    """The loop: do what is due, then sleep until something else is."""

    def __init__(
        self, pool: Pool, engine: Engine, channels: Mapping[str, Channel], settings: Settings, stop: threading.Event
    ) -> None:
        self._pool = pool
        self._engine = engine
        self._channels = channels
        self._url = settings.database_url
        self._beat_every = timedelta(seconds=EVERY / settings.watch_pace)
        self._stop = stop
        self._wake = threading.Event()
        start = _now()
        self._instance = new_instance("work", start)
        self._sweep_at, self._beat_at = start, start
        self._delivered = 0
        self._swept_at: datetime | None = None

    def run(self) -> None:
        """Work until told to stop; a database that is away is waited for."""
        listener = threading.Thread(target=self._listen, name="listen", daemon=True)
        listener.start()
        pause = 0.5
        while not self._stop.is_set():
            try:
                self._do_what_is_due()
                pause = 0.5
                self._sleep()
            except (OperationalError, PoolTimeout) as error:
                log.warning("database_lost", error=type(error).__name__, again_in=pause)
                self._stop.wait(pause)
                pause = min(pause * 2, 5.0)
        with suppress(OperationalError, PoolTimeout), self._pool.connection() as conn:
            say_goodbye(conn, self._instance, _now())
        listener.join(5)

    def _listen(self) -> None:
        for _ in listen(self._url, ["alert_changed"], stop=self._stop):
            self._wake.set()
        self._wake.set()

    def _do_what_is_due(self) -> None:
        while (tried := deliver_due(self._pool, self._channels, _now())) and not self._stop.is_set():
            self._delivered += tried
        now = _now()
        if now >= self._sweep_at:
            self._sweep(now)
            self._sweep_at = now + SWEEP_EVERY
        if now >= self._beat_at:
            detail = {"tried": self._delivered, "swept_at": self._swept_at.isoformat() if self._swept_at else None}
            with self._pool.connection() as conn:
                beat(conn, self._instance, now, detail)
            self._beat_at = now + self._beat_every

    def _sweep(self, now: datetime) -> None:
        try:
            with self._pool.connection() as conn:
                sweep(conn, self._engine, now)
        except (OperationalError, PoolTimeout):
            raise
        except Exception:
            # the heartbeat goes on and tells the age of the last sweep; ending here would stop deliveries too
            log.exception("sweep_failed")
            return
        self._swept_at = now

    def _sleep(self) -> None:
        with self._pool.connection() as conn:
            due = next_due(conn)
        until = min(moment for moment in (due, self._sweep_at, self._beat_at) if moment is not None)
        self._wake.wait(max((until - _now()).total_seconds(), 0.0))
        self._wake.clear()


def _now() -> datetime:
    return datetime.now(UTC)
