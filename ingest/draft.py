"""Decode: messages to columns, with what could not be read set aside under its reason.

The first step of a reading's life after its arrival, pure but for the codecs' tables. Nothing here raises for what a device
sent: a message, an element or a single value that cannot be read becomes a `Refusal`, its siblings go on.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

import numpy as np
import structlog
from msgspec.structs import replace as struct_replace
from numpy.typing import ArrayLike, NDArray

from devices.codecs import bulk, find_codec, native
from devices.codecs.lenient import load_json
from devices.columns import Columns
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


#: rows by (device, boot), each in their order of arrival
Runs = dict[tuple[int, str], list[int]]


@dataclass(slots=True)
class Draft:
    """Decoded measurements in their order of arrival, before anything was looked up about them; row i belongs together."""

    columns: Columns
    #: (n,) int32
    device: NDArray[np.int32]
    #: (n,) int64 arrival, microseconds since 1970 UTC
    received: NDArray[np.int64]
    #: (n,) bool: the broker kept it from before we subscribed
    retained: NDArray[np.bool_]
    #: (n,) which message each came in, and its place in that message's array
    message: NDArray[np.intp]
    place: NDArray[np.intp]
    #: the rows that carry a sequence, by the run they belong to
    runs: Runs
    refusals: list[Refusal] = field(default_factory=list)
    states: list[tuple[int, StateMessage, int]] = field(default_factory=list)

    @classmethod
    def of(
        cls, messages: Sequence[Message], columns: Columns, device: ArrayLike, message: ArrayLike, place: ArrayLike
    ) -> "Draft":
        """Return the draft of these measurements, each with its device and where among the messages it was."""
        at = np.asarray(message, np.intp)
        received = np.fromiter((one.received for one in messages), np.int64, len(messages))
        retained = np.fromiter((one.retained for one in messages), bool, len(messages))
        key = np.asarray(device, np.int32)
        return cls(columns, key, received[at], retained[at], at, np.asarray(place, np.intp), _find_runs(columns, key))


def _find_runs(columns: Columns, device: NDArray[np.int32]) -> Runs:
    runs: Runs = {}
    for row, (key, boot) in enumerate(zip(device.tolist(), columns.boot, strict=True)):
        if boot is None:
            continue
        if (run := runs.get((key, boot))) is None:
            runs[key, boot] = [row]
        else:
            run.append(row)
    return runs


def senders(messages: Sequence[Message]) -> set[str]:
    """Return the names of the devices that these messages came from, as far as they tell."""
    topics = {message.topic for message in messages}
    names = {_named_in(topic) for topic in topics if topic.startswith(_PREFIX)}
    if not all(topic.startswith(_PREFIX) for topic in topics):
        names |= {_sender(message) for message in messages if not message.topic.startswith(_PREFIX)}
    return {name for name in names if name is not None}


def _sender(message: Message) -> str | None:
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


def decode(messages: Sequence[Message], known: Mapping[str, KnownDevice]) -> Draft:
    """Return everything that these messages say, given the devices that are known by name."""
    readers = _readers(messages, known)
    usual, device, at, others = [], [], [], []
    for place, message in enumerate(messages):
        key = readers.get(message.topic)
        try:
            if key is not None:
                usual.append(bulk.read(message.payload))
                device.append(key)
                at.append(place)
                continue
        except bulk.UNUSUAL:
            pass  # for the general codec, which knows what to make of it
        others.append(place)
    columns, holds = bulk.build(usual)
    draft = Draft.of(messages, columns, device, at, [0] * len(at))
    if others or not holds.all():
        odd = _Odd()
        for place in sorted(others + draft.message[~holds].tolist()):
            odd.decode(place, messages[place], known)
        draft = _merged(messages, draft, np.flatnonzero(holds), odd)
    return draft


def _readers(messages: Sequence[Message], known: Mapping[str, KnownDevice]) -> dict[bytes, int]:
    """Return the devices whose native readings are taken, by topic."""
    topics = {message.topic for message in messages}
    found = {topic: _find(topic, known) for topic in topics if topic.startswith(_PREFIX) and topic.endswith(_READINGS)}
    return {topic: device.id for topic, device in found.items() if device is not None and not device.revoked}


def _find(topic: bytes, known: Mapping[str, KnownDevice]) -> KnownDevice | None:
    name = _named_in(topic)
    return None if name is None else known.get(name)


def _merged(messages: Sequence[Message], usual: Draft, rows: NDArray[np.intp], odd: "_Odd") -> Draft:
    """Return these rows of the usual messages and what the odd ones said, in their order of arrival."""
    order = np.argsort(np.concatenate([usual.message[rows], np.array(odd.message, np.intp)]), kind="stable")
    row_of = np.empty_like(order)
    row_of[order] = np.arange(len(order))
    columns = usual.columns.take(rows).followed_by(Columns.of(odd.measurement)).take(order)
    device = np.concatenate([usual.device[rows], np.array(odd.device, np.int32)])[order]
    message = np.concatenate([usual.message[rows], np.array(odd.message, np.intp)])[order]
    place = np.concatenate([usual.place[rows], np.array(odd.place, np.intp)])[order]
    draft = Draft.of(messages, columns, device, message, place)
    draft.refusals = [one if one.row is None else replace(one, row=int(row_of[len(rows) + one.row])) for one in odd.refusals]
    draft.states = odd.states
    return draft


class _Odd:
    """What the general codecs make of the messages that are not the usual ones; rows are counted from the first of them."""

    def __init__(self) -> None:
        self.measurement: list[Decoded] = []
        self.device: list[int] = []
        self.message: list[int] = []
        self.place: list[int] = []
        self.refusals: list[Refusal] = []
        self.states: list[tuple[int, StateMessage, int]] = []

    def decode(self, place: int, message: Message, known: Mapping[str, KnownDevice]) -> None:
        """Add everything that a message says; it cannot raise for what a device sent."""
        name = _sender(message)
        device = known.get(name) if name is not None else None
        key = None if device is None else device.id
        try:
            if device is not None and not device.revoked:
                self._read(place, message, device.id)
            elif message.topic.startswith(_PREFIX) or _measures(message):
                self._refuse(message, key, *_stranger(name, device))
        except Unreadable as error:
            self._refuse(message, key, error.reason, error.detail)
        except Exception:
            # a fault of a codec is ours: the bytes are kept, the log names the place
            log.exception("codec_failed", device_id=key)
            self._refuse(message, key, "codec_failed", REASONS["codec_failed"])

    def _read(self, place: int, message: Message, device: int) -> None:
        topic = message.topic
        if topic.endswith(_STATE) and topic.startswith(_PREFIX):
            said = decode_state(message.payload)
            if message.retained:  # it says nothing about the clock now
                said = struct_replace(said, clock=None)
            self.states.append((device, said, message.received))
            return
        decoded = native.decode(message.payload) if topic.startswith(_PREFIX) else _decode_foreign(message)
        for within, one in enumerate(decoded):
            row = len(self.measurement)
            self.measurement.append(one)
            self.device.append(device)
            self.message.append(place)
            self.place.append(within)
            for fault in one.faults:
                readings = int(fault.vital is not None)
                self.refusals.append(
                    Refusal(device, topic, fault.raw, fault.reason, fault.detail, readings, message.received, row)
                )

    def _refuse(self, message: Message, device: int | None, reason: str, detail: str) -> None:
        self.refusals.append(Refusal(device, message.topic, message.payload, reason, detail, 0, message.received))


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


def alone(message: Message, place: int) -> bytes:
    """Return a payload that holds the measurement at this place of the message alone and can be decoded again."""
    return message.payload if not _is_array(message.payload) else _dump(load_json(message.payload)[place])


def split(message: Message) -> list[Message]:
    """Return a message for each measurement of an array, [] where there is no array of several to split."""
    if not _is_array(message.payload):
        return []
    try:
        elements = load_json(message.payload)
    except Unreadable:
        return []
    return [struct_replace(message, payload=_dump(element)) for element in elements] if len(elements) > 1 else []


def _is_array(payload: bytes) -> bool:
    return payload.lstrip().startswith(b"[")


def _dump(element: Any) -> bytes:
    """Return an element as JSON, with its NaN and Infinity as they were."""
    return json.dumps(element, separators=(",", ":")).encode("ascii")
