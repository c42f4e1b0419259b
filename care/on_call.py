"""On call: who is responsible at a moment, or the gap in which nobody is, by a team's weekly windows and its overrides.

Pure. Windows are said in the team's local time: a window that begins at 20:00 begins at 20:00 on the wall the whole year. A
wall time that a change of the clocks leaves out counts as the moment of the change, one that comes twice as its first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from care.team import Schedule

_DAY: Final = timedelta(days=1)
#: how far ahead the end of a gap is looked for
HORIZON: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Duty:
    """Somebody is on call."""

    #: key of who; None in the layer of hours
    staff_id: int | None
    #: until when, as far as the schedule says
    until: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody is on call."""

    #: when somebody is again, None where the schedule knows of nobody within HORIZON
    until: datetime | None
    #: why: a person's reason, or that no window covers it
    why: str


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time with one answer."""

    starts_at: datetime
    ends_at: datetime
    #: key of who is on call; None where nobody is, or in the layer of hours
    staff_id: int | None
    #: whether anybody is on call, or the hours last
    is_covered: bool
    #: a person's reason where there is one
    why: str = ""


def instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """Return the moment (UTC) at which the clocks on the wall show a time of a day.

    >>> york = ZoneInfo("America/New_York")
    >>> instant(date(2026, 3, 8), time(2, 30), york)   # left out: the clocks go from 2:00 to 3:00
    datetime.datetime(2026, 3, 8, 7, 0, tzinfo=datetime.timezone.utc)
    >>> instant(date(2026, 11, 1), time(1, 30), york)  # comes twice: the first
    datetime.datetime(2026, 11, 1, 5, 30, tzinfo=datetime.timezone.utc)
    """
    local = datetime.combine(day, wall, zone)
    first = local.astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return first
    before, after = local.replace(fold=1).astimezone(UTC), first
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def on_call(schedule: Schedule, layer: int, at: datetime) -> Duty | Gap:
    """Return who is on call in a layer at a moment, or the gap it lies in."""
    holding = [one for one in _claims(schedule, layer, at, at) if one.starts_at <= at < one.ends_at]
    if not holding:
        return Gap(_next(schedule, layer, at), "no window covers it")
    first = max(holding, key=lambda one: one.rank)
    if not first.is_covered:
        return Gap(_next(schedule, layer, at), first.why)
    return Duty(first.staff_id, first.ends_at)


def spans(schedule: Schedule, layer: int, start: datetime, end: datetime) -> list[Span]:
    """Return a layer from start to end without a hole: stretches of one answer each, gaps too."""
    claims = [one for one in _claims(schedule, layer, start, end) if one.starts_at < end and one.ends_at > start]
    cuts = sorted({start, end} | {cut for one in claims for cut in (one.starts_at, one.ends_at) if start < cut < end})
    found: list[Span] = []
    for begin, stop in pairwise(cuts):
        holding = [one for one in claims if one.starts_at <= begin and one.ends_at >= stop]
        first = max(holding, key=lambda one: one.rank, default=None)
        span = Span(begin, stop, None, is_covered=False, why="no window covers it")
        if first is not None:
            span = Span(begin, stop, first.staff_id, first.is_covered, first.why)
        if found and (found[-1].staff_id, found[-1].is_covered, found[-1].why) == (span.staff_id, span.is_covered, span.why):
            span = Span(found.pop().starts_at, stop, span.staff_id, span.is_covered, span.why)
        found.append(span)
    return found


@dataclass(frozen=True, slots=True)
class _Claim:
    starts_at: datetime
    ends_at: datetime
    staff_id: int | None
    is_covered: bool
    why: str
    rank: tuple[int, float, int]


def _claims(schedule: Schedule, layer: int, start: datetime, end: datetime) -> Iterator[_Claim]:
    """Yield everything that says who is on call in a layer near a time: overrides before windows, then the later one."""
    for override in schedule.overrides:
        if override.layer == layer and override.ends_at > start and override.starts_at <= end:
            is_covered = override.staff_id is not None
            why = override.reason if not is_covered else ""
            rank = (1, 0.0, override.id)
            yield _Claim(override.starts_at, override.ends_at, override.staff_id, is_covered, why, rank)
    windows = [window for window in schedule.windows if window.layer == layer]
    if not windows:
        return
    day, last = (start.astimezone(schedule.zone) - _DAY).date(), end.astimezone(schedule.zone).date()
    while day <= last:
        for window in windows:
            if window.weekday != day.weekday() or day < window.from_day:
                continue
            if window.until_day is not None and day >= window.until_day:
                continue
            begins = instant(day, window.starts, schedule.zone)
            ends = instant(day if window.ends > window.starts else day + _DAY, window.ends, schedule.zone)
            if begins < ends:
                yield _Claim(begins, ends, window.staff_id, True, "", (0, begins.timestamp(), window.id))
        day += _DAY


def _next(schedule: Schedule, layer: int, at: datetime) -> datetime | None:
    """Return when a layer is covered again."""
    return next((span.starts_at for span in spans(schedule, layer, at, at + HORIZON) if span.is_covered), None)
