"""The native payload, many at a time: what most devices send nearly always, straight to columns.

Reads one measurement a message with boot, sequence, time and plausible values in canonical units. Every other message is
left to `devices.codecs.native`, which reads these ones too, to the same answer, but one by one.
"""

from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
from typing import Annotated, Any, Final

import numpy as np
from msgspec import Meta, MsgspecError, Struct, defstruct
from msgspec.json import Decoder
from numpy.typing import NDArray

from devices.batch import NO_SLOT
from devices.codecs.instant import parse_time
from devices.codecs.lenient import LAST_SEQ, LONGEST_BOOT
from devices.codecs.native import plausible
from devices.columns import ABSENT, Columns
from devices.decoded import MAX_BYTES, PULSE_PRESSURE
from devices.vitals import COLUMN, VITALS


class _Absent(Struct, frozen=True):
    value: float = float("nan")


_Values: Any = defstruct(
    "_Values",
    [(vital.name, plausible(vital.name, vital.unit, vital.low, vital.high), _Absent()) for vital in VITALS],
    gc=False,
    forbid_unknown_fields=True,
)


class Usual(Struct, gc=False):
    """A message as most devices send it."""

    values: _Values
    boot: Annotated[str, Meta(min_length=1, max_length=LONGEST_BOOT)]
    seq: Annotated[int, Meta(ge=1, le=LAST_SEQ)]
    time: str
    clock: str | None = None
    first: Annotated[int, Meta(ge=1, le=LAST_SEQ)] = 0
    user_slot: Annotated[int, Meta(ge=0, le=99)] = NO_SLOT
    battery: Annotated[int, Meta(ge=0, le=100)] = -1
    #: left to the general codec where there is one
    flags: None = None
    context: None = None


#: what `read` raises for a message that is left to the general codec
UNUSUAL: Final = (MsgspecError, RecursionError, UnicodeDecodeError)

_decode: Final = Decoder(Usual).decode
_numbers: Final = attrgetter(*(f"values.{vital.name}.value" for vital in VITALS))
_SYSTOLIC: Final = COLUMN["systolic_bp"]
_DIASTOLIC: Final = COLUMN["diastolic_bp"]


def read(payload: bytes) -> Usual:
    """Return the message; raise one of UNUSUAL where it is for the general codec."""
    if len(payload) > MAX_BYTES:
        raise MsgspecError("too large")
    return _decode(payload)


def build(messages: Sequence[Usual]) -> tuple[Columns, NDArray[np.bool_]]:
    """Return n messages as columns, and which of them hold: the others are for the general codec after all."""
    count = len(messages)
    numbers = np.fromiter(chain.from_iterable(map(_numbers, messages)), np.float64, count * len(VITALS))
    values = numbers.reshape(count, len(VITALS))
    boots = [one.boot for one in messages]
    time, clock = _moments([one.time for one in messages]), _moments([one.clock for one in messages])
    unclear = np.array([one.clock is not None for one in messages], bool) & (clock == ABSENT)
    holds = (time != ABSENT) & ~unclear & ~np.isnan(values).all(axis=1)
    holds &= ~(values[:, _SYSTOLIC] - values[:, _DIASTOLIC] <= PULSE_PRESSURE)
    if unprintable := {boot for boot in set(boots) if not boot.isprintable()}:
        holds &= np.array([boot not in unprintable for boot in boots], bool)
    columns = Columns(
        boot=list(boots),
        seq=np.array([one.seq for one in messages], np.int64),
        time=time,
        clock=clock,
        first=np.array([one.first for one in messages], np.int64),
        user_slot=np.array([one.user_slot for one in messages], np.int16),
        battery=np.array([one.battery for one in messages], np.int16),
        values=values.astype(np.float32),
        suspect=np.zeros(count, np.int32),
        consciousness=np.zeros(count, np.uint8),
        flags=[()] * count,
        original=[None] * count,
    )
    return columns, holds


def _moments(texts: list[str | None]) -> NDArray[np.int64]:
    """Return microseconds since 1970 UTC, ABSENT where there is no time or none that can be read."""
    try:
        return np.array([ABSENT if text is None else parse_time(text) for text in texts], np.int64)
    except ValueError:
        return np.array([_moment(text) for text in texts], np.int64)


def _moment(text: str | None) -> int:
    try:
        return ABSENT if text is None else parse_time(text)
    except ValueError:
        return ABSENT
