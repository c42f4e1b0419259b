"""Times and counts as a colleague would say them.

The last step of a reading's life: what a person reads about it. Pure, `now` passed in; never asks a clock. The browser
keeps these words fresh with the same rules (api/static/words.js); tests/browser/test_words.py holds the two together.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def clock(at: datetime, zone: ZoneInfo) -> str:
    """Say a time of day: "9:14"."""
    local = at.astimezone(zone)
    return f"{local.hour}:{local.minute:02d}"


def day(at: date) -> str:
    """Say a date without a doubt about its order: "4 Mar 1948"."""
    return f"{at.day} {at:%b} {at.year}"


def moment(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Say when, relative to the reader's day: "today 9:14", "yesterday 20:10", "3 Nov 8:00", "3 Nov 2025 8:00"."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    if local.date() == today:
        name = "today"
    elif local.date() == today - timedelta(days=1):
        name = "yesterday"
    elif local.date() == today + timedelta(days=1):
        name = "tomorrow"
    elif local.year == today.year:
        name = f"{local.day} {local:%b}"
    else:
        name = day(local.date())
    return f"{name} {clock(at, zone)}"


def when(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Say when, shorter: "9:14" for today, else as `moment` does."""
    return moment(at, now, zone).removeprefix("today ")


def duration(seconds: float) -> str:
    """Say how long, rounded down to what matters.

    >>> [duration(s) for s in (40, 180, 4800, 46800, 200000)]
    ['40 s', '3 min', '1 h 20 min', '13 h', '2 days']
    """
    whole = int(max(0, seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < 6 * _HOUR and whole % _HOUR >= _MINUTE:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    if whole < 2 * _DAY:
        return f"{whole // _HOUR} h"
    return f"{whole // _DAY} days"


def age(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Say how old a value is: "40 s ago", "4 min ago", "today 6:02", "yesterday 20:10"; "just now" for the near future."""
    seconds = (now - at).total_seconds()
    if seconds < 1:
        return "just now" if seconds > -10 * _MINUTE else moment(at, now, zone)
    if seconds < 6 * _HOUR:
        return f"{duration(seconds)} ago"
    return moment(at, now, zone)


def left(due_at: datetime, now: datetime, target_seconds: float, zone: ZoneInfo) -> str:
    """Say how much of a response target is left: "2 min left of 5", "today, 7 h left", "by tomorrow 9:00", "12 min overdue"."""
    seconds = (due_at - now).total_seconds()
    if seconds < 0:
        return f"{duration(-seconds)} overdue"
    if target_seconds <= 90 * _MINUTE:
        if seconds < _MINUTE:
            return f"{int(seconds)} s left"
        return f"{int(seconds // _MINUTE)} min left of {int(target_seconds // _MINUTE)}"
    if due_at.astimezone(zone).date() == now.astimezone(zone).date():
        return f"today, {duration(seconds if seconds < 2 * _HOUR else seconds // _HOUR * _HOUR)} left"
    return f"by {moment(due_at, now, zone)}"


def years(born: date, today: date) -> int:
    """Return the age in whole years.

    >>> years(date(1948, 3, 4), date(2026, 3, 3)), years(date(1948, 3, 4), date(2026, 3, 4))
    (77, 78)
    """
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def count(number: int, one: str, many: str | None = None) -> str:
    """Say a number with its noun.

    >>> count(1, "reading"), count(3, "reading"), count(2, "battery", "batteries")
    ('1 reading', '3 readings', '2 batteries')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(parts: Sequence[str]) -> str:
    """Join as speech does.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
