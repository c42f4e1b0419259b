"""The watchdog as an open screen: listens to the pings of one `serve`, and reads the synthetic patient's alerts over HTTP.

An edge, with a thread of its own. Signs in with a token that opens nothing else.
"""

import http.client
import json
import threading
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

#: seconds before a stream that broke is opened again
_AGAIN: Final = 1.0


class Screen:
    """One open event stream."""

    def __init__(self, url: str, token: str, within: float) -> None:
        """`url` is that of a `serve`; it may take `within` seconds to answer, and sends something every 15."""
        self._url = url
        self._within = within
        self._headers = {"Authorization": f"Bearer {token}", "Host": "localhost"}
        self._told: dict[int, datetime] = {}
        self._stop = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self._thread = threading.Thread(target=self._listen, name="screen", daemon=True)

    def start(self) -> None:
        """Open the stream."""
        self._thread.start()

    def stop(self) -> None:
        """Close it."""
        self._stop.set()
        if self._connection is not None and self._connection.sock is not None:
            with suppress(OSError):
                self._connection.sock.shutdown(2)

    def told_at(self, alert_id: int) -> datetime | None:
        """Return when this screen was last told that an alert changed."""
        return self._told.get(alert_id)

    def firing(self) -> list[str]:
        """Return the public ids of the synthetic patient's alerts that fire, as read over HTTP; [] where that fails."""
        request = urllib.request.Request(f"{self._url}/api/v1/watch/alerts", headers=self._headers)  # noqa: S310 — the operator's own
        try:
            with urllib.request.urlopen(request, timeout=self._within) as answer:  # noqa: S310
                found: list[dict[str, Any]] = json.load(answer)
        except (OSError, ValueError):
            return []
        return [one["alert"]["public_id"] for one in found if one["alert"]["condition"] == "firing"]

    def _listen(self) -> None:
        while not self._stop.is_set():
            with suppress(OSError, http.client.HTTPException, ValueError):
                self._read()
            self._stop.wait(_AGAIN)

    def _read(self) -> None:
        parts = urlsplit(self._url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = connection = kind(parts.netloc, timeout=max(self._within, 40.0))
        try:
            connection.request("GET", "/api/v1/watch/events", headers=self._headers)
            answer = connection.getresponse()
            if answer.status != 200:
                return
            event = ""
            while not self._stop.is_set() and (line := answer.readline()):
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data" and event == "alerts":
                    self._note(value)
        finally:
            connection.close()

    def _note(self, ids: str) -> None:
        now = datetime.now(UTC)
        for one in ids.split(","):
            if one.isdecimal():
                self._told[int(one)] = now
        while len(self._told) > 1000:
            del self._told[min(self._told, key=lambda key: self._told[key])]
