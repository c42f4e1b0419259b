"""`wardlight work` as a process: woken by an announcement, shared by several, and it outlives its connections."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from database.pool import connect

ROOT = Path(__file__).parents[3]


class Worker:
    """A running `wardlight work`, and what it said."""

    def __init__(self, url: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WARDLIGHT_")}
        environment |= {"WARDLIGHT_DATABASE_URL": url, "WARDLIGHT_LOG_FORMAT": "json"}
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "api", "work"], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(15)
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.said.extend(self.process.stderr)


@pytest.fixture
def start(plain_database_url: str) -> Iterator[Callable[[], Worker]]:
    started: list[Worker] = []

    def begin() -> Worker:
        started.append(Worker(plain_database_url))
        return started[-1]

    yield begin
    for worker in started:
        if worker.process.poll() is None:
            worker.end()


def ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    with connect(url) as conn:
        return conn.execute(statement.encode()).fetchall()


def plan(url: str, count: int, due: str = "now()") -> None:
    with connect(url) as conn:
        conn.execute(
            "INSERT INTO outbox (channel, recipient, body, state, reason, due_at) SELECT 'console', 'operator', 'look ' || n, "
            f"'pending', 'a test', {due} FROM generate_series(1, {count}) AS n".encode()
        )
        conn.execute("SELECT pg_notify('alert_changed', '1')")


def until(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


HEARTBEAT = "SELECT 1 FROM heartbeat WHERE process = 'work' AND detail ? 'swept_at' AND detail->>'swept_at' IS NOT NULL"
PENDING = "SELECT count(*) FROM outbox WHERE state = 'pending'"


def test_a_notice_goes_out_at_once_and_a_later_one_when_it_is_due(start: Callable[[], Worker], plain_database_url: str) -> None:
    worker = start()
    until(lambda: bool(ask(plain_database_url, HEARTBEAT)), 30)
    plan(plain_database_url, 1)
    until(lambda: ask(plain_database_url, PENDING) == [(0,)], 4)
    plan(plain_database_url, 1, "now() + interval '2 seconds'")
    time.sleep(1)
    assert ask(plain_database_url, PENDING) == [(1,)]
    until(lambda: ask(plain_database_url, PENDING) == [(0,)], 4)
    assert worker.end() == 0
    assert sum("look 1" in line for line in worker.said) == 2


def test_several_share_the_work_and_none_is_sent_twice(start: Callable[[], Worker], plain_database_url: str) -> None:
    plan(plain_database_url, 300)
    workers = [start(), start()]
    until(lambda: ask(plain_database_url, PENDING) == [(0,)], 40)
    assert ask(plain_database_url, "SELECT max(attempts), count(*) FROM outbox WHERE state = 'delivered'") == [(1, 300)]
    assert [worker.end() for worker in workers] == [0, 0]
    assert sum("look" in line for worker in workers for line in worker.said) == 300


def test_lost_connections_are_replaced(start: Callable[[], Worker], plain_database_url: str) -> None:
    worker = start()
    until(lambda: bool(ask(plain_database_url, HEARTBEAT)), 30)
    with connect(plain_database_url, role=None, autocommit=True) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    time.sleep(0.5)
    plan(plain_database_url, 1)
    until(lambda: ask(plain_database_url, PENDING) == [(0,)], 15)
    assert worker.end() == 0
