"""Webhook: a page as a signed HTTPS request to an address that a member of staff gave and verified.

An edge. Says how many alerts wait and where to look, never whose or what. Follows no redirection, and connects only to the
address it has checked: one inside a private network is refused unless the operator allows that network, so that nobody can
make Wardlight ask its neighbours. docs/escalation.md tells receivers how to check the signature.
"""

import hashlib
import hmac
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from messaging.notice import Notice

#: seconds until a receiver that does not answer is left, whatever it sends meanwhile
PATIENCE: Final = 10.0
#: answers after which trying again could help
_AGAIN: Final = frozenset({408, 421, 425, 429, 500, 502, 503, 504})

Network = IPv4Network | IPv6Network


class UnusableAddress(ValueError):
    """Nothing is sent to this address; the message says why."""


def check_url(url: str, *, allowed: Sequence[Network] = ()) -> None:
    """Refuse an address that is no https URL. Plain http is for networks that the operator allows. Raises UnusableAddress."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UnusableAddress("the address cannot be read; write it as https://host/path") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname or port == 0:
        raise UnusableAddress("write the address as https://host/path")
    if parts.username or parts.password:
        raise UnusableAddress("leave user and password out of the address: they would end up in logs")
    if any(ord(char) < 33 or ord(char) == 127 for char in url):
        raise UnusableAddress("the address holds characters that no address has")
    if parts.scheme == "http" and not allowed:
        raise UnusableAddress("only https:// keeps a page secret on its way")


class WebhookChannel:
    """Posts pages as JSON, signed with the clinic's secret."""

    def __init__(
        self,
        secret: str,
        public_url: str,
        *,
        allowed: Sequence[Network] = (),
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._secret = secret.encode()
        self._public_url = public_url.rstrip("/")
        self._allowed = tuple(allowed)
        self._patience = patience
        self._clock = clock
        self._tls = ssl.create_default_context()

    def deliver(self, notice: Notice) -> tuple[bool, str | None]:
        """Post it; a receiver that answers 2xx has it."""
        body = json.dumps(
            {"id": str(notice.id), "text": notice.body, "link": f"{self._public_url}{notice.link}", "attempt": notice.attempts}
        ).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "wardlight",
            "Idempotency-Key": f"wardlight-{notice.id}",
            "Wardlight-Signature": sign(self._secret, int(self._clock()), body),
        }
        try:
            check_url(notice.address, allowed=self._allowed)
            status = self._post(notice.address, body, headers)
        except UnusableAddress as error:
            return False, str(error)
        except (OSError, http.client.HTTPException) as error:
            return True, type(error).__name__
        if 200 <= status < 300:
            return False, None
        if 300 <= status < 400:
            return False, f"it answers {status}: redirections are not followed, mend the address"
        return status in _AGAIN, f"it answers {status}"

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        parts = urlsplit(url)
        assert parts.hostname is not None
        is_secure = parts.scheme == "https"
        port = parts.port or (443 if is_secure else 80)
        connection = http.client.HTTPConnection(parts.hostname, port, timeout=self._patience)
        plain = self._connect(parts.hostname, port, is_secure=is_secure)
        # whoever drips bytes would keep each single read from running out of time
        alarm = threading.Timer(self._patience, _cut, [plain])
        alarm.daemon = True
        alarm.start()
        try:
            connection.sock = self._tls.wrap_socket(plain, server_hostname=parts.hostname) if is_secure else plain
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, body, headers)
            return connection.getresponse().status
        finally:
            alarm.cancel()
            connection.close()
            plain.close()

    def _connect(self, host: str, port: int, *, is_secure: bool) -> socket.socket:
        """Connect to the first address of a host, all of which must be ones that may be asked."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for *_, place in found:
            address = ip_address(str(place[0]).split("%", maxsplit=1)[0])
            is_allowed = any(address.version == network.version and address in network for network in self._allowed)
            if not is_allowed and (not address.is_global or address.is_multicast):
                raise UnusableAddress("it lies inside a private network, which WARDLIGHT_WEBHOOK_NETWORKS does not allow")
            if not is_allowed and not is_secure:
                raise UnusableAddress("only https:// keeps a page secret on its way")
        last: OSError | None = None
        for family, kind, protocol, _, place in found:
            opened = socket.socket(family, kind, protocol)
            opened.settimeout(self._patience)
            try:
                opened.connect(place)
            except OSError as error:
                opened.close()
                last = error
            else:
                return opened
        raise last or OSError("the host has no address")


def sign(secret: bytes, at: int, body: bytes) -> str:
    """Return the signature of a body sent at a time (seconds since 1970): HMAC-SHA256 over "<at>.<body>".

    >>> sign(b"secret", 1000, b"{}")[:24]
    't=1000,v1=026360fb6284f0'
    """
    digest = hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
