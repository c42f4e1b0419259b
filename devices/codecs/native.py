"""The native payload (docs/mqtt.md): JSON bytes to decoded measurements in canonical units.

Two ways to the same answer. What a well-behaved device sends, plausible values in canonical units, is checked and built
by msgspec in one pass. Everything else goes value by value through `devices.codecs.lenient`, which keeps what can be
kept and names what cannot. Never raises anything but Unreadable, whatever the bytes.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from msgspec import DecodeError, Meta, Struct, defstruct
from msgspec.json import Decoder

from devices.batch import NO_SLOT
from devices.codecs import lenient
from devices.codecs.instant import parse_time
from devices.decoded import MAX_BYTES, MAX_MEASUREMENTS, PULSE_PRESSURE, Decoded, Unreadable
from devices.vitals import VITALS

#: where devices publish measurements; the third level is the device's public id, its MQTT username
TOPICS: Final = ("wardlight/v1/+/readings",)


def device_of(topic: str, _payload: bytes = b"") -> str:
    """Return the public id of the device that published on a readings topic.

    >>> device_of("wardlight/v1/cuff-7/readings")
    'cuff-7'
    """
    return topic.split("/", 3)[2]


class _Code(Struct, gc=False, forbid_unknown_fields=True):
    code: Literal["A", "C", "V", "P", "U"]


def plausible(name: str, unit: str, low: float, high: float) -> Any:
    """Return the type of a vital's entry that holds a plausible value in the canonical unit."""
    number = Annotated[float, Meta(ge=low, le=high)]
    return defstruct(f"_{name}", [("value", number), ("unit", Literal[unit])], gc=False, forbid_unknown_fields=True)


# one field per vital, in the order of VITALS, each with its own unit and range; consciousness is the last.
# None is what an absent one leaves behind; an explicit null is not accepted here.
_Values: Any = defstruct(
    "_Values",
    [(vital.name, plausible(vital.name, vital.unit, vital.low, vital.high), None) for vital in VITALS]
    + [("consciousness", _Code, None)],
    gc=False,
    forbid_unknown_fields=True,
)


class _Message(Struct, gc=False):
    values: _Values
    boot: Annotated[str, Meta(min_length=1, max_length=lenient.LONGEST_BOOT)] | None = None
    seq: Annotated[int, Meta(ge=1, le=lenient.LAST_SEQ)] | None = None
    time: str | None = None
    clock: str | None = None
    first: Annotated[int, Meta(ge=1, le=lenient.LAST_SEQ)] | None = None
    user_slot: Annotated[int, Meta(ge=0, le=99)] = NO_SLOT
    battery: Annotated[int, Meta(ge=0, le=100)] | None = None
    flags: list[Any] | None = None
    context: dict[str, Any] | None = None


_decode: Final = Decoder(_Message | list[_Message]).decode


def _unroll() -> Callable[[Any], tuple[list[int], list[float]]]:
    """Return `split(values) -> (columns, numbers)`: the loop over VITALS written out once, half the cost of looping."""
    lines = ["def split(values):", "    columns = []", "    numbers = []"]
    for column, vital in enumerate(VITALS):
        lines += [
            f"    if (found := values.{vital.name}) is not None:",
            f"        columns.append({column})",
            "        numbers.append(found.value)",
        ]
    names: dict[str, Any] = {}
    exec("\n".join([*lines, "    return columns, numbers"]), names)  # noqa: S102 - nothing in it but our own table
    return names["split"]  # type: ignore[no-any-return]


_split: Final = _unroll()


def decode(payload: bytes) -> list[Decoded]:
    """Return the measurements of a native payload, one or an array of up to 1,000; raise Unreadable where there are none.

    >>> decode(b'{"values":{"spo2":{"value":97,"unit":"%"}}}')[0].values
    [97.0]
    """
    if len(payload) > MAX_BYTES:
        raise Unreadable("too_large")
    try:
        message = _decode(payload)
        if type(message) is _Message:
            return [_build(message)]
        if 0 < len(message) <= MAX_MEASUREMENTS:
            return [_build(one) for one in message]
    except (DecodeError, RecursionError, ValueError):
        pass  # unusual, not necessarily wrong
    return lenient.decode(payload)


def _build(message: _Message) -> Decoded:
    """Return the measurement of a plausible message; raise ValueError where only the lenient path knows what to make of it."""
    given = message.values
    columns, values = _split(given)
    code = given.consciousness
    boot = message.boot
    time = message.time
    clock = message.clock
    if not (columns or code):
        raise ValueError("no values")
    if boot is None:
        if message.seq is not None:
            raise ValueError("no identity")
    elif message.seq is None or not boot.isprintable():
        raise ValueError("no identity")
    systolic, diastolic = given.systolic_bp, given.diastolic_bp
    if systolic is not None and diastolic is not None and systolic.value - diastolic.value <= PULSE_PRESSURE:
        raise ValueError("suspect")
    decoded = Decoded(
        values,
        columns,
        boot,
        message.seq,
        None if time is None else parse_time(time),
        None if clock is None else parse_time(clock),
        message.first,
        message.user_slot,
        message.battery,
        0,
        0 if code is None else ord(code.code),
    )
    if message.flags or message.context:
        if not lenient.are_flags(message.flags or []) or not lenient.is_context(message.context or {}):
            raise ValueError("unusual remarks")
        decoded.flags = tuple(dict.fromkeys(message.flags or ()))
        decoded.original = {"context": message.context} if message.context else None
    return decoded
