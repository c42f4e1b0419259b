"""The fast reader against MQTT packets cut at every place."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.frames import FrameReader, MalformedStream


def _publish(topic: bytes, payload: bytes, mid: int, properties: bytes = b"", retained: bool = False) -> bytes:
    head = 0x30 | (0x02 if mid else 0) | (0x01 if retained else 0)
    body = struct.pack(">H", len(topic)) + topic + (struct.pack(">H", mid) if mid else b"")
    body += _length(len(properties)) + properties + payload
    return bytes([head]) + _length(len(body)) + body


def _length(value: int) -> bytes:
    out = b""
    while True:
        value, byte = value >> 7, value & 0x7F
        out += bytes([byte | (0x80 if value else 0)])
        if not value:
            return out


_MESSAGES = st.lists(
    st.tuples(
        st.binary(min_size=1, max_size=30),
        st.binary(max_size=300),
        st.integers(0, 65535),
        st.binary(max_size=200),
        st.booleans(),
    ),
    max_size=8,
)


@given(_MESSAGES, st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_messages_survive_any_cut_of_the_stream(messages: list[tuple[bytes, bytes, int, bytes, bool]], cuts: list[int]) -> None:
    stream = b"".join(_publish(*message) for message in messages) + b"\xd0\x00"
    reader, got, others, position, turn = FrameReader(), [], 0, 0, 0
    while position < len(stream):
        step = cuts[turn % len(cuts)]
        got += reader.feed(stream[position : position + step], epoch=3, received=9)
        others += len(reader.others)
        position, turn = position + step, turn + 1
    assert [(one.topic, one.payload, one.mid, one.retained) for one in got] == [
        (topic, payload, mid, retained) for topic, payload, mid, _, retained in messages
    ]
    assert others == 1
    assert all(one.epoch == 3 and one.received == 9 for one in got)


def test_another_packet_keeps_its_place_between_messages() -> None:
    reader = FrameReader()
    reader.feed(_publish(b"a", b"1", 1) + b"\x20\x03\x00\x00\x00" + _publish(b"a", b"2", 2), 1, 1)
    assert reader.others == [(0x20, b"\x00\x00\x00", 1)]


def test_a_length_without_end_is_not_mqtt() -> None:
    with pytest.raises(MalformedStream):
        FrameReader().feed(b"\x30\xff\xff\xff\xff\xff", 1, 1)
