"""A worker in this process between a real broker and a real database, and a client that may publish under any name.

The fixture `street` is all of it with two devices, on both editions and both readers.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import msgspec
import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from alerts.rules import load_rules
from ingest.broker import EmbeddedBroker
from ingest.queries import count_quarantined
from ingest.worker import WorkerSettings, run

#: accounts beside the product's: one that stands for every device and gateway, one that looks on
ACCOUNTS: Final = {"anyone": ("topic write #",), "watcher": ("topic read #",)}


def broker_in(folder: Path, **named: Any) -> EmbeddedBroker:
    """Return a broker with these accounts, not started yet."""
    return EmbeddedBroker(folder, accounts=ACCOUNTS, **named)


class Client:
    """A connection under one of the accounts; what it hears is kept."""

    def __init__(self, broker: EmbeddedBroker, account: str) -> None:
        parts = urlsplit(broker.url(account))
        self.heard: list[tuple[str, bytes]] = []
        self._paho = mqtt.Client(CallbackAPIVersion.VERSION2, account, clean_session=True)
        self._paho.username_pw_set(parts.username, parts.password)
        self._paho.on_message = lambda client, data, message: self.heard.append((message.topic, message.payload))
        self._paho.connect("127.0.0.1", broker.port)
        self._paho.loop_start()
        until(self._paho.is_connected)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._paho.disconnect()
        self._paho.loop_stop()

    def publish(self, topic: str, payload: Any, *, qos: int = 1, retain: bool = False) -> None:
        """Send bytes as they are, anything else as JSON, and wait until the broker has it."""
        body = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
        self._paho.publish(topic, body, qos, retain).wait_for_publish(10)

    def subscribe(self, topic: str) -> None:
        """Hear a topic from now on, and what the broker retains of it."""
        granted = threading.Event()
        self._paho.on_subscribe = lambda *given: granted.set()
        self._paho.subscribe(topic, 1)
        assert granted.wait(5)

    def last(self, topic: str) -> Any:
        """Return the latest message on a topic, None where there is none."""
        said = [payload for heard, payload in self.heard if heard == topic]
        return msgspec.json.decode(said[-1]) if said else None


class Worker:
    """The product's worker in a thread."""

    def __init__(self, database_url: str, broker: EmbeddedBroker, reader: str = "bulk", port: int | None = None) -> None:
        """`port` is that of a wire to the broker, None for the broker's own."""
        self._stop = threading.Event()
        #: exit code, once it ended
        self.code: int | None = None
        #: what it raised instead
        self.failure: Exception | None = None
        parts = urlsplit(broker.url("ingest"))
        url = f"mqtt://{parts.username}:{parts.password}@127.0.0.1:{port or broker.port}"
        settings = WorkerSettings(database_url, url, "", reader)
        self._thread = threading.Thread(target=self._run, args=(settings,), name="worker")
        self._database_url = database_url

    def __enter__(self) -> Self:
        """Start it and wait until it hears the broker."""
        self.start()
        with psycopg.connect(self._database_url, autocommit=True) as connection:
            until(lambda: is_subscribed(connection), 15)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait for nothing."""
        self._thread.start()

    def stop(self) -> None:
        """Stop it in order and wait for its end."""
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive(), "the worker does not stop"

    def is_alive(self) -> bool:
        """Whether it still works."""
        return self._thread.is_alive()

    def _run(self, settings: WorkerSettings) -> None:
        try:
            self.code = run(settings, load_rules(None), self._stop)
        except Exception as failure:  # noqa: BLE001 — the test asks what it was
            self.failure = failure


def is_subscribed(connection: psycopg.Connection[Any]) -> bool:
    """Whether the latest heartbeat says that ingest hears the broker."""
    row = connection.execute(
        "SELECT (detail->>'subscribed')::boolean FROM heartbeat WHERE process = 'ingest' AND NOT detail ? 'standing_by'"
        " ORDER BY at DESC LIMIT 1"
    ).fetchone()
    return row is not None and bool(row[0])


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def add_device(connection: psycopg.Connection[Any], name: str, patient_id: int | None = None) -> int:
    """Add a device, assigned to a patient since long ago where one is given; return its id."""
    row = connection.execute("INSERT INTO device (public_id, kind) VALUES (%s, 'monitor') RETURNING id", (name,)).fetchone()
    assert row is not None
    if patient_id is not None:
        assign(connection, row[0], patient_id)
    return int(row[0])


def assign(connection: psycopg.Connection[Any], device_id: int, patient_id: int) -> None:
    """Give a device to a patient since long ago."""
    connection.execute(
        "INSERT INTO assignment (device_id, patient_id, during) VALUES (%s, %s, tstzrange('2015-01-01', NULL))",
        (device_id, patient_id),
    )


def add_patient(connection: psycopg.Connection[Any], record_number: str = "P1") -> int:
    """Add a patient and return the id."""
    row = connection.execute(
        "INSERT INTO patient (record_number, name) VALUES (%s, 'Test Person') RETURNING id", (record_number,)
    ).fetchone()
    assert row is not None
    return int(row[0])


#: each edition and each reader; neither can matter to the other
EDITIONS: Final = [("plain_cluster", "bulk"), ("timescale_cluster", "callbacks")]


@dataclass(frozen=True)
class Street:
    """What a test of this file works on: a device `d1` of a patient, `d2` of nobody, a worker between broker and database."""

    connection: psycopg.Connection[Any]
    broker: EmbeddedBroker
    client: Client
    worker: Worker
    database_url: str
    reader: str

    def again(self) -> Worker:
        """Return another worker for the same street."""
        return Worker(self.database_url, self.broker, self.reader)

    def send(self, device: str, payload: Any, **named: Any) -> None:
        self.client.publish(f"wardlight/v1/{device}/readings", payload, **named)

    def settle(self) -> None:
        """Wait until everything published so far has been taken: what comes last is stored last."""
        marker = int(time.time_ns() % 1_000_000_000)
        self.send("marker", {"boot": "m", "seq": marker, **good(value=marker % 100 + 50)})
        boots = "SELECT 1 FROM measurement JOIN device ON device.id = device_id WHERE public_id = 'marker' AND seq = %s"
        until(lambda: self.connection.execute(boots, (marker,)).fetchone() is not None)
        assert self.worker.is_alive()

    def stored(self, device: str = "d1") -> list[dict[str, Any]]:
        """Return what is stored of a device, absent values left out."""
        with self.connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            rows = cursor.execute(
                "SELECT measurement.* FROM measurement JOIN device ON device.id = device_id WHERE public_id = %s ORDER BY seq",
                (device,),
            ).fetchall()
        return [{name: value for name, value in row.items() if value is not None} for row in rows]

    def refused(self) -> dict[str, tuple[int, int, int]]:
        """Return rows, times and readings in quarantine by reason."""
        return count_quarantined(self.connection)

    def counts(self, device: str = "d1") -> tuple[int, int, int, int]:
        """Return readings stored, suspect, duplicate and quarantined of a device."""
        row = self.connection.execute(
            "SELECT readings_stored, readings_suspect, readings_duplicate, readings_quarantined FROM device_state"
            " JOIN device ON device.id = device_id WHERE public_id = %s",
            (device,),
        ).fetchone()
        return (0, 0, 0, 0) if row is None else row


@pytest.fixture(params=EDITIONS, ids=lambda param: "-".join(param).replace("_cluster", ""))
def street(request: pytest.FixtureRequest, mosquitto: None, tmp_path: Path) -> Iterator[Street]:
    edition, reader = request.param
    with (
        request.getfixturevalue(edition).fresh_database() as url,
        broker_in(tmp_path / "broker") as broker,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        add_device(connection, "d1", add_patient(connection))
        add_device(connection, "d2")
        add_device(connection, "marker")
        with Worker(url, broker, reader) as worker, Client(broker, "anyone") as client:
            yield Street(connection, broker, client, worker, url, reader)
        assert worker.code == 0 or worker.failure is not None


def good(value: float = 72, **more: Any) -> dict[str, Any]:
    """Return a measurement with one good value."""
    return {"values": {"heart_rate": {"value": value, "unit": "/min"}}, **more}
