"""The worker between a real broker and a real database, on both readers: what it acknowledges when, and what it survives."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingest.broker import EmbeddedBroker
from ingest.inbox import Inbox
from tests.ingesting import Client, Worker, add_device, add_patient, broker_in, good, is_subscribed, until
from tests.link import PUBACK, frame
from tests.relay import Wire, running_wire

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.parametrize("reader", ["bulk", "callbacks"])


class Acknowledged:
    """What ingest acknowledged to the broker, by connection, and how much was committed at that moment."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._rest: dict[int, bytes] = {}
        self.mids: dict[int, list[int]] = {}
        #: (acknowledged so far on this connection, rows that were committed then)
        self.moments: list[tuple[int, int]] = []

    def watch(self, connection: int, data: bytes) -> None:
        """Read what ingest sends, while it is held back from the broker."""
        stream, position = self._rest.get(connection, b"") + data, 0
        while (found := frame(stream, position)) is not None:
            first, body, position = found
            if first & 0xF0 == PUBACK:
                self.mids.setdefault(connection, []).append(int.from_bytes(body[:2]))
        self._rest[connection] = stream[position:]
        if self.mids.get(connection):
            with psycopg.connect(self._database_url) as database:
                self.moments.append((len(self.mids[connection]), count(database)))

    def total(self) -> int:
        """Return how many were acknowledged over all connections."""
        return sum(map(len, self.mids.values()))


def count(connection: psycopg.Connection[Any]) -> int:
    """Return how many measurements are committed."""
    (rows,) = connection.execute("SELECT count(*) FROM measurement").fetchone() or (0,)
    return int(rows)


@pytest.fixture
def broker(mosquitto: None, tmp_path: Path) -> Iterator[EmbeddedBroker]:
    with broker_in(tmp_path / "broker") as started:
        yield started


@pytest.fixture
def database(plain_database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(plain_database_url, autocommit=True) as connection:
        add_device(connection, "d1", add_patient(connection))
        yield connection


@contextmanager
def held(database_url: str) -> Iterator[None]:
    """Hold every commit of measurements back while it lasts."""
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE measurement IN SHARE MODE")
        yield


def send(client: Client, *seqs: int) -> None:
    for seq in seqs:
        client.publish("wardlight/v1/d1/readings", good(60 + seq % 40, boot="b", seq=seq))


def stored(database: psycopg.Connection[Any]) -> list[int]:
    return [seq for (seq,) in database.execute("SELECT seq FROM measurement WHERE boot <> 0 ORDER BY seq")]


def test_i1_nothing_is_acknowledged_before_its_commit(
    broker: EmbeddedBroker, database: psycopg.Connection[Any], plain_database_url: str, reader: str
) -> None:
    told = Acknowledged(plain_database_url)
    with (
        running_wire(broker.port, told.watch) as wire,
        Worker(plain_database_url, broker, reader, wire.port),
        Client(broker, "anyone") as client,
        Client(broker, "watcher") as watcher,
    ):
        watcher.subscribe("wardlight/v1/d1/ack")
        with held(plain_database_url):
            send(client, *range(1, 21))
            time.sleep(0.6)
            assert told.total() == 0 and watcher.heard == []
        until(lambda: told.total() == 20)
        for seq in range(21, 201):
            send(client, seq)
        until(lambda: told.total() == 200)
        assert all(committed >= acknowledged for acknowledged, committed in told.moments), "each was committed first"
        (mids,) = told.mids.values()
        assert mids == sorted(mids), "in their order of arrival"
        until(lambda: watcher.last("wardlight/v1/d1/ack") == {"boot": "b", "seq": 200})


def test_an_acknowledgement_of_an_older_connection_is_dropped(
    broker: EmbeddedBroker, database: psycopg.Connection[Any], plain_database_url: str, reader: str
) -> None:
    """Packet identifiers are reused: a late one could acknowledge a message that nobody has committed."""
    told = Acknowledged(plain_database_url)
    with (
        running_wire(broker.port, told.watch) as wire,
        Worker(plain_database_url, broker, reader, wire.port),
        Client(broker, "anyone") as client,
    ):
        with held(plain_database_url):
            send(client, 1, 2, 3)
            time.sleep(0.4)  # they are in a batch that cannot commit
            reconnect(wire, database)
            send(client, 4, 5)
            time.sleep(0.4)
        until(lambda: stored(database) == [1, 2, 3, 4, 5])
        until(lambda: told.total() >= 5)
        time.sleep(0.5)
        assert {number: len(mids) for number, mids in told.mids.items()} == {2: 5}
        assert Counter(told.mids[2]).most_common(1)[0][1] == 1
    duplicates = database.execute("SELECT readings_stored, readings_duplicate FROM device_state").fetchone()
    assert duplicates == (5, 3)
    assert database.execute("SELECT judged FROM patient_state").fetchone() == (5,)


def reconnect(wire: Wire, database: psycopg.Connection[Any]) -> None:
    """Cut ingest off for a moment; the worker itself may be stuck in a batch and unable to say anything."""
    wire.cut()
    time.sleep(0.2)
    wire.mend()
    time.sleep(2.0)


def test_the_broker_may_restart(
    broker: EmbeddedBroker, database: psycopg.Connection[Any], plain_database_url: str, reader: str
) -> None:
    with Worker(plain_database_url, broker, reader) as worker:
        for start in (1, 11, 21):
            with Client(broker, "anyone") as client:
                send(client, *range(start, start + 10))
            broker.restart()
        until(lambda: stored(database) == list(range(1, 31)), 20)
        assert worker.is_alive()


def test_what_comes_while_nobody_works_is_kept_by_the_broker(
    broker: EmbeddedBroker, database: psycopg.Connection[Any], plain_database_url: str, reader: str
) -> None:
    with Worker(plain_database_url, broker, reader):
        pass
    with Client(broker, "anyone") as client:
        # nobody acknowledges this one: what follows it does, so it has arrived before the broker is restarted
        client.publish("home/g/BTtoMQTT/AABBCCDDEEFF", {"id": "AA:BB:CC:DD:EE:FF", "bpm": 71}, qos=0)
        send(client, *range(1, 51))
    broker.restart()
    with Worker(plain_database_url, broker, reader):
        until(lambda: stored(database) == list(range(1, 51)))
        until(lambda: database.execute("SELECT reason FROM quarantine").fetchall() == [("unknown_device",)])


def test_a_lost_session_asks_devices_to_send_again(
    broker: EmbeddedBroker, database: psycopg.Connection[Any], plain_database_url: str, tmp_path: Path, reader: str
) -> None:
    last = 2**63 - 1
    add_device(database, "d2")
    with running_wire(broker.port) as wire, Worker(plain_database_url, broker, reader, wire.port) as worker:
        with Client(broker, "anyone") as client:
            send(client, 1, 2)
            client.publish("wardlight/v1/d2/readings", good(boot="x", seq=last, first=last))
            until(lambda: count(database) == 3)
        wire.cut()
        broker.stop()
        (tmp_path / "broker" / "mosquitto.db").unlink()
        broker.start()
        with Client(broker, "watcher") as watcher:
            watcher.subscribe("wardlight/v1/+/command")
            wire.mend()
            asked = {"command": "resend", "boot": "b", "from_seq": 3}
            until(lambda: watcher.last("wardlight/v1/d1/command") == asked, 20)
            until(lambda: watcher.last("wardlight/v1/d2/command") == {"command": "resend", "boot": "x", "from_seq": last})
        until(lambda: database.execute("SELECT detail->'sessions_lost' FROM heartbeat").fetchone() == (1,))
        assert worker.is_alive()


def test_a_state_says_how_a_device_is(
    broker: EmbeddedBroker, database: psycopg.Connection[Any], plain_database_url: str, reader: str
) -> None:
    def state() -> tuple[Any, ...] | None:
        return database.execute("SELECT online, online_boot, battery, clock_offset IS NULL FROM device_state").fetchone()

    topic = "wardlight/v1/d1/state"
    with Client(broker, "anyone") as client:
        # kept from before we came: its clock is that of another time
        client.publish(topic, {"state": "online", "boot": "b1", "clock": "2026-01-01T00:00:00Z", "battery": 81}, retain=True)
        with Worker(plain_database_url, broker, reader):
            until(lambda: state() == (True, "b1", 81, True))
            client.publish(topic, {"state": "online", "boot": "b2", "first": 1, "clock": "2026-01-01T00:00:00Z"}, retain=True)
            until(lambda: state() == (True, "b2", 81, False))
            # the will of the connection before comes late
            client.publish(topic, {"state": "offline", "boot": "b1"}, retain=True)
            send(client, 1)
            until(lambda: stored(database) == [1])
            assert state() == (True, "b2", 81, False)
            client.publish(topic, {"state": "offline", "boot": "b2"}, retain=True)
            until(lambda: state() == (False, "b2", 81, False))


def test_a_will_is_no_sign_of_life(
    broker: EmbeddedBroker, database: psycopg.Connection[Any], plain_database_url: str, reader: str
) -> None:
    def silent() -> tuple[Any, ...] | None:
        return database.execute("SELECT silent, online FROM device_state").fetchone()

    with Worker(plain_database_url, broker, reader), Client(broker, "anyone") as client:
        client.publish("wardlight/v1/d1/state", {"state": "online", "boot": "b"})
        until(lambda: silent() == (False, True))
        database.execute("UPDATE device_state SET silent = true")
        client.publish("wardlight/v1/d1/state", {"state": "offline", "boot": "b"})
        until(lambda: silent() == (True, False))
        client.publish("wardlight/v1/d1/readings", b"garbage")
        send(client, 1)
        until(lambda: silent() == (False, False))


def test_a_device_gives_up_by_advancing_first(
    broker: EmbeddedBroker, database: psycopg.Connection[Any], plain_database_url: str, reader: str
) -> None:
    with Worker(plain_database_url, broker, reader), Client(broker, "anyone") as client, Client(broker, "watcher") as watcher:
        watcher.subscribe("wardlight/v1/d1/+")
        send(client, 1, 5)
        until(lambda: watcher.last("wardlight/v1/d1/ack") == {"boot": "b", "seq": 1})
        until(lambda: watcher.last("wardlight/v1/d1/command") == {"command": "resend", "boot": "b", "from_seq": 2})
        client.publish("wardlight/v1/d1/state", {"state": "online", "boot": "b", "first": 4}, retain=True)
        until(lambda: watcher.last("wardlight/v1/d1/ack") == {"boot": "b", "seq": 3})
        send(client, 4)
        until(lambda: watcher.last("wardlight/v1/d1/ack") == {"boot": "b", "seq": 5})
        assert database.execute("SELECT boot, from_seq, to_seq FROM device_gap").fetchall() == [("b", 2, 3)]
        send(client, 3)  # after all
        until(lambda: stored(database) == [1, 3, 4, 5])
        assert database.execute("SELECT boot, from_seq, to_seq FROM device_gap").fetchall() == [("b", 2, 2)]


def test_an_acknowledgement_is_said_again_when_a_message_comes_again(
    broker: EmbeddedBroker, database: psycopg.Connection[Any], plain_database_url: str, reader: str
) -> None:
    with Worker(plain_database_url, broker, reader), Client(broker, "anyone") as client, Client(broker, "watcher") as watcher:
        watcher.subscribe("wardlight/v1/d1/ack")
        for times in (1, 2):
            send(client, 1)
            until(lambda: len(watcher.heard) == times)  # noqa: B023 — called at once


def test_what_the_broker_sends_once_survives_the_loss_of_the_database(
    broker: EmbeddedBroker, database: psycopg.Connection[Any], plain_database_url: str, reader: str
) -> None:
    """QoS 0 is never sent again: what was received and not committed is kept until the database is back."""
    add_device(database, "theengs-5ccad34cee74")
    weight = {"id": "5C:CA:D3:4C:EE:74", "weighing_mode": "person", "unit": "kg"}
    with Worker(plain_database_url, broker, reader) as worker, Client(broker, "anyone") as client:
        with held(plain_database_url):
            client.publish("home/g/BTtoMQTT/5CCAD34CEE74", weight | {"weight": 61.5}, qos=0)
            send(client, 1)
            time.sleep(0.4)
            client.publish("home/g/BTtoMQTT/5CCAD34CEE74", weight | {"weight": 71.5}, qos=0)
            send(client, 2)
            time.sleep(0.2)
            database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'wardlight'"
            )
        until(lambda: stored(database) == [1, 2], 20)
        weights = "SELECT body_weight FROM measurement WHERE body_weight IS NOT NULL ORDER BY 1"
        until(lambda: database.execute(weights).fetchall() == [(61.5,), (71.5,)])
        assert worker.is_alive()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_network_thread_ends_the_process_with_an_error(
    broker: EmbeddedBroker,
    database: psycopg.Connection[Any],
    plain_database_url: str,
    reader: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(self: Inbox, messages: object) -> None:
        raise MemoryError

    with Worker(plain_database_url, broker, reader) as worker, Client(broker, "anyone") as client:
        monkeypatch.setattr(Inbox, "put", fail)
        send(client, 1)
        until(lambda: worker.code == 1)
        monkeypatch.undo()
    with Worker(plain_database_url, broker, reader):
        until(lambda: stored(database) == [1])


def test_one_works_and_the_next_stands_by(
    broker: EmbeddedBroker, database: psycopg.Connection[Any], plain_database_url: str, reader: str
) -> None:
    with Client(broker, "anyone") as client, killable(broker, plain_database_url, reader) as first:
        until(lambda: is_subscribed(database), 20)
        second = Worker(plain_database_url, broker, reader)
        second.start()
        try:
            send(client, *range(1, 6))
            until(lambda: stored(database) == [1, 2, 3, 4, 5])
            time.sleep(1.5)
            turns = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            assert database.execute(turns).fetchone() == (1,) and second.is_alive()
            first.send_signal(signal.SIGKILL)
            first.wait()
            send(client, *range(6, 11))
            until(lambda: stored(database) == list(range(1, 11)), 15)
        finally:
            second.stop()
        assert second.code == 0


@contextmanager
def killable(broker: EmbeddedBroker, database_url: str, reader: str) -> Iterator[subprocess.Popen[bytes]]:
    """Give a worker in a process of its own."""
    told = {"WARDLIGHT_DATABASE_URL": database_url, "WARDLIGHT_MQTT_URL": broker.url("ingest"), "WARDLIGHT_MQTT_READER": reader}
    process = subprocess.Popen(
        [sys.executable, "-m", "api", "ingest"],
        cwd=ROOT,
        env={**os.environ, **told, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
