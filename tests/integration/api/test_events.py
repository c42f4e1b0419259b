"""Server-sent events: prompt for many screens under load, bounded for slow ones, over when the session is."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, SimpleQueue

import httpx
import psycopg

from tests.house import House


class Stream:
    """One screen's open stream, read by a thread of its own."""

    def __init__(self, response: httpx.Response) -> None:
        self.pings: SimpleQueue[tuple[float, str, str]] = SimpleQueue()
        self.is_over = threading.Event()
        self._response = response
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        name = ""
        try:
            for line in self._response.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data:"):
                    self.pings.put((time.monotonic(), name, line.removeprefix("data:").strip()))
        except httpx.HTTPError:
            pass
        self.is_over.set()

    def next(self, name: str, timeout: float = 5) -> tuple[float, str]:
        """Return (when, data) of the next ping of this name."""
        deadline = time.monotonic() + timeout
        while True:
            at, found, data = self.pings.get(timeout=max(deadline - time.monotonic(), 0.001))
            if found == name:
                return at, data


@contextmanager
def _open(client: httpx.Client) -> Iterator[Stream]:
    with client.stream("GET", "/api/v1/events", timeout=None) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Stream(response)
        response.close()


def _notify(house: House, payload: str) -> float:
    with house.pool.connection() as conn:
        conn.execute("SELECT pg_notify('alert_changed', %s)", [payload])
    return time.monotonic()


def test_twenty_screens_hear_of_an_alert_within_a_quarter_second_under_load(house: House, coordinator: httpx.Client) -> None:
    over = threading.Event()
    staff, _ = house.add_staff()

    def ask() -> int:
        asked = 0
        with house.programme(staff) as programme:
            while not over.is_set():
                assert programme.get("/api/v1/patients").status_code == 200
                asked += 1
        return asked

    with ThreadPoolExecutor(30) as threads, ThreadPoolExecutor(20) as openers:
        contexts = [_open(coordinator) for _ in range(20)]
        streams = list(openers.map(lambda context: context.__enter__(), contexts))
        for stream in streams:
            stream.next("refresh")
        load = [threads.submit(ask) for _ in range(4)]
        time.sleep(0.3)
        delays = []
        for number in range(10):
            told = _notify(house, str(number))
            for stream in streams:
                at, data = stream.next("alerts")
                assert data == str(number)
                delays.append(at - told)
            time.sleep(0.05)
        over.set()
        assert sum(future.result() for future in load) > 20
        for context in contexts:
            context.__exit__(None, None, None)
    assert max(delays) < 0.25, f"slowest of {len(delays)}: {max(delays):.3f} s"


def test_values_are_pinged_at_most_once_a_second(house: House, coordinator: httpx.Client) -> None:
    with house.pool.connection() as conn:
        conn.execute("INSERT INTO device (public_id, kind) VALUES ('scale', 'scale')")
        conn.execute("INSERT INTO device_state (device_id) SELECT id FROM device")
    with _open(coordinator) as stream:
        stream.next("refresh")
        started = time.monotonic()
        while time.monotonic() - started < 3.5:
            with house.pool.connection() as conn:
                conn.execute("UPDATE device_state SET readings_stored = readings_stored + 1, last_received_at = now()")
            time.sleep(0.05)
        pings = []
        try:
            while True:
                pings.append(stream.pings.get_nowait())
        except Empty:
            pass
        assert {name for _, name, _ in pings} == {"values"}
        assert 1 <= len(pings) <= 4


def test_streams_end_with_their_session(house: House, coordinator: httpx.Client, administrator: httpx.Client) -> None:
    colleague, password = house.add_staff()
    with house.browser("sam@clinic.example", password) as client, _open(client) as stream, _open(coordinator) as other:
        stream.next("refresh")
        other.next("refresh")
        administrator.post(f"/api/v1/staff/{colleague.public_id}/disable")
        stream.next("signed_out", timeout=2)
        assert stream.is_over.wait(2)
        _notify(house, "7")
        assert other.next("alerts")[1] == "7" and not other.is_over.is_set()


def test_a_lost_listening_connection_means_refresh(house: House, coordinator: httpx.Client, plain_database_url: str) -> None:
    with _open(coordinator) as stream:
        stream.next("refresh")
        with psycopg.connect(plain_database_url, autocommit=True) as conn:
            killed = conn.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
            ).fetchone()
        assert killed is not None and killed[0] >= 1
        stream.next("refresh", timeout=5)
        _notify(house, "8")
        assert stream.next("alerts")[1] == "8"


def test_a_reading_that_needs_a_person_reaches_the_screen(coordinator: httpx.Client) -> None:
    body = {"record_number": "MRN-1", "name": "Ruth Adeyemi"}
    patient = coordinator.post("/api/v1/patients", json=body).json()["patient"]["public_id"]
    with _open(coordinator) as stream:
        stream.next("refresh")
        reading = {"values": {"spo2": {"value": 80, "unit": "%"}}}
        assert coordinator.post(f"/api/v1/patients/{patient}/readings", json=reading).status_code == 201
        at, keys = stream.next("alerts", timeout=2)
        assert at and keys.replace(",", "").isdigit() and "Ruth" not in keys
        [alert, *_] = coordinator.get("/api/v1/alerts").json()
        assert (alert["patient"], alert["alert"]["subject"]) == (patient, "spo2")
