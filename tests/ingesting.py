"""A worker in this process between a real broker and a real database, and a client that may publish under any name."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import msgspec
import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from alerts.rules import load_rules
from ingest.broker import EmbeddedBroker
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

    def __init__(self, database_url: str, broker: EmbeddedBroker, reader: str = "bulk") -> None:
        self._stop = threading.Event()
        self.code: int | None = None
        settings = WorkerSettings(database_url, broker.url("ingest"), "", reader)
        self._thread = threading.Thread(target=self._run, args=(settings,), name="worker")
        self._database_url = database_url

    def __enter__(self) -> Self:
        self._thread.start()
        with psycopg.connect(self._database_url, autocommit=True) as connection:
            until(lambda: is_subscribed(connection), 15)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive(), "the worker does not stop"

    def is_alive(self) -> bool:
        """Whether it still works."""
        return self._thread.is_alive()

    def _run(self, settings: WorkerSettings) -> None:
        self.code = run(settings, load_rules(None), self._stop)


def is_subscribed(connection: psycopg.Connection[Any]) -> bool:
    """Whether the latest heartbeat says that ingest hears the broker."""
    row = connection.execute("SELECT (detail->>'subscribed')::boolean FROM heartbeat WHERE process = 'ingest'").fetchone()
    return row is not None and bool(row[0])


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
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


def numbers(start: int = 1) -> Iterator[int]:
    """Yield sequence numbers."""
    while True:
        yield start
        start += 1
