"""A service elsewhere, as the watchdog calls it: takes calls over real HTTP, and would raise when none comes in time."""

import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Call:
    """One call."""

    #: monotonic seconds
    at: float
    is_success: bool
    #: what it said is wrong
    text: str


class Outside:
    """The service; `raises_after` seconds without a success it tells people."""

    def __init__(self, raises_after: float) -> None:
        self.raises_after = raises_after
        self.calls: list[Call] = []
        outside = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._take()

            def do_POST(self) -> None:
                self._take()

            def _take(self) -> None:
                text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                outside.calls.append(Call(time.monotonic(), self.path == "/ping", text))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"OK")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/ping"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def failure_since(self, since: float, *words: str) -> Call | None:
        """Return the first failure told since then that holds one of these words."""
        told = (call for call in list(self.calls) if call.at >= since and not call.is_success)
        return next((call for call in told if any(word in call.text for word in words)), None)

    def success_since(self, since: float) -> Call | None:
        """Return the first success told since then."""
        return next((call for call in list(self.calls) if call.at >= since and call.is_success), None)

    def is_raising(self) -> bool:
        """Whether nothing at all was heard for so long that people are told."""
        return bool(self.calls) and time.monotonic() - self.calls[-1].at > self.raises_after
