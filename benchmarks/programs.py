"""Wardlight's own processes, started as in production and watched from outside."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.machine import memory_of
from benchmarks.stage import BenchmarkFailed, Stage

_PATIENCE = 60.0


class Program:
    """One process, with when it said what and how much memory it held."""

    def __init__(self, arguments: list[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        #: every line it printed, with the time at which it was read in seconds since 1970
        self.said: list[tuple[float, str]] = []
        #: (seconds since 1970, resident bytes, proportional bytes), five times a second where the system tells
        self.memory: list[tuple[float, int, int]] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=watch, daemon=True) for watch in (self._listen, self._weigh)]
        for thread in self._threads:
            thread.start()

    def await_word(self, word: str) -> float:
        """Wait until it has said this; return when, in seconds since 1970."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            for at, line in list(self.said):
                if word in line:
                    return at
            time.sleep(0.005)
        raise BenchmarkFailed(f"a process did not say {word!r}; it said {self.last_words()}")

    def last_words(self) -> str:
        """Return the last lines it printed."""
        return " / ".join(line for _, line in self.said[-5:]) or "nothing"

    def cpu_seconds(self) -> float:
        """Return the processor time it has used, 0 where the system does not tell."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """Stop it in order."""
        self._ended.set()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join(5)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append((time.time(), line.strip()))

    def _weigh(self) -> None:
        while not self._ended.wait(0.2):
            found = memory_of(self._process.pid)
            if found is None:
                return
            self.memory.append((time.time(), *found))


@contextmanager
def running(arguments: list[str], environment: dict[str, str] | None = None) -> Iterator[Program]:
    """Run a module's process and stop it afterwards."""
    program = Program(arguments, environment or {})
    try:
        yield program
    finally:
        program.stop()


@contextmanager
def ingest(stage: Stage) -> Iterator[tuple[Program, float]]:
    """Run `wardlight ingest`; give it, and when it was connected to the broker in seconds since 1970."""
    with running(["api", "ingest"], _settings(stage)) as program:
        yield program, program.await_word("broker_connected")


@contextmanager
def serve(stage: Stage) -> Iterator[str]:
    """Run `wardlight serve`; give its address once it answers."""
    port = _free_port()
    with running(["api", "serve"], _settings(stage) | {"WARDLIGHT_HTTP_PORT": str(port)}) as program:
        deadline = time.monotonic() + _PATIENCE
        while not _answers(port):
            if time.monotonic() > deadline:
                raise BenchmarkFailed(f"the HTTP server does not answer; it said {program.last_words()}")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"


def _settings(stage: Stage) -> dict[str, str]:
    return {
        "WARDLIGHT_DATABASE_URL": stage.url,
        "WARDLIGHT_MQTT_URL": stage.broker.url("ingest"),
        "WARDLIGHT_LOG_FORMAT": "json",
        "WARDLIGHT_LOG_LEVEL": "info",
    }


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
