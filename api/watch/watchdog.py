"""The watchdog: looks at everything from outside, holds what is wrong, tells it, and lets the synthetic patient measure.

An edge and a process of its own. Its loop waits for nothing but the synthetic device's socket: the database, the broker and
each `serve` are asked in threads, and one of them that hangs is a finding. It works with the database down, and says so.
"""

import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from psycopg import OperationalError

from api.fleet import broker_of
from api.settings import Settings
from api.watch.beats import find_restarts, judge_beats
from api.watch.fault import Fault, sort
from api.watch.judge import CLOCK_TOLERANCE, judge
from api.watch.notes import News, Notes
from api.watch.pace import Pace
from api.watch.probes import Probe, ask_broker, ask_disk, ask_serve
from api.watch.queries import load_seen
from api.watch.record import Look, Record
from api.watch.screen import Screen
from api.watch.sender import Sender, enrol, send_once, watch_secrets
from api.watch.synthetic import Proof
from api.watch.tell import Teller
from database.heartbeat import new_instance
from database.pool import DatabaseUnreachable, connect
from ingest.broker import BrokerError
from ingest.credentials import CredentialsError

log = structlog.get_logger()


class Watchdog:
    """One run of the watch."""

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self._stop = stop
        self._pace = pace = Pace(settings.watch_pace)
        self._began = _now()
        within = pace.answer_within
        serves = serve_urls(settings)
        self._record = Record(settings.database_url, new_instance("watchdog", self._began), pace)
        self._database = Probe("database", "", lambda: self._record.look(_now()), pace.look_every, within)
        self._probes = [self._database, *_outside(settings, serves, pace, within)]
        self._screens = [Screen(url, watch_secrets(settings).token, within) for url in serves]
        self._sender = Sender(settings, pace)
        self._teller = Teller(settings.watchdog_url, settings.watchdog_fail_url, settings.watchdog_webhook)
        self._notes = Notes()
        self._proof: Proof | None = None
        #: deaths that are over and were not told to the outside yet
        self._unsaid: list[Fault] = []

    def run(self) -> None:
        """Watch until told to stop."""
        with ExitStack() as stack:
            self._teller.start()
            stack.callback(self._teller.stop)
            for probe in self._probes:
                probe.start()
                stack.callback(probe.stop)
            for screen in self._screens:
                screen.start()
                stack.callback(screen.stop)
            stack.enter_context(self._sender)
            next_look = next_call = time.monotonic() + self._pace.look_every
            while not self._stop.is_set():
                self._sender.turn(0.25)
                clock = time.monotonic()
                if clock < next_look:
                    continue
                next_look = clock + self._pace.look_every
                news = self._look(_now())
                if clock >= next_call or news.began or news.past or (news.ended and not self._notes.held):
                    next_call = clock + self._pace.call_every
                    self._call()
        try:
            self._record.leave(_now())
        except DatabaseUnreachable:
            log.warning("goodbye_unsaid")

    def _look(self, now: datetime) -> News:
        """Judge what is known now; print, post and write down what began and ended."""
        look = None if self._database.wrong() else self._record.last
        past = [*self._record.take_restarts(), *self._sender.take_breaks()]
        if look is not None:
            self._notes.know(look.past)
            past += find_restarts(judge_beats(look.seen.beats, self._pace, now, look.seen.database_since))
        # what is just starting, together with us, is no news
        is_settling = now - self._began < timedelta(seconds=self._pace.patience)
        news = self._notes.follow(self._find(look, now), past, now, is_settling=is_settling)
        for fault in news.began:
            log.critical("fault_began", kind=fault.kind, part=fault.part, detail=fault.detail)
            self._teller.post(fault, "began")
        for fault in (*news.ended, *news.past):
            seconds = round(((fault.ended_at or now) - fault.since).total_seconds(), 1)
            log.error("fault_ended", kind=fault.kind, part=fault.part, detail=fault.detail, seconds=seconds)
            self._teller.post(fault, "ended")
        self._unsaid += news.past
        self._record.keep(tuple(self._notes.lasting()), (*news.ended, *news.past), sends=self._sender.is_sending)
        return news

    def _find(self, look: Look | None, now: datetime) -> list[Fault]:
        """Return what is wrong now, by what was asked of everybody."""
        faults = [Fault(probe.kind, probe.part, now, wrong) for probe in self._probes if (wrong := probe.wrong())]
        if wrong := self._sender.wrong():
            faults.append(Fault("blind", "", now, wrong))
        if look is not None:
            faults += judge(look.seen, self._pace, now, watches=True)
            if look.unbalanced:
                said = ", ".join(f"patient {key}: {judged} of {stored} judged" for key, judged, stored in look.unbalanced[:5])
                faults.append(Fault("unjudged", "ledger", now, said))
            faults += self._prove(look, now)
        return faults

    def _prove(self, look: Look, now: datetime) -> list[Fault]:
        """Follow the newest breach through rules, alert and announcement to every screen, and to its end."""
        breach = self._sender.newest_breach()
        if breach is None:
            return []
        proof = self._proof
        if proof is None or proof.breached_at != breach[0]:
            proof = Proof(breach[0])
        proof = replace(proof, ended_at=breach[1])
        if look.alerts and look.alerts[0].fired_at is not None:
            alert = look.alerts[0]
            assert alert.fired_at is not None
            # our clock and the one that stamped the alert may differ a little
            slack = timedelta(seconds=min(CLOCK_TOLERANCE, self._pace.reading_every))
            told = [at for screen in self._screens if (at := screen.told_at(alert.id)) is not None]
            is_asked = not proof.readable and alert.condition == "firing"
            proof = proof.seen(
                alert.fired_at + slack,
                is_resolved=alert.condition == "resolved",
                announced_at=min(told) if len(told) == len(self._screens) else None,
                is_readable=is_asked and all(alert.public_id in screen.firing() for screen in self._screens),
            )
        self._proof = proof
        return proof.faults(self._pace, now)

    def _call(self) -> None:
        """Tell the service outside how things are."""
        unsaid, self._unsaid = self._unsaid, []
        if self._notes.held or unsaid:
            self._teller.something_is_wrong([*self._notes.lasting(), *unsaid])
        elif _now() - self._began >= timedelta(seconds=self._pace.patience):
            self._teller.all_is_well()


def look_once(settings: Settings) -> list[Fault]:
    """Look at everything once, send one test reading, and tell the outside; return what is wrong.

    For a scheduler that calls every few minutes. The processes are judged by their heartbeats; another watchdog is not missed.
    """
    pace = Pace(settings.watch_pace)
    within = pace.answer_within
    probes = _outside(settings, serve_urls(settings), pace, within)
    faults = [Fault(probe.kind, probe.part, _now(), wrong) for probe in probes if (wrong := probe.ask())]
    try:
        enrol(settings)
        with connect(settings.database_url) as conn:
            faults += judge(load_seen(conn, pace, _now()), pace, _now(), watches=True)
    except (DatabaseUnreachable, OperationalError) as error:
        faults.append(Fault("database", "", _now(), type(error).__name__))
    except (CredentialsError, BrokerError, OSError) as error:
        faults.append(Fault("blind", "", _now(), f"the synthetic patient cannot be enrolled: {type(error).__name__}"))
    else:
        if not send_once(settings, pace.limit):
            faults.append(Fault("synthetic_reading", "", _now(), f"a test reading was not confirmed within {pace.limit:.0f} s"))
    teller = Teller(settings.watchdog_url, settings.watchdog_fail_url, settings.watchdog_webhook)
    teller.start()
    if faults:
        teller.something_is_wrong(sort(faults))
    else:
        teller.all_is_well()
    teller.stop(30)
    return sort(faults)


def _outside(settings: Settings, serves: list[str], pace: Pace, within: float) -> list[Probe]:
    """Return what asks everything but the database."""
    host, port, tls = broker_of(settings)
    return [
        Probe("broker", "", partial(ask_broker, host, port, tls, within), pace.look_every * 2, within + 1),
        Probe("disk", "", partial(ask_disk, settings.data_dir), pace.call_every, within),
        *(Probe("serve", url, partial(ask_serve, url, within), pace.look_every, within + 1) for url in serves),
    ]


def serve_urls(settings: Settings) -> list[str]:
    """Return the addresses of the `serve` processes that are watched."""
    if settings.watchdog_serves:
        return [url.strip().rstrip("/") for url in settings.watchdog_serves.split(",") if url.strip()]
    host = "127.0.0.1" if settings.http_host in {"", "0.0.0.0", "::"} else settings.http_host  # noqa: S104 — compared with
    return [f"http://{host}:{settings.http_port}"]


def _now() -> datetime:
    return datetime.now(UTC)
