"""What a codec makes of one measurement in a payload: canonical numbers, what was doubtful, and what could not be read.

Codecs make these in a hot loop and ingest consumes them at once, so they are msgspec structs without garbage tracking.
Nothing here knows which device sent it or whose it is; that is decided from the topic and the database.
"""

from typing import Any, Final

from msgspec import Struct

from devices.batch import NO_SLOT
from devices.vitals import COLUMN, VITALS

#: largest payload that is looked at, bytes
MAX_BYTES: Final = 256 * 1024
#: most measurements in one payload
MAX_MEASUREMENTS: Final = 1000

#: why a payload, a measurement or one value could not be read; the code is stored, the sentence is shown
REASONS: Final = {
    # the whole payload
    "too_large": "The message is larger than 256 KiB.",
    "too_many": "The message holds more than 1,000 measurements, or a measurement more than 100 values.",
    "too_deep": "The message is nested too deeply.",
    "empty": "The message holds nothing.",
    "not_text": "The message is not UTF-8 text.",
    "bad_json": "The message is not JSON.",
    "wrong_shape": "The message is neither a measurement nor an array of measurements.",
    "unknown_topic": "The topic names no device.",
    "unknown_device": "No device of this name is known.",
    "revoked_device": "The device was revoked.",
    "codec_failed": "The codec failed on this message; that is a fault of ours.",
    "refused": "The database refused this message.",
    # one measurement
    "not_a_measurement": "An element of the array is not a measurement.",
    "no_values": "The measurement holds no value.",
    "bad_time": "The time is not a date and time with an offset from UTC.",
    "bad_sequence": "The boot or sequence number is not one.",
    "bad_user_slot": "The user slot is not a whole number from 0 to 99.",
    "impossible_time": "The time cannot be right, and nothing tells how wrong it is.",
    # one value
    "unknown_vital": "No vital of this name is known.",
    "unknown_unit": "The vital is never measured in this unit.",
    "no_unit": "The value has no unit.",
    "not_a_number": "The value is not a number.",
    "not_finite": "The value is not a finite number.",
    "not_a_person": "The scale weighed an object or nothing, not a person.",
    "unknown_code": "The code is not one of A, C, V, P, U.",
    "bad_context": "The context is not a few short words or numbers.",
    "bad_flags": "The flags are not a few short words.",
}


class Unreadable(Exception):
    """Nothing can be made of a payload."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail or REASONS[reason]}")
        #: a key of REASONS
        self.reason = reason
        #: what exactly, without any value of a patient
        self.detail = detail or REASONS[reason]


class Fault(Struct, gc=False, frozen=True):
    """One part of a measurement that could not be read; its siblings are stored."""

    #: a key of REASONS
    reason: str
    #: what exactly, without any value of a patient; empty where the reason says it all
    detail: str
    #: name of the vital as sent, None where the whole measurement is meant
    vital: str | None
    #: a payload of its own, holding this part alone, that can be decoded again after a fix
    raw: bytes


class Decoded(Struct, gc=False):
    """One measurement of one device, before anything is known but the payload."""

    #: canonical values, beside `columns`
    values: list[float]
    #: column in VITALS of each value, ascending where the codec can choose
    columns: list[int]
    #: the device's own name for this run of its sequence; None together with seq
    boot: str | None = None
    #: sequence number within boot, from 1
    seq: int | None = None
    #: microseconds since 1970 UTC, as the device says it measured
    time: int | None = None
    #: microseconds since 1970 UTC, the device's clock when it built the message
    clock: int | None = None
    #: oldest sequence number of this boot that the device still holds
    first: int | None = None
    #: which of a shared device's users, NO_SLOT (-1) where it has none
    user_slot: int = NO_SLOT
    #: percent
    battery: int | None = None
    #: a bit per column: outside the plausible range, or a pulse pressure that cannot be
    suspect: int = 0
    #: ord of the ACVPU code, 0 where absent
    consciousness: int = 0
    #: as sent, and what the codec adds: "lo", "hi", "clock_unreadable", "no_identity"
    flags: tuple[str, ...] = ()
    #: {vital: {"value", "unit"}} of converted values, {"context": {…}} as sent; None where there is nothing to keep
    original: dict[str, Any] | None = None
    faults: tuple[Fault, ...] = ()


_RANGE: Final = tuple((vital.low, vital.high) for vital in VITALS)
_SYSTOLIC: Final = COLUMN["systolic_bp"]
_DIASTOLIC: Final = COLUMN["diastolic_bp"]
#: smallest believable difference of systolic and diastolic pressure, mm[Hg] (engineering judgement); at or below is suspect
PULSE_PRESSURE: Final = 5.0


def find_suspect(columns: list[int], values: list[float]) -> int:
    """Return the suspect bits of a measurement: outside a vital's range, and both pressures where they nearly meet.

    >>> find_suspect([COLUMN["heart_rate"]], [301.0])
    1
    """
    suspect = 0
    for column, value in zip(columns, values, strict=True):
        low, high = _RANGE[column]
        if not low <= value <= high:
            suspect |= 1 << column
    if _SYSTOLIC in columns and _DIASTOLIC in columns:
        pulse_pressure = values[columns.index(_SYSTOLIC)] - values[columns.index(_DIASTOLIC)]
        if pulse_pressure <= PULSE_PRESSURE:
            suspect |= 1 << _SYSTOLIC | 1 << _DIASTOLIC
    return suspect
