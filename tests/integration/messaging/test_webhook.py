"""Webhooks against a real receiver: signed, patient only for so long, never redirected, never led into private networks."""

import http.server
import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest

from messaging.notice import Notice
from messaging.webhook import UnusableAddress, WebhookChannel, check_url, sign

LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes what comes and answers as told."""

    got: list[tuple[str, dict[str, str], bytes]]
    answer: int

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.path, dict(self.headers), body))
        self.send_response(self.answer)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[tuple[type[Receiver], str]]:
    kind = type("Own", (Receiver,), {"got": [], "answer": 204})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield kind, f"http://127.0.0.1:{server.server_address[1]}/hook?for=sam"
        server.shutdown()
        thread.join()


def notice(address: str) -> Notice:
    return Notice(
        7, 1, "webhook", "Sam", "Wardlight: 1 alert waits for you, high", "pending", "opened", 1, NOW, None, None, NOW, address,
        "/alerts/3f0c9a52b7d14e8896a1c2d4",
    )  # fmt: skip


def channel(**options: Any) -> WebhookChannel:
    return WebhookChannel("secret", "https://ward.example/", clock=lambda: 1000.0, **{"allowed": LOOPBACK} | options)


def test_a_page_arrives_signed(receiver: tuple[type[Receiver], str]) -> None:
    kind, url = receiver
    assert channel().deliver(notice(url)) == (False, None)
    [(path, headers, body)] = kind.got
    assert path == "/hook?for=sam" and headers["Idempotency-Key"] == "wardlight-7"
    assert headers["Wardlight-Signature"] == sign(b"secret", 1000, body)
    assert json.loads(body) == {
        "id": "7",
        "text": "Wardlight: 1 alert waits for you, high",
        "link": "https://ward.example/alerts/3f0c9a52b7d14e8896a1c2d4",
        "attempt": 1,
    }


@pytest.mark.parametrize(("status", "recoverable"), [(500, True), (503, True), (429, True), (404, False), (400, False)])
def test_what_a_receiver_answers_says_whether_trying_again_helps(
    receiver: tuple[type[Receiver], str], status: int, recoverable: bool
) -> None:
    kind, url = receiver
    kind.answer = status
    assert channel().deliver(notice(url)) == (recoverable, f"it answers {status}")


def test_a_redirection_is_not_followed(receiver: tuple[type[Receiver], str]) -> None:
    kind, url = receiver
    kind.answer = 302
    recoverable, error = channel().deliver(notice(url))
    assert not recoverable and "redirections are not followed" in str(error) and len(kind.got) == 1


def test_a_private_network_is_refused_before_anything_is_sent(receiver: tuple[type[Receiver], str]) -> None:
    kind, url = receiver
    for address in (
        url,
        url.replace("127.0.0.1", "localhost"),
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://10.0.0.1/",
    ):
        recoverable, error = channel(allowed=[ip_network("192.0.2.0/24")]).deliver(notice(address))
        assert not recoverable and "private network" in str(error), address
    assert kind.got == []


def test_nobody_there_is_worth_another_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    assert channel().deliver(notice(f"http://127.0.0.1:{port}/")) == (True, "ConnectionRefusedError")


def test_whoever_drips_bytes_is_left_in_time() -> None:
    def drip(listening: socket.socket, stop: threading.Event) -> None:
        taken, _ = listening.accept()
        with taken:
            while not stop.wait(0.1):
                try:
                    taken.sendall(b"H")
                except OSError:
                    return

    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=[listening, stop])
        thread.start()
        began = time.monotonic()
        recoverable, error = channel(patience=1.0).deliver(notice(f"http://127.0.0.1:{listening.getsockname()[1]}/"))
        assert recoverable and error and time.monotonic() - began < 5
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    "url",
    [
        "http://x.example/",
        "ftp://x.example/",
        "https:///",
        "https://a:b@x.example/",
        "https://x.example/\r\nHost: y",
        "https://[/",
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(url: str) -> None:
    with pytest.raises(UnusableAddress):
        check_url(url)


def test_plain_http_leads_only_into_networks_that_are_allowed() -> None:
    recoverable, error = channel().deliver(notice("http://192.0.2.7/"))
    assert not recoverable and ("https" in str(error) or "private" in str(error))
