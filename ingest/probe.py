"""The probe: one MQTT CONNECT, to learn whether a broker lets a user in. Sends and receives nothing else.

The session it asks for is a clean one, so it is for the probe's own user: asked as a device it would throw that device's
session away.
"""

import socket
import ssl
import time
from collections.abc import Callable

from ingest.credentials import PROBE, CredentialsError

#: seconds in which a broker must take up a changed password file; revocation is promised within these
WITHIN = 5.0


def is_let_in(
    host: str, port: int, user: str, secret: str, tls: ssl.SSLContext | None = None, within: float = 1.0
) -> bool | None:
    """Say whether the broker accepts a user (MQTT 3.1.1 CONNECT); None when nobody answers in time (seconds)."""

    def text(value: str) -> bytes:
        data = value.encode()
        return len(data).to_bytes(2) + data

    body = text("MQTT") + bytes((4, 0b1100_0010, 0, 10)) + text(user) + text(user) + text(secret)
    try:
        with socket.create_connection((host, port), timeout=within) as plain:
            connection = plain if tls is None else tls.wrap_socket(plain, server_hostname=host)
            connection.sendall(bytes((0x10, len(body))) + body)
            answer = connection.recv(4)
    except OSError:
        return None
    return answer[3] == 0 if len(answer) == 4 else None


def await_file(is_in: Callable[[str, str], bool | None], secret: str, where: str) -> None:
    """Wait until the broker knows the probe's newest secret, and with it the whole file; raises CredentialsError."""
    deadline = time.monotonic() + WITHIN
    while not is_in(PROBE, secret):
        if time.monotonic() > deadline:
            raise CredentialsError(
                f"the change is written, but {where} did not take it up within {WITHIN:.0f} s: restart it, or look why it does "
                "not read its password file again"
            )
        time.sleep(0.01)
