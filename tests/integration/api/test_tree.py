"""The tree of processes, with small real processes as its parts."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.tree import PartFailed, Process, Tree

SLEEP = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: exit(0)); print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
BROKEN = "raise SystemExit('no such thing')"


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


class Stage:
    """A tree under test: what it said, and the process ids of each part."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.pids: dict[str, list[int]] = {}
        self.stop = threading.Event()
        self.tree = Tree(self.said.append, self.stop)
        self.watcher = threading.Thread(target=self.tree.watch)

    def part(self, name: str, code: str, ready: Callable[[], bool] | None = None) -> Process:
        log = self.folder / f"{name}.log"
        known = self.pids.setdefault(name, [])
        says_up = lambda: log.exists() and log.read_text().count("up") >= len(known)  # noqa: E731
        return Process(name, [sys.executable, "-c", code], os.environ, log, ready or says_up, known.append)

    def end(self) -> None:
        self.stop.set()
        if self.watcher.is_alive():
            self.watcher.join()
        self.tree.kill()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.end()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_parts_start_when_the_ones_before_are_ready_and_stop_in_reverse(stage: Stage) -> None:
    order: list[str] = []
    for name in ("first", "second", "third"):
        stage.tree.start(stage.part(name, SLEEP))
        order.append(name)
        assert all(is_alive(stage.pids[one][0]) for one in order)
    stage.tree.stop()
    assert not any(is_alive(pids[0]) for pids in stage.pids.values())


def test_a_part_that_dies_is_started_again_and_said(stage: Stage) -> None:
    stage.tree.start(stage.part("steady", SLEEP))
    stage.tree.start(stage.part("fragile", SLEEP))
    stage.watcher.start()
    os.kill(stage.pids["fragile"][0], signal.SIGKILL)
    until(lambda: len(stage.pids["fragile"]) == 2)
    until(lambda: "fragile runs again" in stage.said)
    assert any("fragile ended (exit code -9; up" in line for line in stage.said)
    assert len(stage.pids["steady"]) == 1


def test_a_part_that_keeps_dying_is_started_less_and_less_often(stage: Stage) -> None:
    stage.tree.start(stage.part("broken", "import time; print('up', flush=True); time.sleep(0.3); exit(7)"))
    stage.watcher.start()
    until(lambda: sum("ended" in line for line in stage.said) == 3)
    assert [line.rpartition(" in ")[2] for line in stage.said if "ended" in line] == ["0.5 s", "1 s", "2 s"]


def test_a_part_that_ends_while_it_starts_is_an_error_with_its_last_words(stage: Stage) -> None:
    with pytest.raises(PartFailed, match="broken ended while it started: exit code 1; no such thing"):
        stage.tree.start(stage.part("broken", BROKEN, ready=lambda: False))


def test_a_part_that_never_gets_ready_is_an_error(stage: Stage) -> None:
    with pytest.raises(PartFailed, match="slow is not ready after 0 s"):
        stage.tree.start(stage.part("slow", SLEEP, ready=lambda: False), within=0.3)


def test_a_stubborn_part_is_ended_by_force(stage: Stage) -> None:
    stage.tree.start(stage.part("stubborn", STUBBORN))
    began = time.monotonic()
    stage.tree.stop()
    assert time.monotonic() - began < 6
    assert not is_alive(stage.pids["stubborn"][0])


def test_being_told_to_stop_ends_the_wait_for_a_part(stage: Stage) -> None:
    threading.Timer(0.3, stage.stop.set).start()
    stage.tree.start(stage.part("slow", SLEEP, ready=lambda: False), within=60)
    stage.tree.stop()
    assert not is_alive(stage.pids["slow"][0])
