"""The house that a fleet talks to: durable PostgreSQL, a real Mosquitto, and ingest as a process that can be killed."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import psycopg

from database.debian import TimescaleServer, prepare_root
from database.embedded import EmbeddedServer
from database.migrate import migrate
from ingest.broker import EmbeddedBroker
from ingest.credentials import new_secret
from tests.clusters import CACHE
from tests.stories.ledger.device import Device

ROOT: Final = Path(__file__).resolve().parents[3]
#: what ingest ends with when it is started while the database is down
NOT_READY: Final = 3
#: an account that reads what is retained, beside the ones of the product
WATCHER: Final = {"watcher": ("topic read wardlight/#",)}


class House:
    """Everything on one machine, under one folder."""

    def __init__(self, folder: Path, *, reader: str = "bulk", fault: str | None = None, timescale: bool = False) -> None:
        """`fault` is one of `planted.FAULTS`, None for the product as it is."""
        self._folder = folder
        self._reader = reader
        self._fault = fault
        place = folder / "database"
        self.database = TimescaleServer(prepare_root(CACHE), place) if timescale else EmbeddedServer(place)
        self.broker = EmbeddedBroker(folder / "broker", accounts=WATCHER)
        self.ingest: subprocess.Popen[bytes] | None = None
        self._log = folder / "ingest.log"
        self._ingest_port = 0
        #: exit codes of ingest processes that ended by themselves
        self.unexpected: list[int] = []

    def __enter__(self) -> Self:
        """Start database and broker; ingest is started by `start_ingest`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.database.start()
        migrate(self.database.url())
        self.broker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop all of it."""
        if self.ingest is not None and self.ingest.poll() is None:
            self.ingest.kill()
            self.ingest.wait()
        self.broker.stop()
        self.database.remove()

    def admit(self, devices: Sequence[Device]) -> list[tuple[Device, str]]:
        """Let devices into the broker; return them with their secrets."""
        secrets = {device.name: new_secret() for device in devices}
        self.broker.credentials.add_many(secrets)
        return [(device, secrets[device.name]) for device in devices]

    def start_ingest(self, through_port: int) -> None:
        """Start ingest, connected to the broker through a wire on this port."""
        self._ingest_port = through_port
        parts = urlsplit(self.broker.url("ingest"))
        module = ["tests.stories.ledger.planted", self._fault] if self._fault else ["api", "ingest"]
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "WARDLIGHT_DATABASE_URL": self.database.url(),
            "WARDLIGHT_MQTT_URL": f"mqtt://{parts.username}:{parts.password}@127.0.0.1:{through_port}",
            "WARDLIGHT_MQTT_READER": self._reader,
        }
        with self._log.open("ab") as log:
            self.ingest = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent(),  # noqa: PLW1509 — one call that allocates nothing
            )

    def await_subscribed(self, patience: float = 30.0) -> None:
        """Wait until ingest has a session at the broker: what nobody subscribed to is kept by nobody."""
        until = time.monotonic() + patience
        with psycopg.connect(self.database.url(), autocommit=True) as connection:
            while not connection.execute("SELECT 1 FROM heartbeat WHERE (detail->>'subscribed')::boolean").fetchone():
                if time.monotonic() > until:
                    raise TimeoutError(f"ingest did not subscribe: {self.last_words()}")
                time.sleep(0.1)

    def kill_ingest(self) -> None:
        """End ingest as a crash would."""
        assert self.ingest is not None
        self.ingest.kill()
        self.ingest.wait()

    def stop_ingest(self) -> int:
        """End ingest in order; return its exit code."""
        assert self.ingest is not None
        self.ingest.send_signal(signal.SIGTERM)
        try:
            return self.ingest.wait(30)
        except subprocess.TimeoutExpired:
            self.ingest.kill()
            self.ingest.wait()
            return -9

    def mind_ingest(self) -> None:
        """Start ingest again if it ended by itself, as a supervisor would, and remember that."""
        if self.ingest is not None and (code := self.ingest.poll()) is not None:
            if code != NOT_READY:
                self.unexpected.append(code)
            self.start_ingest(self._ingest_port)

    def last_words(self, lines: int = 20) -> str:
        """Return the end of ingest's log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:]) if self._log.exists() else ""


def _die_with_parent() -> Callable[[], None] | None:
    """Return what has Linux end ingest together with the run, however that ends."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
