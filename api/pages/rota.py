"""A week of on call as a table: days in the team's own time, and under each layer who is there, gaps said aloud. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from alerts.escalation.ladder_data import Climb
from care.on_call import Span, instant


@dataclass(frozen=True, slots=True)
class Entry:
    """A stretch of one day in one layer."""

    #: "8:00–20:00", or "all day"
    hours: str
    #: who is on call; "nobody" in a gap, "at work" in the team's hours
    who: str
    is_gap: bool
    #: it lasts now
    is_now: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """One local day."""

    #: "Mon 23 Nov"
    name: str
    is_today: bool
    #: entries of each layer, in order
    cells: tuple[tuple[Entry, ...], ...]


def week(
    layers: Sequence[Sequence[Span]], names: dict[int, str], zone: ZoneInfo, first: date, days: int, now: datetime
) -> list[Day]:
    """Return some days of each layer's spans; a layer of hours says "at work" and leaves its gaps out."""
    found = []
    for number in range(days):
        day = first + timedelta(days=number)
        starts, ends = instant(day, time(0), zone), instant(day + timedelta(days=1), time(0), zone)
        cells = tuple(tuple(_entries(spans, names, zone, starts, ends, now)) for spans in layers)
        found.append(Day(f"{day:%a} {day.day} {day:%b}", day == now.astimezone(zone).date(), cells))
    return found


def _entries(
    spans: Sequence[Span], names: dict[int, str], zone: ZoneInfo, starts: datetime, ends: datetime, now: datetime
) -> list[Entry]:
    found = []
    for span in spans:
        begin, end = max(span.starts_at, starts), min(span.ends_at, ends)
        if begin >= end:
            continue
        is_hours = span.is_covered and span.staff_id is None
        who = "at work" if is_hours else names.get(span.staff_id or 0, "nobody") if span.is_covered else "nobody"
        whole = begin == starts and end == ends
        hours = "all day" if whole else f"{_clock(begin, zone)}–{_clock(end, zone) if end < ends else '24:00'}"
        found.append(Entry(hours, who, not span.is_covered, begin <= now < end, span.why))
    return found


def steps_in_words(climb: Climb) -> list[str]:
    """Return the steps of a ladder as a colleague would say them: "coordinator, on call 1: 5 min, twice"."""
    said = []
    for step in climb.steps:
        times = {1: "", 2: ", twice"}.get(step.times, f", {step.times} times")
        by = f" by {', '.join(step.channels)}" if step.channels else ""
        said.append(f"{', '.join(step.who)}{by}: {_minutes(step.wait)}{times}")
    return [*said, f"then everybody, every {_minutes(climb.again)}"]


def _minutes(wait: timedelta) -> str:
    minutes = wait / timedelta(minutes=1)
    return f"{minutes:g} min" if minutes < 120 else f"{minutes / 60:g} h"


def _clock(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(UTC).astimezone(zone)
    return f"{local.hour}:{local.minute:02d}"
