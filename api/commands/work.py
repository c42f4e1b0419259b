"""`wardlight work`: everything that happens by the clock. Deadlines are kept, notices go out, the sweep runs every minute.

Three loops, so that none waits for another: deadlines (ladders, rechecks, replies), deliveries, and the sweep with the
heartbeat. Each sleeps until its next due row; an announcement wakes it. Any number of processes may run: rows are claimed with
SKIP LOCKED, and the sweep is one process's at a time by an advisory lock. Timers are rows, so nothing is forgotten when it
ends (I10).
"""

import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import structlog
from psycopg import Connection, OperationalError
from psycopg_pool import ConnectionPool, PoolTimeout

from alerts.engine import Engine
from alerts.escalation import deadlines as escalation
from alerts.rules import load_rules
from alerts.sweep import sweep
from alerts.triage import deadlines as triage
from api.client import trusted_networks
from api.commands.schema import need_migrated
from api.exits import Code
from api.loop import Clock, Loop, WallClock
from api.running import need_database
from api.settings import Settings
from api.stopping import stop_on_signals
from database.heartbeat import beat, new_instance, say_goodbye
from database.instance import EVERY
from database.listen import listen
from database.pool import open_pool
from messaging.outbox import Channel, ConsoleChannel, deliver_due
from messaging.queries import next_due
from messaging.webhook import WebhookChannel

log = structlog.get_logger()

Pool = ConnectionPool[Connection[Any]]

SWEEP_EVERY: Final = timedelta(minutes=1)
#: seconds: a loop that has not finished a turn for so long keeps the heartbeat from being written, so that others notice
STUCK_AFTER: Final = 60.0
#: what has deadlines: each has `next_due(conn)` and `run_due(conn, now)`, one transaction a call
DEADLINES: Final[tuple[ModuleType, ...]] = (triage, escalation)


def work(settings: Settings) -> int:
    """Work until SIGTERM or Ctrl-C; return the exit code."""
    settings = need_database(settings)
    need_migrated(settings.database_url)
    rules = load_rules(Path(settings.rules_dir) if settings.rules_dir else None)
    stop = stop_on_signals()
    with open_pool(settings.database_url, max_size=6) as pool:
        worker = Worker(pool, Engine(rules), make_channels(settings), stop, beat_every=EVERY / settings.watch_pace)
        listener = threading.Thread(target=worker.listen, args=[settings.database_url], name="listen", daemon=True)
        listener.start()
        worker.run()
        listener.join(5)
    return Code.DONE


def make_channels(settings: Settings) -> dict[str, Channel]:
    """Return the channels by name: what an operator has set up."""
    channels: dict[str, Channel] = {"console": ConsoleChannel(sys.stderr, settings.public_url)}
    if settings.webhook_secret:
        allowed = trusted_networks(settings.webhook_networks, "WARDLIGHT_WEBHOOK_NETWORKS")
        channels["webhook"] = WebhookChannel(settings.webhook_secret, settings.public_url, allowed=allowed)
    return channels


class Worker:
    """The three loops of one process."""

    def __init__(
        self,
        pool: Pool,
        engine: Engine,
        channels: Mapping[str, Channel],
        stop: threading.Event,
        clock: Clock | None = None,
        *,
        beat_every: float = EVERY,
    ) -> None:
        self._pool = pool
        self._engine = engine
        self._channels = channels
        self._stop = stop
        self._clock = clock or WallClock()
        start = self._clock.now()
        self._instance = new_instance("work", start)
        self._beat_every = timedelta(seconds=beat_every)
        self._sweep_at, self._beat_at = start, start
        self._delivered = 0
        self._swept_at: datetime | None = None
        self.deadlines = Loop("deadlines", self._keep_deadlines, self._next_deadline, clock=self._clock, stop=stop)
        self.deliveries = Loop("deliveries", self._deliver, self._next_delivery, clock=self._clock, stop=stop)
        self.ticks = Loop("ticks", self._tick, lambda: min(self._sweep_at, self._beat_at), clock=self._clock, stop=stop)

    def run(self) -> None:
        """Work until told to stop."""
        threads = [threading.Thread(target=loop.run, name=loop.name) for loop in (self.deadlines, self.deliveries)]
        for thread in threads:
            thread.start()
        self.ticks.run()
        for loop in (self.deadlines, self.deliveries):
            loop.wake.set()
        for thread in threads:
            thread.join()
        with suppress(OperationalError, PoolTimeout), self._pool.connection() as conn:
            say_goodbye(conn, self._instance, self._clock.now())

    def listen(self, url: str) -> None:
        """Wake the loops whenever something is announced, until told to stop."""
        for _ in listen(url, ["alert_changed", "work_due"], stop=self._stop):
            self.deadlines.wake.set()
            self.deliveries.wake.set()
        for loop in (self.deadlines, self.deliveries, self.ticks):
            loop.wake.set()

    def _keep_deadlines(self, now: datetime) -> int:
        total = 0
        for part in DEADLINES:
            while not self._stop.is_set():
                with self._pool.connection() as conn:
                    done = part.run_due(conn, now)
                total += done
                if not done:
                    break
        if total:
            self.deliveries.wake.set()
        return total

    def _next_deadline(self) -> datetime | None:
        with self._pool.connection() as conn:
            return min((due for part in DEADLINES if (due := part.next_due(conn)) is not None), default=None)

    def _deliver(self, now: datetime) -> int:
        total = 0
        while (tried := deliver_due(self._pool, self._channels, now)) and not self._stop.is_set():
            total += tried
        self._delivered += total
        if total:
            self.deadlines.wake.set()  # a dead page makes its ladder go on
        return total

    def _next_delivery(self) -> datetime | None:
        with self._pool.connection() as conn:
            return next_due(conn)

    def _tick(self, now: datetime) -> int:
        if now >= self._sweep_at or self._sweep_at > now + SWEEP_EVERY:
            self._sweep(now)
            self._sweep_at = now + SWEEP_EVERY
        if now >= self._beat_at or self._beat_at > now + self._beat_every:
            self._beat(now)
            self._beat_at = now + self._beat_every
        return 1

    def _beat(self, now: datetime) -> None:
        oldest = time.monotonic() - min(self.deadlines.turned_at, self.deliveries.turned_at)
        if oldest > STUCK_AFTER:
            log.error("loop_stuck", seconds=round(oldest))
            return
        detail = {
            "tried": self._delivered,
            "swept_at": self._swept_at.isoformat() if self._swept_at else None,
            "oldest_turn_seconds": round(oldest, 1),
        }
        with self._pool.connection() as conn:
            beat(conn, self._instance, now, detail)

    def _sweep(self, now: datetime) -> None:
        try:
            with self._pool.connection() as conn:
                sweep(conn, self._engine, now)
        except (OperationalError, PoolTimeout):
            raise
        except Exception:
            # the heartbeat goes on and tells the age of the last sweep
            log.exception("sweep_failed")
            return
        self._swept_at = now
