"""One connection of a simulated device: just enough MQTT 3.1.1 to publish at QoS 1 and to hear acks and commands."""

import asyncio
import struct
from collections.abc import Callable
from typing import Final

CONNACK, PUBLISH, PUBACK, SUBACK = 0x20, 0x30, 0x40, 0x90
_SUBSCRIBE: Final = 0x82


class Refused(ConnectionError):
    """The broker did not let the device in."""


class Link(asyncio.Protocol):
    """A connection that lives until either side ends it; `heard(topic, payload)` is called for what the broker sends."""

    def __init__(self, heard: Callable[[str, bytes], None], taken: Callable[[int], None]) -> None:
        """`taken(mid)` is called when the broker has acknowledged a publication."""
        self._heard = heard
        self._taken = taken
        self._rest = b""
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._mid = 0
        self._answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._subscribed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.closed = asyncio.Event()

    async def enter(self, name: str, secret: str, will: tuple[str, bytes] | None = None, clean: bool = False) -> None:
        """Say who it is; raise Refused or ConnectionError when it is not let in."""
        flags = 0xC0 | (0x2C if will else 0) | (0x02 if clean else 0)  # user, password, will (QoS 1, retained)
        parts = [name.encode(), *([will[0].encode(), will[1]] if will else []), name.encode(), secret.encode()]
        body = b"\x00\x04MQTT\x04" + struct.pack(">BH", flags, 0) + b"".join(map(_text, parts))
        self._write(0x10, body)
        if code := await asyncio.wait_for(self._answer, 10):
            raise Refused(f"the broker refused {name}: {code}")

    async def subscribe(self, *topics: str) -> None:
        """Ask for topics at QoS 1 and wait until they are granted."""
        self._write(_SUBSCRIBE, struct.pack(">H", self._next()) + b"".join(_text(topic.encode()) + b"\x01" for topic in topics))
        await asyncio.wait_for(self._subscribed, 10)

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> int:
        """Send one message and return its packet identifier, without waiting for the broker's answer."""
        await self._writable.wait()
        if self.closed.is_set():
            raise ConnectionError("the connection is closed")
        mid = self._next() if qos else 0
        number = struct.pack(">H", mid) if qos else b""
        self._write(PUBLISH | qos << 1 | retain, _text(topic.encode()) + number + payload)
        return mid

    def end(self, politely: bool) -> None:
        """Close: politely with a DISCONNECT, or as a device that lost its power, so that the broker sends its will."""
        if self._transport is not None:
            if politely:
                self._write(0xE0, b"")
                self._transport.close()
            else:
                self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()
        self._writable.set()
        for future in (self._answer, self._subscribed):
            if not future.done():
                future.set_exception(ConnectionError("the connection was lost"))
                future.exception()  # nobody may be waiting

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        stream = self._rest + data
        position = 0
        while (found := frame(stream, position)) is not None:
            first, body, position = found
            self._handle(first, body)
        self._rest = stream[position:]

    def _handle(self, first: int, body: bytes) -> None:
        kind = first & 0xF0
        if kind == PUBLISH:
            (length,) = struct.unpack_from(">H", body)
            start = 2 + length + (2 if first & 0x06 else 0)
            if first & 0x06:
                self._write(PUBACK, body[2 + length : start])
            self._heard(body[2 : 2 + length].decode(), body[start:])
        elif kind == PUBACK:
            self._taken(struct.unpack(">H", body)[0])
        elif kind == CONNACK and not self._answer.done():
            self._answer.set_result(body[1])
        elif kind == SUBACK and not self._subscribed.done():
            self._subscribed.set_result(body[2])

    def _write(self, first: int, body: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(bytes((first,)) + _length(len(body)) + body)

    def _next(self) -> int:
        self._mid = self._mid % 65535 + 1
        return self._mid


async def connect(port: int, heard: Callable[[str, bytes], None], taken: Callable[[int], None]) -> Link:
    """Open a connection; raise OSError when nobody listens."""
    _, link = await asyncio.get_running_loop().create_connection(lambda: Link(heard, taken), "127.0.0.1", port)
    return link


def _text(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


def _length(value: int) -> bytes:
    out = bytearray()
    while True:
        value, byte = value >> 7, value & 0x7F
        out.append(byte | (0x80 if value else 0))
        if not value:
            return bytes(out)


def frame(stream: bytes, at: int) -> tuple[int, bytes, int] | None:
    """Return (first byte, body, end) of the packet that starts here, None while it is not whole."""
    value = 0
    for place in range(4):
        if at + 1 + place >= len(stream):
            return None
        byte = stream[at + 1 + place]
        value |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            start = at + 2 + place
            return (stream[at], stream[start : start + value], start + value) if start + value <= len(stream) else None
    raise ConnectionError("a remaining length of more than four bytes")
