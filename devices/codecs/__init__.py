"""Codecs: one module per payload format, each from topic and bytes to `devices.decoded.Decoded`. None knows a patient.

`CODECS` is the list that ingest subscribes by; `find_codec` names the one that reads a topic. An empty list of
measurements means a message of the format that holds no vital of a person: counted, nothing to keep.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from devices.codecs import native, theengs
from devices.decoded import Decoded


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload format."""

    #: what `device.codec` holds
    name: str
    #: MQTT topic filters that bring this format
    topics: tuple[str, ...]
    #: (topic, payload) → public id of the device that measured; may raise Unreadable
    device_of: Callable[[str, bytes], str]
    #: (topic, payload) → measurements; raises nothing but Unreadable
    decode: Callable[[str, bytes], list[Decoded]]


def _decode_native(_topic: str, payload: bytes) -> list[Decoded]:
    return native.decode(payload)


CODECS: Final = {
    codec.name: codec
    for codec in (
        Codec("native", native.TOPICS, native.device_of, _decode_native),
        Codec("theengs", theengs.TOPICS, theengs.device_of, theengs.decode),
    )
}


def find_codec(topic: str) -> Codec | None:
    """Return the codec that reads a topic, None where nobody does.

    >>> find_codec("home/TheengsGateway/BTtoMQTT/5CCAD34CEE74").name
    'theengs'
    """
    return next((codec for codec in CODECS.values() if any(_matches(filter_, topic) for filter_ in codec.topics)), None)


def _matches(topic_filter: str, topic: str) -> bool:
    wanted, found = topic_filter.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted = wanted[:-1]
        found = found[: len(wanted)]
    return len(wanted) == len(found) and all(one in ("+", other) for one, other in zip(wanted, found, strict=True))
