"""A running `wardlight up`, as stories meet it: a real process tree over a folder of its own."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from devices.simulator.publish import Fleet

ROOT = Path(__file__).parents[2]


class House:
    """A running `wardlight up` over one data folder."""

    def __init__(self, folder: Path, *arguments: str, settings: Mapping[str, str] | None = None) -> None:
        """Start it; `settings` are WARDLIGHT_ variables beside those of every story."""
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port: int = found.getsockname()[1]
        self.folder = folder
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WARDLIGHT_")}
        self.environment = environment | {"WARDLIGHT_DATA_DIR": str(folder), "WARDLIGHT_HTTP_PORT": str(self.port)}
        self.environment |= settings or {}
        self.said: list[str] = []
        self.process = subprocess.Popen(
            self.command("up", *arguments),
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "api", *arguments]

    def run(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        command = self.command(*arguments)
        return subprocess.run(
            command, check=False, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60, input=typed
        )

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and do not wait for it."""
        command = self.command(*arguments)
        return subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def send(self, device: str, secret: str, values: Mapping[str, float]) -> None:
        """Let a device measure now, and wait until it is acknowledged."""
        port = urlsplit(self.note()["mqtt_url"]).port
        with Fleet("127.0.0.1", port or 0) as fleet:
            fleet.add(device, secret, f"boot-{time.time_ns()}")
            fleet.measure(device, time.time_ns() // 1000, values)
            assert fleet.settle(20), "it was not acknowledged"

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

    def login(self, email: str, password: str) -> int:
        """Sign in as the form of the login page does; return the status of the answer."""
        form = urlencode({"email": email, "password": password, "next": "/"}).encode()
        origin = f"http://127.0.0.1:{self.port}"
        request = urllib.request.Request(f"{origin}/login", form, {"Origin": origin})  # noqa: S310 — our own address
        opener = urllib.request.build_opener(_Stay)
        try:
            with opener.open(request, timeout=10) as answer:
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


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follow no redirection."""

    def redirect_request(self, *_: object) -> None:
        return None


def until(true: Callable[[], bool], seconds: float, tell: object = "") -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"it did not happen in time: {tell}"
        time.sleep(0.05)
