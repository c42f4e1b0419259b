"""The ingest process: holds the one turn, keeps broker and database together, and says how it is.

One worker a broker is active, held by an advisory lock; others stand by and take over when it is gone. When the database is
lost the worker leaves the broker, so that nothing is delivered into the void, and resumes the same session when it is back.
"""

import datetime as dt
import gc
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

import structlog
from psycopg import Connection, OperationalError

from alerts.engine import Engine
from alerts.rules import RuleSet
from database.heartbeat import beat, new_instance, say_goodbye
from database.instance import EVERY, Instance
from database.pool import DatabaseUnreachable, connect
from ingest.acks import Acknowledger
from ingest.commands import send_commands
from ingest.commit import Committer
from ingest.inbox import Inbox
from ingest.mqtt import BrokerAddress, Subscriber
from ingest.pipeline import Pipeline
from ingest.queries import extend_path, list_unfinished, try_turn

log = structlog.get_logger()

#: key of the advisory lock that the active worker holds
TURN: Final = 0x57_61_72_64
#: a longer pause between two heartbeats means that the path was down in between
PATIENCE: Final = dt.timedelta(seconds=15)
#: seconds after subscribing before the path counts as up: a backlog needs a moment to begin arriving
SETTLING: Final = 2.0
#: seconds between two looks for what devices are to be told
COMMANDS_EVERY: Final = 1.0
#: after the broker lost our session, devices heard within this time are asked to send again
BACKFILL: Final = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What the ingest process needs to know."""

    database_url: str
    mqtt_url: str
    mqtt_ca_file: str = ""
    #: "bulk" or "callbacks"
    mqtt_reader: str = "bulk"
    #: seconds between heartbeats, each of which also lengthens the stretch in which our path is up
    beat_every: float = EVERY


def run(settings: WorkerSettings, rules: RuleSet, stop: threading.Event) -> int:
    """Work until `stop` is set; return the exit code: 0, or 1 when the network thread died.

    Raises ValueError for a broker URL that cannot be one.
    """
    address = BrokerAddress.parse(settings.mqtt_url, settings.mqtt_ca_file)
    # batches make many short-lived objects and hardly a cycle: looking for those after every 700 costs a tenth of the time
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    instance = new_instance("ingest", _now())
    inbox = Inbox()  # outlives a loss of the database, for what the broker does not send again
    pause = 0.5
    while not stop.is_set():
        try:
            with (
                connect(settings.database_url, autocommit=True) as turn,
                connect(settings.database_url, autocommit=True) as own,
            ):
                try:
                    _await_turn(turn, instance, settings.beat_every, stop)
                    pause = 0.5
                    if not stop.is_set():
                        return _Worker(turn, own, address, settings, instance, inbox, rules, stop).run()
                finally:
                    if stop.is_set():
                        say_goodbye(turn, instance, _now())
        except (DatabaseUnreachable, OperationalError) as error:
            log.warning("database_lost", error=type(error).__name__, again_in=pause)
        except OSError as error:
            log.warning("broker_unreachable", error=str(error), again_in=pause)
        stop.wait(pause)
        pause = min(pause * 2, 5.0)
    return 0


def _await_turn(turn: Connection[Any], instance: Instance, beat_every: float, stop: threading.Event) -> None:
    waiting = False
    next_beat = 0.0
    while not stop.is_set() and not try_turn(turn, TURN):
        if time.monotonic() >= next_beat:
            next_beat = time.monotonic() + beat_every
            beat(turn, instance, _now(), {"subscribed": False, "standing_by": True})
        if not waiting:
            log.info("standing_by", reason="another ingest worker is active")
            waiting = True
        stop.wait(1.0)


class _Worker:
    """One stretch of work between two losses of the database."""

    def __init__(
        self,
        turn: Connection[Any],
        own: Connection[Any],
        address: BrokerAddress,
        settings: WorkerSettings,
        instance: Instance,
        inbox: Inbox,
        rules: RuleSet,
        stop: threading.Event,
    ) -> None:
        self._turn = turn
        self._stop = stop
        self._instance = instance
        self._beat_every = settings.beat_every
        self._inbox = inbox
        self._subscriber = Subscriber(address, inbox, self._note_session, reader=settings.mqtt_reader)
        self._acks = Acknowledger(self._subscriber.publish)
        self._pipeline = Pipeline(own, Committer(Engine(rules)), inbox, self._subscriber, self._acks, _now)
        self._subscribed_at: float | None = None
        self._session_lost = threading.Event()
        self._losses = 0
        self._next_beat = self._next_commands = 0.0
        self._told_subscribed = False

    def run(self) -> int:
        """Work until told to stop; the session at the broker outlives this."""
        self._subscriber.start()
        try:
            while not self._stop.is_set():
                if not self._subscriber.is_alive():
                    # it would look connected for ever; whoever supervises us starts a new process
                    log.critical("network_thread_dead")
                    return 1
                self._pipeline.step()
                self._beat()
                self._command()
                if self._session_lost.is_set():
                    self._backfill()
        finally:
            # devices need not wait for the next worker to hear what is safe
            self._acks.flush(float("inf"))
            self._subscriber.stop()
        return 0

    def _note_session(self, present: bool) -> None:
        if not present:
            self._session_lost.set()

    def _backfill(self) -> None:
        """Ask devices to send again: the broker does not know our session, so what it took meanwhile may be lost."""
        self._session_lost.clear()
        unfinished = list_unfinished(self._turn, _now() - BACKFILL)
        if not unfinished:
            return
        self._losses += 1
        self._next_beat = 0.0
        log.error("broker_session_lost", devices_asked=len(unfinished))
        for name, boot, from_seq in unfinished:
            self._acks.ask_again(name, boot, from_seq)

    def _command(self) -> None:
        """Tell devices what they are to be told, while there is a broker to tell it to."""
        clock = time.monotonic()
        if clock >= self._next_commands and self._subscriber.subscribed.is_set():
            self._next_commands = clock + COMMANDS_EVERY
            send_commands(self._turn, self._subscriber.publish, _now())

    def _beat(self) -> None:
        clock = time.monotonic()
        subscribed = self._subscriber.subscribed.is_set()
        # a broker that comes or goes is news, so it is told at once
        if clock < self._next_beat and subscribed == self._told_subscribed:
            return
        self._next_beat, self._told_subscribed = clock + self._beat_every, subscribed
        if not subscribed:
            self._subscribed_at = None
        elif self._subscribed_at is None:
            self._subscribed_at = clock
        caught_up = clock - self._pipeline.caught_up_at < EVERY
        now = _now()
        if self._subscribed_at is not None and clock - self._subscribed_at >= SETTLING and caught_up:
            extend_path(self._turn, now, PATIENCE)
        total = self._pipeline.total
        beat(
            self._turn,
            self._instance,
            now,
            {
                "subscribed": subscribed,
                "caught_up": caught_up,
                "waiting": len(self._inbox),
                "messages": total.messages,
                "stored": total.stored,
                "suspect": total.suspect,
                "duplicate": total.duplicate,
                "quarantined": total.quarantined,
                "refused": total.refused,
                "sessions_lost": self._losses,
            },
        )


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
