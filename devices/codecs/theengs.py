"""Theengs Gateway and OpenMQTTGateway: what Bluetooth devices advertise, as the gateway's JSON, to decoded measurements.

A gateway hears every device of the neighbourhood and repeats what it hears, without a time and without a sequence, so a
message takes its arrival time and is recognised by its content. Only what is a vital of a person becomes one: a room
thermometer's `tempc`, a coffee scale and somebody's earphones are none, and give an empty list. Written from the
published property names of the devices (https://decoder.theengs.io/devices/devices.html). Never raises anything but
Unreadable.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from devices.codecs.lenient import load_json
from devices.decoded import MAX_BYTES, Decoded, Fault, Unreadable, find_suspect
from devices.units import CONVERSION
from devices.vitals import COLUMN

#: gateways publish below home/<gateway>/BTtoMQTT/<MAC without colons>
TOPICS: Final = ("home/+/BTtoMQTT/#",)

_MAC: Final = re.compile(r"[0-9A-Fa-f]{12}")
_NUMBER: Final = re.compile(r"\s*[+-]?[0-9]{1,9}(\.[0-9]{1,9})?\s*")
#: units as gateways spell them
_UNITS: Final = {"kg": "kg", "lb": "[lb_av]", "lbs": "[lb_av]"}
#: scales that never weigh a person
_KITCHEN_SCALES: Final = ("SKALE",)


def _is_body(message: dict[str, Any]) -> bool:
    return message.get("type") == "BODY"


def _weighs(message: dict[str, Any]) -> bool:
    return message.get("model_id") not in _KITCHEN_SCALES


def _always(_message: dict[str, Any]) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class _Property:
    """One property of a gateway's message that may be a vital of a person."""

    key: str
    vital: str
    #: UCUM unit; None means that the message names it under "unit"
    unit: str | None
    #: whether the property is a person's in this message
    applies: Callable[[dict[str, Any]], bool]
    flags: tuple[str, ...] = ()


_PROPERTIES: Final = (
    _Property("weight", "body_weight", None, _weighs),
    _Property("bpm", "heart_rate", "/min", _always),
    _Property("act_bpm", "heart_rate", "/min", _always, ("activity",)),
    _Property("steps", "steps", "{steps}", _always),
    _Property("tempc", "body_temperature", "Cel", _is_body),
)


def device_of(topic: str, payload: bytes = b"") -> str:
    """Return the public id of the device that a message is about: "theengs-" and its address in lower case.

    The last level of the topic is the address; where it is not one (a gateway on macOS sees no addresses), the message
    says it under "mac" or "id". Raises Unreadable where neither does.

    >>> device_of("home/TheengsGateway/BTtoMQTT/5CCAD34CEE74")
    'theengs-5ccad34cee74'
    """
    tail = topic.rsplit("/", 1)[-1]
    if _MAC.fullmatch(tail):
        return f"theengs-{tail.lower()}"
    message = _load(payload) if payload else {}
    for name in (message.get("mac"), message.get("id"), tail):
        address = re.sub(r"[^0-9a-z]", "", name.lower()) if isinstance(name, str) else ""
        if 6 <= len(address) <= 40 and tail != "BTtoMQTT":
            return f"theengs-{address}"
    raise Unreadable("unknown_device", "Neither the topic nor the message says which Bluetooth device this is.")


def decode(topic: str, payload: bytes) -> list[Decoded]:
    """Return the one measurement in a gateway's message, [] where it holds no vital of a person; raise Unreadable.

    >>> decode("home/g/BTtoMQTT/5CCAD34CEE74", b'{"weighing_mode":"person","unit":"kg","weight":"61.75"}')[0].values
    [61.75]
    """
    message = _load(payload)
    decoded = Decoded([], [])
    for prop in _PROPERTIES:
        if prop.key in message and prop.applies(message):
            _read(prop, message, decoded)
    battery = _number(message.get("batt"))
    if battery is not None and 0 <= battery <= 100:
        decoded.battery = int(battery)
    if not decoded.columns and not decoded.faults:
        return []
    decoded.suspect = find_suspect(decoded.columns, decoded.values)
    return [decoded]


def _load(payload: bytes) -> dict[str, Any]:
    if len(payload) > MAX_BYTES:
        raise Unreadable("too_large")
    message = load_json(payload)
    if not isinstance(message, dict):
        raise Unreadable("wrong_shape", "The message of a gateway is not an object.")
    return message


def _number(given: Any) -> float | None:
    """Return a number, also one written as text, which some firmware sends; None for anything else."""
    if isinstance(given, str):
        return float(given) if _NUMBER.fullmatch(given) else None
    if type(given) is int or type(given) is float:
        return float(given) if abs(given) < 1e9 else None  # false for NaN
    return None


def _read(prop: _Property, message: dict[str, Any], decoded: Decoded) -> None:
    """Add one property to the measurement, or the fault that says why not."""
    column = COLUMN[prop.vital]
    if column in decoded.columns:  # a strap's pulse beside the one of an activity: the first is the better
        return
    spelt = message.get("unit") if prop.unit is None else prop.unit
    unit = prop.unit or (_UNITS.get(spelt.lower()) if isinstance(spelt, str) else None)
    value = _number(message[prop.key])
    mode = message.get("weighing_mode")
    if value is None:
        fault = "not_a_number", f"{prop.key} is not a number."
    elif prop.key == "weight" and (value <= 0 or (mode is not None and mode != "person")):
        fault = "not_a_person", ""
    elif spelt is None:
        fault = "no_unit", f"{prop.key} has no unit; kg or lb is expected."
    elif unit is None:
        fault = "unknown_unit", f"{prop.key} is in {str(spelt)[:20]!r}; kg or lb is expected."
    else:
        factor, offset = CONVERSION[prop.vital, unit]
        decoded.columns.append(column)
        decoded.values.append(value * factor + offset)
        decoded.flags += prop.flags
        if (factor, offset) != (1.0, 0.0):
            decoded.original = {**(decoded.original or {}), prop.vital: {"value": value, "unit": unit}}
        return
    # what a repeated advertisement has in common, so that it is kept once: no signal strength, no other property
    part = {key: message[key] for key in ("id", "mac", "model_id", "type", "weighing_mode", "unit", prop.key) if key in message}
    raw = json.dumps(part, separators=(",", ":")).encode("ascii")
    decoded.faults += (Fault(*fault, prop.vital, raw),)
