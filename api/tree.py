"""A tree of processes: started in turn as each becomes ready, watched, started again when they die, stopped in reverse.

Knows nothing of what the parts do. Never leaves one running: the parts stop with the process that holds the tree, however it
ends (`api/stopping.py`, `api/commands/keep.py`).
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

#: seconds before a part that died is started again, by how often it died in a row; staying up for STEADY forgets that
BACK_OFF: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
STEADY: Final = 60.0

#: seconds that a process has to end before it is killed
_PATIENCE = 4.0
_LOOK_EVERY = 0.1
_LONGEST_LOG = 10_000_000


class PartFailed(Exception):
    """A part did not become ready; the message quotes its last words."""


class Part(Protocol):
    """One member of the tree."""

    name: str

    def start(self) -> None:
        """Start it, without waiting."""

    def is_alive(self) -> bool:
        """Say whether it runs."""

    def is_ready(self) -> bool:
        """Say whether those that stand on it may start."""

    def last_words(self) -> str:
        """Return the end of what it said, for whoever must mend it."""

    def stop(self) -> None:
        """Stop it in order, or at last by force."""

    def kill(self) -> None:
        """End it now."""


class Process:
    """A part that is a child process of ours, writing to a log file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        ready: Callable[[], bool] = lambda: True,
        started: Callable[[int], None] = lambda _pid: None,
    ) -> None:
        """`ready` is asked until it says yes; `started` is told the process id of each start."""
        self.name = name
        self._command = list(command)
        self._environment = dict(environment)
        self._log = log
        self._ready = ready
        self._started = started
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it with a standard input that ends when we do."""
        if self._process is not None and self._process.stdin:
            self._process.stdin.close()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        mode = "wb" if self._log.exists() and self._log.stat().st_size > _LONGEST_LOG else "ab"
        with self._log.open(mode) as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for us alone, so that the order of stopping is ours
            )
        self._started(self._process.pid)

    def is_alive(self) -> bool:
        """Say whether it runs."""
        return self._process is not None and self._process.poll() is None

    def is_ready(self) -> bool:
        """Say whether those that stand on it may start."""
        return self._ready()

    def last_words(self) -> str:
        """Return its exit code and the last line of its log."""
        code = self._process.poll() if self._process else None
        lines = self._log.read_bytes()[-4000:].decode(errors="replace").strip().splitlines() if self._log.exists() else []
        return f"exit code {code}; {lines[-1] if lines else 'it said nothing'} (see {self._log})"

    def stop(self) -> None:
        """Ask it to end, and end it when it does not."""
        self._end(gently=True)

    def kill(self) -> None:
        """End it now."""
        self._end(gently=False)

    def _end(self, *, gently: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if gently and process.poll() is None:
            process.terminate()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
        else:
            process.kill()
        process.wait()
        if process.stdin:
            process.stdin.close()


def wardlight(*arguments: str) -> list[str]:
    """Return the command line of another process of ours; it needs `our_environment`."""
    return [sys.executable, "-P", "-m", "api", *arguments]


def our_environment() -> dict[str, str]:
    """Return an environment in which these very packages are found, whatever lies in the current folder."""
    ours = str(Path(__file__).parents[1])
    return dict(os.environ) | {"PYTHONPATH": os.pathsep.join(filter(None, (ours, os.environ.get("PYTHONPATH"))))}


class Tree:
    """The parts that run, in the order in which they were started."""

    def __init__(self, say: Callable[[str], None], stop: threading.Event) -> None:
        """`say` is told what a person should know; setting `stop` ends `start` and `watch` early."""
        self._say = say
        self._stop = stop
        self._parts: list[Part] = []
        self._deaths: dict[str, int] = {}
        self._alive_since: dict[str, float] = {}
        self._due: dict[str, float] = {}

    def start(self, *parts: Part, within: float = 60.0) -> None:
        """Start parts that do not stand on each other, and wait until all are ready; returns early when told to stop.

        Raises PartFailed when one ends first, or is not ready after `within` seconds.
        """
        for part in parts:
            self._parts.append(part)
            part.start()
            self._alive_since[part.name] = time.monotonic()
        deadline = time.monotonic() + within
        waiting = list(parts)
        while waiting and not self._stop.is_set():
            for part in list(waiting):
                if not part.is_alive():
                    raise PartFailed(f"{part.name} ended while it started: {part.last_words()}")
                if part.is_ready():
                    waiting.remove(part)
                    self._say(f"{part.name} ready")
                elif time.monotonic() > deadline:
                    raise PartFailed(f"{part.name} is not ready after {within:.0f} s: {part.last_words()}")
            self._stop.wait(_LOOK_EVERY if waiting else 0)

    def watch(self) -> None:
        """Look after the parts until told to stop: whoever dies is started again, each time after a longer pause."""
        while not self._stop.wait(_LOOK_EVERY):
            now = time.monotonic()
            for part in self._parts:
                self._look_after(part, now)

    def _look_after(self, part: Part, now: float) -> None:
        name = part.name
        if (due := self._due.get(name)) is not None:
            if now >= due:
                del self._due[name]
                self._start_again(part, now)
        elif part.is_alive():
            if now - self._alive_since[name] > STEADY:
                self._deaths.pop(name, None)
        else:
            self._plan_again(part, part.last_words(), now)

    def _start_again(self, part: Part, now: float) -> None:
        try:
            part.start()
        except Exception as error:  # noqa: BLE001 — whatever it is, it is said and tried again
            self._plan_again(part, str(error), now)
            return
        self._alive_since[part.name] = now
        self._say(f"{part.name} runs again")

    def _plan_again(self, part: Part, why: str, now: float) -> None:
        deaths = self._deaths.get(part.name, 0)
        pause = BACK_OFF[min(deaths, len(BACK_OFF) - 1)]
        self._deaths[part.name] = deaths + 1
        self._due[part.name] = now + pause
        self._say(f"{part.name} ended ({why}); it is started again in {pause:g} s")

    def stop(self) -> None:
        """Stop every part, the last one started first."""
        while self._parts:
            self._parts.pop().stop()

    def kill(self) -> None:
        """End every part now."""
        while self._parts:
            self._parts.pop().kill()
