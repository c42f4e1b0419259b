"""The watchdog over a real house: each component killed and stopped in turn, and the outside told of each in time (I12).

`make test` strikes a few of them at six times the pace of life, `make prove` all of them at the pace of life, in an order of
chance whose seed is printed.
"""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from database.pool import connect
from tests.stories.house import House, until
from tests.stories.watchdog.blows import ALL, KILL, LIMIT, RAISES_AFTER, STOP, Blow, settings_for, strike
from tests.stories.watchdog.outside import Outside

pytestmark = [
    pytest.mark.usefixtures("mosquitto"),
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes by /proc"),
]

SOME = (Blow(KILL, "ingest"), Blow(STOP, "work"), Blow(STOP, "broker"), Blow(KILL, "database"), Blow(STOP, "watchdog"))


@contextmanager
def watched(folder: Path, pace: float) -> Iterator[tuple[House, Outside]]:
    """Give a house and the service outside that it calls."""
    with Outside(RAISES_AFTER / pace) as outside:
        house = House(folder / "var", settings=settings_for(outside, pace))
        try:
            house.await_word("Wardlight is up", 120)
            yield house, outside
        finally:
            house.end()


def ask(house: House, statement: str) -> list[tuple[Any, ...]]:
    with connect(house.note()["database_url"]) as conn:
        return conn.execute(statement.encode()).fetchall()


@pytest.mark.proof
def test_i12_every_component_that_dies_or_hangs_is_told_outside(tmp_path: Path) -> None:
    is_long = os.environ.get("PROVE") == "1"
    pace = 1.0 if is_long else 6.0
    seed = random.randrange(10_000)
    blows = list(ALL if is_long else SOME)
    random.Random(seed).shuffle(blows)
    print(f"\nwatchdog: {len(blows)} blows, {pace:g} times the pace of life, seed {seed}", flush=True)
    with watched(tmp_path, pace) as (house, outside):
        told = [strike(house, outside, blow, pace, lambda line: print(line, flush=True)) for blow in blows]
    assert [one.blow for one in told] == blows
    assert all(one.seconds <= LIMIT / pace for one in told)
    print(f"the slowest took {max(one.seconds for one in told):.1f} s of {LIMIT / pace:.0f}", flush=True)


def test_i12_a_test_reading_becomes_an_alert_that_nobody_sees_and_ends_by_itself(tmp_path: Path) -> None:
    with watched(tmp_path, 10.0) as (house, outside):
        resolved = "SELECT count(*) FROM alert JOIN patient p ON p.id = patient_id WHERE proves_path AND condition = 'resolved'"
        until(lambda: ask(house, resolved)[0][0] >= 1, 60, house.said)
        until(lambda: outside.success_since(0) is not None, 60, outside.calls)
        assert [call.text for call in outside.calls if not call.is_success] == []
        assert ask(house, "SELECT count(*) FROM fault") == [(0,)]
        # withheld with its reason, and on no ladder
        assert ask(house, "SELECT DISTINCT state, reason LIKE 'synthetic%' FROM outbox") == [("withheld", True)]
        assert ask(house, "SELECT count(*) FROM escalation") == [(0,)]
        assert ask(house, "SELECT judged > 0 FROM patient_state") == [(True,)]
        assert house.run("watchdog", "--once").returncode == 0
        assert house.answer("/api/v1/watch/alerts") == 401


def test_looking_once_finds_what_is_gone(tmp_path: Path) -> None:
    with watched(tmp_path, 10.0) as (house, outside):
        until(lambda: outside.success_since(0) is not None, 60, outside.calls)
        os.kill(house.pid_of("work"), signal.SIGSTOP)  # nothing starts it again, since it did not end
        try:
            until(lambda: outside.failure_since(0, "work:") is not None, 30, outside.calls)
            looked = house.run("watchdog", "--once")
        finally:
            os.kill(house.pid_of("work"), signal.SIGCONT)
        assert looked.returncode == 1
        assert "work: " in looked.stderr and "hangs" in looked.stderr
