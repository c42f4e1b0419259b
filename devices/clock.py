"""Clocks: from what a device says about time to the time that is stored and the time that rules judge on.

A device says when it measured (`time`) and, better, what its clock shows while it builds the message (`clock`). A clock
that runs ahead of the arrival, or cannot be right at all, is corrected by that; an old clock is left alone, since a queue
may just have held the message. Pure: the arrival is an argument. All times are microseconds since 1970 UTC.
"""

from typing import Final

from msgspec import Struct

_SECOND: Final = 1_000_000
_DAY: Final = 86_400 * _SECOND
#: nothing was measured before 2015-01-01: a clock that says so was never set
EARLIEST: Final = 1_420_070_400 * _SECOND
#: a time further in the future than this is flagged
FLAGGED_AHEAD: Final = 600 * _SECOND
#: a time further in the future than this is impossible unless the device's clock explains it
IMPOSSIBLE_AHEAD: Final = _DAY
#: a clock ahead of arrival by less than this is left alone
_TOLERANCE: Final = 2 * _SECOND
#: a measurement is at most this much older than the message that brings it, else clock and time do not belong together
_OLDEST: Final = 400 * _DAY
#: a measurement later than its message by more than this: clock and time do not belong together
_REORDERED: Final = 60 * _SECOND

_NO_FLAGS: Final[tuple[str, ...]] = ()
_AHEAD: Final = ("clock_ahead",)
_UNSET: Final = ("clock_unset",)


class Corrected(Struct, gc=False):
    """Where a measurement lies in time."""

    #: identity and partition: as the device says, or its stand-in where that cannot be stored
    device_time: int
    #: what rules judge on, never later than the arrival
    measured_at: int
    #: "clock_ahead": more than 10 minutes in the future; "clock_unset": before 2015
    flags: tuple[str, ...] = _NO_FLAGS
    #: why this cannot be stored at all, None where it can
    impossible: str | None = None


def correct(time: int | None, clock: int | None, received: int, sequenced: bool = False) -> Corrected:
    """Return where a measurement lies in time.

    `received` is its arrival; `sequenced` says that it carries boot and seq, so that a device time which changes from one
    delivery to the next cannot store it twice. Where `impossible` is set the measurement belongs in quarantine, and the
    other fields hold the arrival.

    >>> correct(received := 1_800_000_000_000_000, None, received).measured_at == received
    True
    """
    if time is None:
        return Corrected(received, received)
    if EARLIEST <= time <= received and (clock is None or EARLIEST <= clock <= received + _TOLERANCE):
        return Corrected(time, time)
    return _correct_unusual(time, clock, received, sequenced)


def _correct_unusual(time: int, clock: int | None, received: int, sequenced: bool) -> Corrected:
    lead = time - received
    flags = _UNSET if time < EARLIEST else _AHEAD if lead > FLAGGED_AHEAD else _NO_FLAGS
    usable = clock is not None and -_REORDERED <= clock - time <= _OLDEST
    corrects = usable and clock is not None and (clock < EARLIEST or clock > received + _TOLERANCE)
    measured_at = min(received, received - (clock - time) if corrects and clock is not None else time)
    if time >= EARLIEST and lead <= IMPOSSIBLE_AHEAD:
        return Corrected(time, measured_at, flags)
    if corrects and sequenced:
        return Corrected(measured_at, measured_at, flags)
    if corrects and time >= EARLIEST and lead <= _OLDEST:
        return Corrected(time, measured_at, flags)  # its own time must do for an identity, far off as it is
    if time < EARLIEST:
        why = "The time is before 2015, and the message carries no clock and sequence to correct it by."
    else:
        why = "The time is more than 24 hours in the future, and no clock of the device explains it."
    return Corrected(received, received, flags, why)
