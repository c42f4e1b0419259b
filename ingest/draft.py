"""Decode: messages to columns, with what could not be read set aside under its reason.

The first step of a reading's life after its arrival, pure but for the codecs' tables. Nothing here raises for what a device
sent: a message, an element or a single value that cannot be read becomes a `Refusal`, its siblings go on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import msgspec
import structlog
from msgspec.structs import replace

from devices.codecs import find_codec, native
from devices.codecs.lenient import load_json
from devices.decoded import REASONS, Decoded, Unreadable
from devices.state_message import StateMessage, decode_state
from ingest.message import Message
from ingest.registry import KnownDevice

log = structlog.get_logger()

_PREFIX: Final = b"wardlight/v1/"
_READINGS: Final = b"/readings"
_STATE: Final = b"/state"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that could not be taken as it is, and goes to quarantine."""

    #: None where the sender is not known
    device_id: int | None
    topic: bytes
    #: can be decoded again on its own after a fix
    payload: bytes
    #: a key of devices.decoded.REASONS
    reason: str
    #: what exactly, without any value of a patient
    detail: str
    #: values it holds, 0 where unreadable
    readings: int
    #: microseconds since 1970 UTC
    received: int
    #: row of the draft it was a part of, None where nothing of it could be read
    row: int | None = None


@dataclass(slots=True)
class Draft:
    """Decoded measurements as lists, one entry a measurement, before anything was looked up about them."""

    device: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    measurement: list[Decoded] = field(default_factory=list)
    retained: list[bool] = field(default_factory=list)
    topic: list[bytes] = field(default_factory=list)
    #: the payload each came in, whole
    payload: list[bytes] = field(default_factory=list)
    #: its place in that payload
    place: list[int] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    states: list[tuple[int, StateMessage, int]] = field(default_factory=list)


def sender(message: Message) -> str | None:
    """Return the name of the device that a message came from, None where its topic names none."""
    if message.topic.startswith(_PREFIX):
        return _named_in(message.topic)
    topic = message.topic.decode("utf-8", "replace")
    codec = find_codec(topic)
    try:
        return None if codec is None else codec.device_of(topic, message.payload)
    except Unreadable:
        return None


@lru_cache(maxsize=65536)
def _named_in(topic: bytes) -> str | None:
    name, _, kind = topic[len(_PREFIX) :].partition(b"/")
    return name.decode("utf-8", "replace") if name and kind in {b"readings", b"state"} else None


def decode(messages: Sequence[Message], names: Iterable[str | None], known: Mapping[str, KnownDevice]) -> Draft:
    """Return everything that these messages say; `names` are their senders."""
    draft = Draft()
    for message, name in zip(messages, names, strict=True):
        device = known.get(name) if name is not None else None
        key = None if device is None else device.id
        try:
            if device is not None and not device.revoked:
                _decode_one(draft, message, device.id)
            elif message.topic.startswith(_PREFIX) or _measures(message):
                _refuse(draft, message, key, *_stranger(name, device))
        except Unreadable as error:
            _refuse(draft, message, key, error.reason, error.detail)
        except Exception:
            # a fault of a codec is ours: the bytes are kept, the log names the place
            log.exception("codec_failed", device_id=key)
            _refuse(draft, message, key, "codec_failed", REASONS["codec_failed"])
    return draft


def _decode_one(draft: Draft, message: Message, device: int) -> None:
    topic = message.topic
    if topic.endswith(_STATE) and topic.startswith(_PREFIX):
        said = decode_state(message.payload)
        # a message that the broker kept says nothing about the clock now
        draft.states.append((device, replace(said, clock=None) if message.retained else said, message.received))
        return
    decoded = native.decode(message.payload) if topic.startswith(_PREFIX) else _decode_foreign(message)
    for place, one in enumerate(decoded):
        row = len(draft.device)
        draft.device.append(device)
        draft.received.append(message.received)
        draft.measurement.append(one)
        draft.retained.append(message.retained)
        draft.topic.append(topic)
        draft.payload.append(message.payload)
        draft.place.append(place)
        for fault in one.faults:
            draft.refusals.append(
                Refusal(
                    device, topic, fault.raw, fault.reason, fault.detail, int(fault.vital is not None), message.received, row
                )
            )


def _decode_foreign(message: Message) -> list[Decoded]:
    topic = message.topic.decode("utf-8", "replace")
    codec = find_codec(topic)
    if codec is None:
        raise Unreadable("unknown_topic")
    return codec.decode(topic, message.payload)


def _measures(message: Message) -> bool:
    """Whether a gateway's message from a device nobody knows holds a vital at all: it hears the whole neighbourhood."""
    return bool(_decode_foreign(message))


def _stranger(name: str | None, device: KnownDevice | None) -> tuple[str, str]:
    reason = "revoked_device" if device is not None else "unknown_device" if name is not None else "unknown_topic"
    return reason, REASONS[reason]


def _refuse(draft: Draft, message: Message, device: int | None, reason: str, detail: str) -> None:
    draft.refusals.append(Refusal(device, message.topic, message.payload, reason, detail, 0, message.received))


def readings_of(one: Decoded) -> int:
    """Return how many readings a measurement holds."""
    return len(one.columns) + (one.consciousness != 0)


def alone(draft: Draft, row: int) -> bytes:
    """Return a payload that holds this measurement alone and can be decoded again."""
    payload = draft.payload[row]
    if not payload.lstrip().startswith(b"["):
        return payload
    return msgspec.json.encode(load_json(payload)[draft.place[row]])
