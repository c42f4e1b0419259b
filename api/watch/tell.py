"""Telling the outside: a call every minute to a service that raises when none comes, a call at once when something is wrong.

An edge with a thread of its own, so that a slow service delays nothing. Speaks as healthchecks.io and its like expect
(https://healthchecks.io/docs/signaling_failures/): success is a GET of the address, failure a POST to the address with /fail.
What is told are kinds of faults, ids of machines and counts, and nothing about a person.
"""

import json
import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import structlog

from api.watch.fault import KINDS, Fault

log = structlog.get_logger(__name__)

#: seconds for one call, and how often it is tried
_WITHIN: Final = 10.0
_TRIES: Final = 3
#: written in the place of an address: say nothing, and let the missing success speak
NONE: Final = "none"


def fail_url(url: str, given: str) -> str:
    """Return what is called while something is wrong; "" for silence.

    >>> fail_url("https://hc.example/uuid", ""), fail_url("https://up.example/push/k?status=up", "none")
    ('https://hc.example/uuid/fail', '')
    >>> fail_url("https://hc.example/uuid?a=b", "")
    'https://hc.example/uuid/fail?a=b'
    """
    if given == NONE or not (given or url):
        return ""
    if given:
        return given
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/fail"))


class Teller:
    """Tells the service outside and the webhook, one call after the other."""

    def __init__(self, url: str, given_fail_url: str, webhook: str) -> None:
        self._url = url
        self._fail_url = fail_url(url, given_fail_url)
        self._webhook = webhook
        self._calls: queue.Queue[tuple[str, str, bytes | None, str] | None] = queue.Queue(maxsize=100)
        self._thread = threading.Thread(target=self._work, name="tell", daemon=True)

    def start(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def stop(self, seconds: float = 5.0) -> None:
        """Finish what is waiting, as far as it goes in so many seconds."""
        self._put(None)
        self._thread.join(seconds)

    def all_is_well(self) -> None:
        """Say that all is well."""
        if self._url:
            self._put(("success", self._url, None, ""))

    def something_is_wrong(self, faults: Sequence[Fault]) -> None:
        """Say what is wrong."""
        if self._fail_url:
            self._put(("fail", self._fail_url, "\n".join(fault.line for fault in faults).encode(), "text/plain; charset=utf-8"))

    def post(self, fault: Fault, what: str) -> None:
        """Post the beginning ("began") or end ("ended") of a fault to the webhook."""
        if self._webhook:
            body = {
                "what": what,
                "kind": fault.kind,
                "part": fault.part,
                "weight": KINDS[fault.kind].weight,
                "text": KINDS[fault.kind].wrong,
                "detail": fault.detail,
                "since": fault.since.isoformat(),
                "ended_at": fault.ended_at.isoformat() if fault.ended_at else None,
                "at": datetime.now(UTC).isoformat(),
            }
            self._put(("webhook", self._webhook, json.dumps(body).encode(), "application/json"))

    def _put(self, call: tuple[str, str, bytes | None, str] | None) -> None:
        try:
            self._calls.put_nowait(call)
        except queue.Full:
            log.critical("outside_unreachable", waiting=self._calls.qsize())

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            name, url, body, kind = call
            for _ in range(_TRIES):
                if (wrong := _call(url, body, kind)) is None:
                    break
            else:
                log.error("outside_unreachable", call=name, reason=wrong)


def _call(url: str, body: bytes | None, kind: str) -> str | None:
    """Call an address; return what went wrong."""
    headers = {"User-Agent": "wardlight"} | ({"Content-Type": kind} if body is not None else {})
    try:
        request = urllib.request.Request(url, body, headers)  # noqa: S310 — the operator's own
        with urllib.request.urlopen(request, timeout=_WITHIN):  # noqa: S310
            return None
    except urllib.error.HTTPError as error:
        if body is not None and error.code in {404, 405, 501}:  # takes no POST
            return _call(url, None, "")
        return f"answered {error.code}"
    except (OSError, ValueError) as error:
        return type(error).__name__
