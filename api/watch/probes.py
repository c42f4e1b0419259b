"""Probes: one thread for each thing that is asked from outside, so that nothing which hangs can keep the watchdog waiting.

An edge. A probe that has not come back in time is itself the finding.
"""

import shutil
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ingest.probe import is_let_in

#: bytes free below which a data folder is said to be nearly full
SHORT: Final = 1_000_000_000
#: a user that no broker knows: being refused is an answer
_STRANGER: Final = "wardlight-watchdog"


class Probe:
    """Asks one thing again and again in a thread of its own."""

    def __init__(self, kind: str, part: str, look: Callable[[], str], every: float, within: float) -> None:
        """`look` returns what is wrong, or nothing; it is asked every so many seconds, and should answer `within` so many."""
        self.kind = kind
        self.part = part
        self._look = look
        self._every = every
        self._within = within
        self._asked_at: float | None = None
        self._wrong = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"probe {kind} {part}", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more; a look that hangs is left behind."""
        self._stop.set()

    def wrong(self) -> str:
        """Return what is wrong, "" where nothing is."""
        asked = self._asked_at
        if asked is not None and time.monotonic() - asked > self._within:
            return f"has not answered for {time.monotonic() - asked:.0f} s"
        return self._wrong

    def ask(self) -> str:
        """Ask once, here and now, and return what is wrong."""
        try:
            self._wrong = self._look()
        except Exception as error:  # noqa: BLE001 — whatever it is, that is the answer
            self._wrong = type(error).__name__
        return self._wrong

    def _run(self) -> None:
        while not self._stop.is_set():
            self._asked_at = time.monotonic()
            self.ask()
            self._asked_at = None
            self._stop.wait(self._every)


def ask_broker(host: str, port: int, tls: ssl.SSLContext | None, within: float) -> str:
    """Say what is wrong with the broker: it should answer an MQTT CONNECT, if only by refusing it."""
    return f"nobody answers at {host}:{port}" if is_let_in(host, port, _STRANGER, "", tls, within) is None else ""


def ask_serve(url: str, within: float) -> str:
    """Say what is wrong with one `serve`: it should be ready."""
    # addressed to the machine itself, whose name every `serve` answers to, wherever it really is
    request = urllib.request.Request(f"{url}/health/ready", headers={"Host": "localhost"})  # noqa: S310 — the operator's own
    try:
        with urllib.request.urlopen(request, timeout=within) as answer:  # noqa: S310
            return "" if answer.status == 200 else f"answers with {answer.status}"
    except urllib.error.HTTPError as error:
        return f"answers with {error.code}"
    except OSError as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        return f"does not answer ({type(reason).__name__})"


def ask_disk(folder: Path) -> str:
    """Say what is wrong with the disk below a folder."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    return f"{free / 1e6:.0f} MB are free below {existing}" if free < SHORT else ""
