"""MQTT frames out of a byte stream, many at a time: the pure half of the fast reader in `ingest/mqtt.py`.

Reads PUBLISH and PUBACK frames of MQTT 5 (OASIS MQTT 5.0 §2.1, §3.3, §3.4); any other packet is handed back whole for paho
to handle. Writes PUBLISH frames.
"""

from dataclasses import dataclass, field
from typing import Final

from ingest.message import Message

_PUBLISH: Final = 0x30
_USUAL: Final = 0x32
_PUBACK: Final = 0x40
#: a frame of 256 MB is the protocol's limit: four bytes of remaining length
_LONGEST_LENGTH: Final = 4


class MalformedStream(Exception):
    """The bytes are not MQTT; the connection cannot be read any further."""


@dataclass(slots=True)
class FrameReader:
    """Collects bytes and yields whole frames; one per connection."""

    _rest: bytes = b""
    #: whole packets that are no PUBLISH: (first byte, body, how many messages of the same feed came before it)
    others: list[tuple[int, bytes, int]] = field(default_factory=list)
    #: bodies of the PUBACK packets of the same feed
    answers: list[bytes] = field(default_factory=list)

    def feed(self, data: bytes, epoch: int, received: int) -> list[Message]:
        """Return the messages that are whole now; other packets are left in `answers` and `others`.

        Raises MalformedStream when the stream cannot be MQTT.
        """
        stream = self._rest + data if self._rest else data
        position, end = 0, len(stream)
        messages: list[Message] = []
        self.others, self.answers = [], []
        while end - position >= 2:
            length, body = stream[position + 1], position + 2
            if length & 0x80:
                if end - position > 2 and stream[position + 2] < 0x80:
                    length, body = length & 0x7F | stream[position + 2] << 7, position + 3
                elif (found := _long_length(stream, position + 1)) is not None:
                    length, body = found
                else:
                    break
            after = body + length
            if after > end:
                break
            first = stream[position]
            position = after
            if first == _USUAL and length > 4:
                # QoS 1, neither repeated nor retained, without properties: read in place, since nearly all are such
                topic_end = body + 2 + (stream[body] << 8 | stream[body + 1])
                if topic_end + 3 <= after and not stream[topic_end + 2]:
                    mid = stream[topic_end] << 8 | stream[topic_end + 1]
                    messages.append(
                        Message(epoch, mid, stream[body + 2 : topic_end], stream[topic_end + 3 : after], False, received)
                    )
                    continue
            if first & 0xF0 == _PUBLISH:
                messages.append(_publish(stream, first, body, after, epoch, received))
            elif first == _PUBACK:
                self.answers.append(stream[body:after])
            else:
                self.others.append((first, stream[body:after], len(messages)))
        self._rest = stream[position:]
        return messages


def _long_length(stream: bytes, at: int) -> tuple[int, int] | None:
    """Return (value, position after it) of a variable byte integer, None where it is not whole yet."""
    value = 0
    for place, byte in enumerate(stream[at : at + _LONGEST_LENGTH]):
        value |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            return value, at + place + 1
    if len(stream) - at < _LONGEST_LENGTH:
        return None
    raise MalformedStream("a remaining length of more than four bytes")


def _publish(stream: bytes, first: int, body: int, after: int, epoch: int, received: int) -> Message:
    topic_end = body + 2 + (stream[body] << 8 | stream[body + 1])
    topic = stream[body + 2 : topic_end]
    mid = 0
    if first & 0x06:
        mid = stream[topic_end] << 8 | stream[topic_end + 1]
        topic_end += 2
    properties = stream[topic_end]
    payload = topic_end + 1 + properties
    if properties & 0x80:
        found = _long_length(stream, topic_end)
        if found is None:
            raise MalformedStream("properties longer than their frame")
        payload = found[1] + found[0]
    if payload > after:
        raise MalformedStream("a PUBLISH shorter than its own header")
    return Message(epoch, mid, topic, stream[payload:after], bool(first & 0x01), received)


def publish_frame(topic: bytes, payload: bytes, mid: int, retain: bool) -> bytes:
    """Return a PUBLISH at QoS 1 without properties."""
    head = 0x33 if retain else 0x32
    body = len(topic).to_bytes(2) + topic + mid.to_bytes(2) + b"\0" + payload
    length, rest = bytearray(), len(body)
    while rest > 0x7F:
        length.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes((head, *length, rest)) + body
