"""Load: ready-made MQTT frames pushed through one socket, so that the publisher costs next to nothing beside what is measured.

Speaks just enough MQTT 3.1.1 to publish at QoS 1 and count the broker's answers. Used by benchmarks and the ledger only.
"""

import socket
import struct
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Final, Self
from urllib.parse import unquote, urlsplit

import msgspec

_CHUNK: Final = 1 << 16


def native_payload(boot: str, seq: int, time_us: int, values: dict[str, tuple[float, str]]) -> bytes:
    """Return a native reading as a device sends it; six vitals make about 373 bytes."""
    stamp = msgspec.json.encode(_iso(time_us)).decode()
    parts = ",".join(f'"{vital}":{{"value":{value:g},"unit":"{unit}"}}' for vital, (value, unit) in values.items())
    return f'{{"boot":"{boot}","seq":{seq},"time":{stamp},"clock":{stamp},"values":{{{parts}}},"battery":81}}'.encode()


def _iso(time_us: int) -> str:
    seconds, rest = divmod(time_us, 1_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{text}.{rest:06d}Z" if rest else f"{text}Z"


def connect_frame(user: str, password: str, *, is_clean: bool = True) -> bytes:
    """Return a CONNECT whose client id is the user name, without keep-alive."""
    texts = b"".join(struct.pack(">H", len(text)) + text for text in (user.encode(), user.encode(), password.encode()))
    body = b"\x00\x04MQTT\x04" + (b"\xc2" if is_clean else b"\xc0") + b"\x00\x00" + texts
    return b"\x10" + _length(len(body)) + body


def publish_frame(topic: str, payload: bytes, mid: int) -> bytes:
    """Return one PUBLISH at QoS 1."""
    name = topic.encode()
    body = struct.pack(">H", len(name)) + name + struct.pack(">H", mid) + payload
    return b"\x32" + _length(len(body)) + body


def _length(value: int) -> bytes:
    out = bytearray()
    while True:
        value, byte = value >> 7, value & 0x7F
        out.append(byte | (0x80 if value else 0))
        if not value:
            return bytes(out)


class Publisher:
    """One connection that publishes frames and counts how many the broker has taken."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        self._socket = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 1883), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(connect_frame(user, password))
        answer = self._socket.recv(4)
        if len(answer) != 4 or answer[3]:
            raise ConnectionError(f"the broker refused {user!r}: {answer.hex()}")
        self._answered = 0
        #: messages the broker has taken
        self.taken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._socket.sendall(b"\xe0\x00")
        self._socket.close()

    def send(self, frames: Sequence[bytes], window: int = 2_000) -> None:
        """Publish these, at most `window` ahead of the broker's answers, and wait until all are taken."""
        goal = self.taken + len(frames)
        sent = self.taken
        for group in _groups(frames, 200):
            self._socket.sendall(b"".join(group))
            sent += len(group)
            while sent - self.taken > window:
                self._read()
        while self.taken < goal:
            self._read()

    def _read(self) -> None:
        data = self._socket.recv(_CHUNK)
        if not data:
            raise ConnectionError("the broker closed the connection")
        # every answer is a PUBACK of four bytes
        self._answered += len(data)
        self.taken = self._answered // 4


def _groups(frames: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(frames), size):
        yield frames[start : start + size]
