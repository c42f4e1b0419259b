"""`wardlight up` as somebody meets it who starts it, looks, kills parts of it, and stops it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.stories.house import ROOT, House, until

Start = Callable[..., House]


@pytest.fixture
def start(mosquitto: None, tmp_path: Path) -> Iterator[Start]:
    """Give what starts a house over this test's data folder."""
    houses: list[House] = []

    def begin(*arguments: str) -> House:
        houses.append(House(tmp_path / "var", *arguments))
        return houses[-1]

    yield begin
    for house in houses:
        house.end()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="counts processes by /proc")
def test_it_starts_serves_and_stops_in_order_with_nothing_left(start: Start) -> None:
    house = start()
    assert f"http://127.0.0.1:{house.port}" in house.await_word("Wardlight is up")
    assert house.answer("/health/ready") == 200
    assert house.answer("/login") == 200
    assert "nobody can sign in yet" in house.await_word("wardlight user add")
    assert len(house.processes()) >= 6
    assert house.run("user", "add", "a@clinic.example", "--name", "A").returncode == 0, "commands find it by its folder"
    second = house.run("up")
    assert second.returncode == 0
    assert f"already running over {house.folder} at http://127.0.0.1:{house.port}" in second.stdout
    began = time.monotonic()
    house.process.send_signal(signal.SIGINT)
    assert house.process.wait(30) == 0
    assert time.monotonic() - began < 15
    assert house.processes() == {}
    assert not (house.folder / "up.json").exists()
    stopped = [line for line in house.said if "ended" in line]
    assert stopped == [], "nobody died on the way"


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="counts processes by /proc")
def test_nothing_outlives_it_when_it_is_killed_and_the_next_start_goes_on(start: Start) -> None:
    house = start()
    house.await_word("Wardlight is up")
    assert house.run("user", "add", "a@clinic.example", "--name", "A").returncode == 0
    house.process.kill()
    house.process.wait()
    again = start()
    again.await_word("Wardlight is up", 90)
    mine = {again.process.pid}
    assert not any("api up" in words for pid, words in house.processes().items() if pid not in mine)
    taken = again.run("user", "add", "a@clinic.example", "--name", "A")
    assert "already signs in" in taken.stderr, "what was committed is there"
    again.process.kill()
    again.process.wait()
    until(lambda: again.processes() == {}, 30, again.processes())


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes by /proc")
def test_whoever_dies_is_started_again_and_it_is_said(start: Start) -> None:
    house = start()
    house.await_word("Wardlight is up")
    for name in ("serve", "ingest", "work"):
        os.kill(house.pid_of(name), signal.SIGKILL)
        house.await_word(f"{name} ended (exit code -9", 10)
        house.await_word(f"{name} runs again", 20)
    os.kill(json.loads((house.folder / "mosquitto/broker.json").read_text())["pid"], signal.SIGKILL)
    house.await_word("broker runs again", 20)
    until(lambda: _ready(house), 30, house.said)


def _ready(house: House) -> bool:
    try:
        return house.answer("/health/ready") == 200
    except OSError:
        return False


def test_a_port_that_is_taken_is_said_and_another_one_used(start: Start, tmp_path: Path) -> None:
    house = start()
    with socket.create_server(("127.0.0.1", house.port)):
        moved = house.await_word("is taken; screens")
        address = house.await_word("Wardlight is up").rpartition(" ")[2]
    assert str(house.port) in moved
    assert str(house.port) not in address


def test_a_database_that_is_not_there_is_said_with_the_way_out(tmp_path: Path) -> None:
    environment = os.environ | {
        "WARDLIGHT_DATA_DIR": str(tmp_path),
        "WARDLIGHT_DATABASE_URL": "postgresql://me:pw@127.0.0.1:1/x",
    }
    command = [sys.executable, "-m", "api", "up"]
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert "WARDLIGHT_DATABASE_URL" in done.stderr
    assert "pw" not in done.stderr
