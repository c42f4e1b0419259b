"""Home blood pressure: a week of readings, taken by the protocol, becomes one average or an honest "not enough".

Pure. Two readings a minute or two apart, mornings and evenings; the first day is dropped, the rest averaged (CHEP 2017). Judges
nothing but that average: single readings are the rules' work.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import fmean
from typing import Literal
from zoneinfo import ZoneInfo

Sitting = Literal["morning", "evening"]


@dataclass(frozen=True, slots=True)
class Protocol:
    """The numbers of the protocol, from the programme that prescribes it."""

    #: days of a full protocol, the dropped one included
    days: int
    #: fewer days than this are never enough
    least_days: int
    #: fewer readings than this, after the first day was dropped, are not averaged
    least_readings: int
    #: readings of one sitting that count
    per_sitting: int
    #: longest time between two readings of one sitting
    apart: timedelta
    #: the hour of the local day before which a sitting is the morning's
    morning_until: int
    #: an average at or above one of these is elevated, mm[Hg]
    elevated_systolic: int
    elevated_diastolic: int
    #: where each number comes from
    source: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pressure:
    """One clean reading of both pressures."""

    #: when it was measured
    at: datetime
    #: mm[Hg]
    systolic: float
    #: mm[Hg]
    diastolic: float


@dataclass(frozen=True, slots=True)
class HomePressure:
    """What a week of home readings comes to."""

    #: readings that count after the first day was dropped, of those that the protocol asks for
    counted: int
    asked: int
    #: days with a reading, the dropped one included
    days: int
    #: the day that was dropped; None where nothing was measured
    dropped: date | None
    #: rounded half up, mm[Hg]; None where there were not enough
    systolic: int | None
    diastolic: int | None
    #: whether the average is elevated; None where there is none
    is_elevated: bool | None
    #: why there is no average, in words; "" where there is one
    shortfall: str


def average(readings: Sequence[Pressure], protocol: Protocol, zone: ZoneInfo, now: datetime) -> HomePressure:
    """Return the average of the last week's readings by the protocol, in the patient's own days.

    Readings of one sitting beyond the protocol's, and third sittings of a day, do not count: nobody can measure their way to
    a better average.

    >>> week = Protocol(7, 3, 12, 2, timedelta(minutes=10), 14, 135, 85, {})
    >>> average([], week, ZoneInfo("UTC"), datetime(2026, 11, 23, tzinfo=ZoneInfo("UTC"))).shortfall
    'not enough: nothing was measured'
    """
    today = now.astimezone(zone).date()
    first_day = today - timedelta(days=protocol.days - 1)
    own = sorted((one for one in readings if first_day <= one.at.astimezone(zone).date() <= today), key=lambda one: one.at)
    days = sorted({one.at.astimezone(zone).date() for one in own})
    dropped = days[0] if days else None
    counted = [
        one
        for sitting in _sittings(own, protocol, zone).values()
        for one in sitting
        if one.at.astimezone(zone).date() != dropped
    ]
    asked = (protocol.days - 1) * 2 * protocol.per_sitting
    if shortfall := _shortfall(len(counted), len(days), protocol):
        return HomePressure(len(counted), asked, len(days), dropped, None, None, None, shortfall)
    systolic, diastolic = (_rounded([getattr(one, name) for one in counted]) for name in ("systolic", "diastolic"))
    is_elevated = systolic >= protocol.elevated_systolic or diastolic >= protocol.elevated_diastolic
    return HomePressure(len(counted), asked, len(days), dropped, systolic, diastolic, is_elevated, "")


def _sittings(readings: Sequence[Pressure], protocol: Protocol, zone: ZoneInfo) -> dict[tuple[date, Sitting], list[Pressure]]:
    """Return the readings that count, by day and sitting: the first few that lie close together."""
    found: dict[tuple[date, Sitting], list[Pressure]] = {}
    for one in readings:
        local = one.at.astimezone(zone)
        sitting = found.setdefault((local.date(), "morning" if local.hour < protocol.morning_until else "evening"), [])
        if not sitting or (len(sitting) < protocol.per_sitting and one.at - sitting[-1].at <= protocol.apart):
            sitting.append(one)
    return found


def _shortfall(counted: int, days: int, protocol: Protocol) -> str:
    if not days:
        return "not enough: nothing was measured"
    if days < protocol.least_days:
        return f"not enough: {days} of at least {protocol.least_days} days"
    if counted < protocol.least_readings:
        return f"not enough: {counted} of at least {protocol.least_readings} readings after the first day"
    return ""


def _rounded(values: Sequence[float]) -> int:
    return int(fmean(values) + 0.5)
