"""`wardlight up` as somebody meets it who starts it, looks, kills parts of it, and stops it."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class House:
    """A running `wardlight up` over one data folder."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port: int = found.getsockname()[1]
        self.folder = folder
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WARDLIGHT_")}
        self.environment = environment | {"WARDLIGHT_DATA_DIR": str(folder), "WARDLIGHT_HTTP_PORT": str(self.port)}
        self.said: list[str] = []
        self.process = subprocess.Popen(
            self.command("up", *arguments), cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "api", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = self.command(*arguments)
        return subprocess.run(command, check=False, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60)

    def await_word(self, word: str, seconds: float = 60.0) -> str:
        until(lambda: any(word in line for line in self.said) or self.process.poll() is not None, seconds, self.said)
        return next(line for line in self.said if word in line)

    def note(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.folder / "up.json").read_text())
        return found

    def answer(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def processes(self) -> dict[int, str]:
        """Return every living process that belongs to this folder, by its command line."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
                    own = (entry / "environ").read_bytes().decode(errors="replace")
                    cwd = str((entry / "cwd").resolve())
                except (FileNotFoundError, ProcessLookupError, PermissionError):
                    continue
                if str(self.folder) in words or f"WARDLIGHT_DATA_DIR={self.folder}" in own or cwd.startswith(str(self.folder)):
                    found[int(entry.name)] = words
        return found

    def pid_of(self, word: str) -> int:
        return next(pid for pid, words in self.processes().items() if words.rstrip().endswith(word))

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))


def until(true: Callable[[], bool], seconds: float, tell: object = "") -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"it did not happen in time: {tell}"
        time.sleep(0.05)


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
    environment = os.environ | {"WARDLIGHT_DATA_DIR": str(tmp_path), "WARDLIGHT_DATABASE_URL": "postgresql://me:pw@127.0.0.1:1/x"}
    command = [sys.executable, "-m", "api", "up"]
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert "WARDLIGHT_DATABASE_URL" in done.stderr
    assert "pw" not in done.stderr
