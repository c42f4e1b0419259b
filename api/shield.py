"""The outermost layer of HTTP: which hosts we are, how much we read, the headers of every answer, and errors.

An exception that no route expected becomes a 500 problem and one log line with the place it came from. Its message is
dropped, since messages of databases and validators quote the values they choked on.
"""

import re
import traceback
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import structlog
from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem, answer, too_large

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")

#: no inline code, nothing from elsewhere, no frames
CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
#: bytes a request may hold
MAX_BODY: Final = 1_048_576
_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[0-9a-z.\-_]+)(:\d{1,5})?", re.ASCII)

_log = structlog.get_logger(__name__)


def trusted_hosts(public_url: str) -> frozenset[str]:
    """Return the host names that requests may be addressed to: that of the public URL, and this machine's own."""
    host = urlsplit(public_url).hostname or ""
    return frozenset({*LOOPBACK, f"[{host}]" if ":" in host else host})


class Shield:
    """ASGI middleware; see the module."""

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str], is_https: bool) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._headers = {
            "content-security-policy": CONTENT_POLICY,
            # not "no-referrer": with it browsers send "Origin: null" from our own forms
            "referrer-policy": "same-origin",
            "x-content-type-options": "nosniff",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=()",
        }
        if is_https:
            self._headers["strict-transport-security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens inside."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal is_started
            if message["type"] == "http.response.start":
                is_started = True
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", _caching(scope, message["status"]))
            await send(message)

        problem = self._check_host(scope) or _check_length(scope)
        if problem is None:
            try:
                await self._app(scope, _limited(receive), send_with_headers)
            except ClientDisconnect:
                return
            except Exception as error:  # noqa: BLE001 the last stop before a log that would quote it
                problem = _as_problem(error, scope)
                if is_started:
                    raise ConnectionAbortedError("the answer broke off after it had begun") from None
        if problem is not None:
            await answer(Request(scope), problem)(scope, receive, send_with_headers)

    def _check_host(self, scope: Scope) -> Problem | None:
        match = _HOST.fullmatch(Request(scope).headers.get("host", "").lower())
        if match is not None and match[1] in self._hosts:
            return None
        return Problem(400, "unknown_host", "this server does not answer to that name; an operator sets WARDLIGHT_PUBLIC_URL")


def _caching(scope: Scope, status: int) -> str:
    """Return how long an answer may be kept: not at all, but for a file whose address names its content."""
    if not scope["path"].startswith("/static/"):
        return "no-store"
    is_named = status == HTTPStatus.OK and scope["query_string"].startswith(b"v=")
    return "public, max-age=31536000, immutable" if is_named else "no-cache"


def _check_length(scope: Scope) -> Problem | None:
    length = Request(scope).headers.get("content-length", "0")
    if length.isascii() and length.isdigit() and int(length[:20]) <= MAX_BODY:
        return None
    return too_large()


def _limited(receive: Receive) -> Receive:
    taken = 0

    async def receive_limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MAX_BODY:
            raise HTTPException(413)
        return message

    return receive_limited


def _as_problem(error: Exception, scope: Scope) -> Problem:
    route = scope.get("route")
    where = getattr(route, "path", "")
    if isinstance(error, PoolTimeout | OperationalError):
        _log.warning("database_unavailable", route=where, kind=type(error).__name__)
        retry = {"Retry-After": "5"}
        return Problem(503, "database_unavailable", "the database does not answer; try again in a moment", headers=retry)
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    _log.error(
        "request_failed", route=where, kind=type(error).__name__, at=[f"{f.filename}:{f.lineno} {f.name}" for f in frames]
    )
    return Problem(500, "failed", "this went wrong on our side; it is in the log. Try again, and tell an operator if it stays")
