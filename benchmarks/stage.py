"""The stage: real, durable servers of the run's own, 1,000 patients with a device each, and the ingest process."""

import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from psycopg import Connection

from benchmarks.corpus import BOOT, PATIENTS, PEER_PREFIX, PROGRAMMES, QUIET, device_name
from benchmarks.load import Publisher, connect_frame
from database.embedded import EmbeddedServer
from database.migrate import migrate
from database.pool import connect
from database.sql import load_sql
from devices.identity import boot_hash
from ingest.broker import EmbeddedBroker

SQL: Final = load_sql(__file__)

#: commits are durable; the time of each is kept, so that a commit is placed in time by the server itself
_SETTINGS: Final = {"fsync": "on", "synchronous_commit": "on", "track_commit_timestamp": "on"}
#: who only listens, for what the broker alone can do, and who publishes for all devices through one socket
_ACCOUNTS: Final = {"peer": ("topic read wardlight/v0/#",), "load": ("topic write wardlight/#",)}
#: what each account's session queues
_TOPICS: Final = {"peer": PEER_PREFIX + b"+/readings", "ingest": b"wardlight/v1/+/readings"}
#: the broker writes its queues to disk when it stops, not while something is timed
_AUTOSAVE_SECONDS: Final = 3_600
_PATIENCE: Final = 120.0


class BenchmarkFailed(Exception):
    """A run lost, repeated or never finished something, so its figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What the measurement table holds."""

    rows: int
    #: sum of sequence numbers
    seq_sum: int
    #: readings that came more than once
    duplicates: int
    #: things in quarantine
    quarantined: int
    #: seconds since 1970 of the last commit, 0 where there is none
    last_commit: float


class Stage:
    """Servers, and what the benchmarks do to them."""

    def __init__(self, server: EmbeddedServer, broker: EmbeddedBroker, folder: Path) -> None:
        self.server, self.broker, self.folder = server, broker, folder
        self.url = server.url("bench")
        self.owner: Connection[Any] = connect(self.url, role=None, autocommit=True)

    def seed(self) -> None:
        """Make the patients, their devices, and sessions at the broker that queue from now on."""
        names = [device_name(place) for place in range(PATIENTS + QUIET)]
        self.owner.execute(SQL["seed"], {"names": names, "programmes": list(PROGRAMMES)})
        self.owner.execute(SQL["settle"])
        self.queue_for("peer")
        self.queue_for("ingest")

    def queue_for(self, account: str) -> None:
        """Let the broker keep a session for an account, empty, which queues all readings while nobody is connected."""
        for is_clean in (True, False):
            with self._session(account, is_clean) as connection:
                if not is_clean:
                    topic = _TOPICS[account]
                    connection.sendall(bytes((0x82, len(topic) + 5, 0, 1, 0, len(topic))) + topic + b"\x01")
                    connection.recv(5)

    def publish(self, frames: list[bytes]) -> None:
        """Publish these and return when the broker has taken all of them."""
        with Publisher(self.broker.url("load")) as publisher:
            publisher.send(frames)

    def redelivered(self, account: str, listen: float = 0.3) -> bool:
        """Say whether the broker still has something to deliver to an account that took everything."""
        with self._session(account, is_clean=False) as connection:
            connection.settimeout(listen)
            try:
                return bool(connection.recv(1))
            except TimeoutError:
                return False

    @contextmanager
    def _session(self, account: str, is_clean: bool) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.broker.port), timeout=10) as connection:
            parts = urlsplit(self.broker.url(account))
            connection.sendall(connect_frame(parts.username or "", parts.password or "", is_clean=is_clean))
            answer = connection.recv(4)
            if len(answer) != 4 or answer[3]:
                raise BenchmarkFailed(f"the broker refused {account!r}")
            yield connection
            connection.sendall(b"\xe0\x00")

    def empty(self) -> None:
        """Empty the measurement table, so that every round begins with the same one, and let the disk come to rest."""
        self.owner.execute(SQL["empty"])
        self.owner.execute("CHECKPOINT")

    def committed(self) -> Committed:
        """Return what is stored, counted from the table itself."""
        row = self.owner.execute(SQL["committed"], {"boot": boot_hash(BOOT)}).fetchone()
        assert row is not None
        return Committed(*row)

    def await_rows(self, rows: int, patience: float = _PATIENCE) -> None:
        """Wait until the devices' tallies say that so many measurements have been stored since they were cleared."""
        deadline = time.monotonic() + patience
        while (found := self.tallied()) < rows:
            if time.monotonic() > deadline:
                raise BenchmarkFailed(f"{found:,} of {rows:,} measurements were stored within {patience:.0f} s")
            time.sleep(0.025)

    def tallied(self) -> int:
        """Return how many measurements the devices' sequences say were stored: cheap enough to ask often."""
        row = self.owner.execute(SQL["tallied"]).fetchone()
        assert row is not None
        return int(row[0])

    def check(self, sent: int, seq_sum: int) -> Committed:
        """Compare the table with what was sent; raise BenchmarkFailed where anything is missing, doubled or refused."""
        found = self.committed()
        if (found.rows, found.seq_sum, found.duplicates, found.quarantined) != (sent, seq_sum, 0, 0):
            raise BenchmarkFailed(f"sent {sent:,} measurements with sequence sum {seq_sum:,}, but found {found}")
        if self.redelivered("ingest"):
            raise BenchmarkFailed("the broker delivers again what was committed")
        return found


@contextmanager
def stage() -> Iterator[Stage]:
    """Start everything in a folder of the run's own, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="wardlight-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = EmbeddedServer(folder / "database", _SETTINGS)
        try:
            server.start()
            migrate(server.url("bench"))
            with EmbeddedBroker(folder / "mosquitto", autosave_seconds=_AUTOSAVE_SECONDS, accounts=_ACCOUNTS) as broker:
                ready = Stage(server, broker, folder)
                ready.seed()
                with ready.owner:
                    yield ready
        finally:
            server.remove()


def peer_command(stage: Stage, count: int) -> list[str]:
    """Return the command line of Mosquitto's own subscriber, reading so many messages to nowhere."""
    parts = urlsplit(stage.broker.url("peer"))
    account = ["-i", "peer", "-u", parts.username or "", "-P", parts.password or ""]
    where = ["-h", "127.0.0.1", "-p", str(parts.port), "-t", _TOPICS["peer"].decode()]
    return ["mosquitto_sub", *where, *account, "-c", "-q", "1", "-C", str(count)]
