"""The synthetic patient's device: lets itself in, measures twice a minute over MQTT as any device does, remembers its breaches.

An edge. What it stands on is made by itself as soon as database and broker can be had, and asked for again until then.
"""

import secrets
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import Final, Self

import structlog

from api.commands.device import credentials_of
from api.enrolment import DeviceSecrets
from api.fleet import open_fleet
from api.settings import Settings
from api.watch.fault import Fault
from api.watch.judge import BREACH_EVERY
from api.watch.pace import Pace
from api.watch.synthetic import BREACH, BREACHING, DEVICE, USUAL, WatchSecrets, enrol_synthetic, value_of
from database.pool import connect
from devices.simulator.publish import Fleet

log = structlog.get_logger()

#: the first reading is the second before a breach, so that a new watchdog has proven the path after two minutes
_FIRST: Final = BREACH_EVERY - BREACHING - 2


def watch_secrets(settings: Settings) -> WatchSecrets:
    """Return what the watchdog of this data folder signs in with, made the first time."""
    return WatchSecrets(DeviceSecrets.of(settings.data_dir))


def enrol(settings: Settings) -> None:
    """Have the synthetic patient in the database and its device at the broker; raises what each of them raises."""
    keys = watch_secrets(settings)
    with connect(settings.database_url) as conn:
        enrol_synthetic(conn, keys, datetime.now(UTC))
    credentials = credentials_of(settings)
    if DEVICE not in credentials.known():
        credentials.add(DEVICE, keys.device)


def send_once(settings: Settings, seconds: float) -> bool:
    """Send one test reading as the device; return whether it was confirmed in time."""
    with open_fleet(settings) as fleet:
        fleet.add(DEVICE, watch_secrets(settings).device, f"w{secrets.token_hex(6)}")
        fleet.measure(DEVICE, time.time_ns() // 1000, {"heart_rate": USUAL})
        return fleet.settle(seconds)


class Sender:
    """The device and its loop; all but enrolment happens in the thread that calls `turn`."""

    def __init__(self, settings: Settings, pace: Pace) -> None:
        self._settings = settings
        self._pace = pace
        self._stop = threading.Event()
        self._enrolled = threading.Event()
        self._wrong = ""
        self._fleet: Fleet | None = None
        self._number = _FIRST
        self._next = 0.0
        self._breach: tuple[datetime, datetime | None] | None = None
        self._was_in = False
        self._lost_at: datetime | None = None
        self._breaks: deque[Fault] = deque()

    def __enter__(self) -> Self:
        """Begin to let the device in."""
        threading.Thread(target=self._enrol, name="enrol", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect it."""
        self._stop.set()
        if self._fleet is not None:
            self._fleet.close()

    @property
    def is_sending(self) -> bool:
        """Whether readings can be expected of it."""
        return self._fleet is not None

    def wrong(self) -> str:
        """Return why it cannot measure, "" where it can; that a broker is away is for others to say."""
        if not self._enrolled.is_set():
            return self._wrong
        if self._fleet is not None and self._fleet.tally.refused and not self._fleet.connected():
            return f"the broker does not let {DEVICE} in: delete it from its password file and start the watchdog again"
        return ""

    def newest_breach(self) -> tuple[datetime, datetime | None] | None:
        """Return when the newest breach was measured, and the reading that ended it, None while it lasts."""
        return self._breach

    def take_breaks(self) -> list[Fault]:
        """Return the losses of the connection that are over, each once."""
        return [self._breaks.popleft() for _ in range(len(self._breaks))]

    def turn(self, seconds: float) -> None:
        """Measure if it is time to, and look after the connection for at most so many seconds."""
        if self._fleet is None:
            if not self._enrolled.wait(seconds):
                return
            self._fleet = open_fleet(self._settings)
            self._fleet.add(DEVICE, watch_secrets(self._settings).device, f"w{secrets.token_hex(6)}")
        if time.monotonic() >= self._next:
            self._next = max(self._next, time.monotonic() - self._pace.reading_every) + self._pace.reading_every
            self._measure(self._fleet)
        self._fleet.turn(seconds)
        self._note_connection(self._fleet)

    def _measure(self, fleet: Fleet) -> None:
        now = datetime.now(UTC)
        value = value_of(self._number)
        before = value_of(self._number - 1)
        if value == BREACH != before:
            self._breach = (now, None)
        elif value != BREACH == before and self._breach is not None:
            self._breach = (self._breach[0], now)
        self._number += 1
        fleet.measure(DEVICE, time.time_ns() // 1000, {"heart_rate": value})

    def _note_connection(self, fleet: Fleet) -> None:
        is_in = fleet.connected() > 0
        now = datetime.now(UTC)
        if self._was_in and not is_in:
            self._lost_at = now
        elif is_in and self._lost_at is not None:
            self._breaks.append(Fault("restarted", "broker", self._lost_at, "the connection to it broke and came back", now))
            self._lost_at = None
        self._was_in = is_in

    def _enrol(self) -> None:
        while not self._stop.is_set():
            try:
                enrol(self._settings)
            except Exception as error:  # noqa: BLE001 — whatever is missing, it is said and tried again
                if self._wrong != (wrong := f"the synthetic patient cannot be enrolled: {type(error).__name__}"):
                    log.warning("not_enrolled", kind=type(error).__name__)
                self._wrong = wrong
                self._stop.wait(self._pace.look_every)
            else:
                self._enrolled.set()
                return
