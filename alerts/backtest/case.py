"""Case: one test of rules as data: somebody's readings, what is known of them, and what must come of it.

A noun; `alerts/backtest/case_files.py` reads it, `alerts/backtest/cases.py` judges it. Times are microseconds since 1970 UTC.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from alerts.moments import to_datetime, to_us


@dataclass(frozen=True, slots=True)
class Expected:
    """One episode that must come of the readings."""

    #: which rule fires
    rule: str
    #: the reading that makes it fire
    at: int
    #: the reading that ends it; None is not before the case ends
    until: int | None = None
    #: the rule's severity, None where the case does not say
    severity: str | None = None
    #: at which readings it is announced again as worse, None where the case does not say
    worsened: tuple[int, ...] | None = None
    #: what was judged of the reading that makes it fire, None where the case does not say
    value: float | None = None
    #: words that the alert's sentence holds, "" where the case does not say
    told: str = ""


@dataclass(frozen=True, slots=True)
class OwnLimit:
    """The patient's own limit in the place of a rule's."""

    #: the rule
    rule: str
    #: in the rule's unit
    limit: float
    #: from when on it holds
    since: int
    #: until when, itself excluded
    until: int


@dataclass(frozen=True)
class Case:
    """One `[[case]]` of a file."""

    #: where it stands
    file: Path
    #: what a clinician calls it
    name: str
    #: time zone of the patient, its name
    zone: str
    #: the patient's clock at the first step
    start: datetime
    #: programmes the patient is in
    programmes: tuple[str, ...]
    #: time → vital → value
    readings: dict[int, dict[str, float]]
    #: time → code of consciousness
    consciousness: dict[int, str]
    #: references a clinician set, by name, for the whole case
    references: dict[str, float]
    #: the patient's own limits
    limits: tuple[OwnLimit, ...]
    #: all that must fire
    expected: tuple[Expected, ...]
    #: the rules that it is about, others may fire or not; empty is all of them
    only: tuple[str, ...] = ()
    #: rules that may fire or not
    ignored: tuple[str, ...] = ()

    @cached_property
    def times(self) -> tuple[int, ...]:
        """Every time with a reading, ascending."""
        return tuple(sorted({*self.readings, *self.consciousness}))

    def clock(self, time: int) -> str:
        """Return a time on the patient's clock and counted from the start, as `Mon 23 Nov 08:20 (20m)`."""
        local = to_datetime(time).astimezone(ZoneInfo(self.zone))
        return f"{local:%a %d %b %H:%M} ({offset_of(self.start, time)})"


def moment_after(start: datetime, offset: timedelta) -> int:
    """Return the time of an offset: whole days are days on the patient's calendar, the rest is time that passes.

    >>> spring = datetime(2026, 3, 7, 8, tzinfo=ZoneInfo("America/New_York"))
    >>> (moment_after(spring, timedelta(days=1)) - to_us(spring)) // 3_600_000_000
    23
    """
    days, rest = divmod(offset, timedelta(days=1))
    return to_us((start.replace(tzinfo=None) + timedelta(days=days)).replace(tzinfo=start.tzinfo)) + to_us_span(rest)


def to_us_span(span: timedelta) -> int:
    """Return a time span in microseconds."""
    return span // timedelta(microseconds=1)


def offset_of(start: datetime, time: int) -> str:
    """Return a time counted from the start, as a case writes it.

    >>> offset_of(datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC")), to_us(datetime(2026, 1, 2, 0, 20, tzinfo=ZoneInfo("UTC"))))
    '1d20m'
    """
    local = to_datetime(time).astimezone(start.tzinfo).replace(tzinfo=None) - start.replace(tzinfo=None)
    days, rest = divmod(local, timedelta(days=1))
    hours, rest = divmod(rest, timedelta(hours=1))
    minutes, rest = divmod(rest, timedelta(minutes=1))
    parts = ((days, "d"), (hours, "h"), (minutes, "m"), (rest // timedelta(seconds=1), "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0m"
