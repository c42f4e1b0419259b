"""Adherence: the share of the days on which a measure was prescribed that have a device reading.

Pure. Days are the patient's own; days that a pause touches are left out, and so is the day that has only begun. Numerator and
denominator are both published: a share alone says nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

Span = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class Adherence:
    """One measure over some days."""

    #: a vital
    measure: str
    #: days with at least one accepted device reading, of the prescribed ones
    kept: int
    #: days on which it was prescribed, paused ones left out
    prescribed: int
    #: days left out for a pause
    paused: int
    #: days left out because our own path was down for long
    unseen: int
    #: first and last day looked at
    first: date
    last: date


def adherence(
    measure: str,
    measured: Collection[date],
    prescribed: Sequence[Span],
    paused: Sequence[Span],
    *,
    unseen: Sequence[Span] = (),
    days: int,
    every: timedelta,
    zone: ZoneInfo,
    now: datetime,
) -> Adherence:
    """Return how a measure was kept over the last whole days before today.

    `measured` are patient-local days with an accepted device reading; `prescribed`, `paused` and `unseen` (our own path was
    down) are times from–to, None without an end. A measure that is due less often than daily asks for as many days as it is
    due.
    """
    today = now.astimezone(zone).date()
    window = [today - timedelta(days=back) for back in range(days, 0, -1)]
    asked = [day for day in window if any(_covers(span, day, zone) for span in prescribed)]
    left_out = {day for day in asked if any(_touches(span, day, zone) for span in paused)}
    dark = {day for day in asked if any(_touches(span, day, zone) for span in unseen)} - left_out
    counted = [day for day in asked if day not in left_out | dark]
    kept = sum(day in measured for day in counted)
    due = len(counted)
    if every > timedelta(days=1):
        due = int(timedelta(days=due) / every)
        kept = min(kept, due)
    return Adherence(measure, kept, due, len(left_out), len(dark), window[0], window[-1])


def _bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    following = day + timedelta(days=1)
    return start, datetime(following.year, following.month, following.day, tzinfo=zone)


def _covers(span: Span, day: date, zone: ZoneInfo) -> bool:
    """Whether a time holds a whole day."""
    start, end = _bounds(day, zone)
    return (span[0] is None or span[0] <= start) and (span[1] is None or span[1] >= end)


def _touches(span: Span, day: date, zone: ZoneInfo) -> bool:
    start, end = _bounds(day, zone)
    return (span[0] is None or span[0] < end) and (span[1] is None or span[1] > start)
