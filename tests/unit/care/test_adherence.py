"""Adherence: whole local days, prescribed and not paused, with a device reading."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from care.adherence import Adherence, Span, adherence

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
DAY = timedelta(days=1)


def days(*back: int) -> set[date]:
    return {date(2026, 11, 23) - timedelta(days=one) for one in back}


def asked(
    measured: set[date], prescribed: list[Span] | None = None, paused: list[Span] | None = None, every: timedelta = DAY
) -> Adherence:
    spans = [(None, None)] if prescribed is None else prescribed
    return adherence("body_weight", measured, spans, paused or [], days=7, every=every, zone=ZONE, now=NOW)


def test_numerator_and_denominator_are_of_whole_days_before_today() -> None:
    found = asked(days(0, 1, 2, 5, 8))
    assert (found.kept, found.prescribed, found.paused) == (3, 7, 0)
    assert (found.first, found.last) == (date(2026, 11, 16), date(2026, 11, 22))


def test_a_day_counts_only_where_it_was_prescribed_from_end_to_end() -> None:
    begun = datetime(2026, 11, 20, 9, tzinfo=ZONE)
    assert (asked(days(1, 2, 3), [(begun, None)]).prescribed, asked(days(1, 2, 3), [(begun, None)]).kept) == (2, 2)
    midnight = datetime(2026, 11, 20, tzinfo=ZONE)
    assert asked(set(), [(midnight, None)]).prescribed == 3
    assert asked(set(), [(None, midnight)]).prescribed == 4


def test_days_that_a_pause_touches_are_left_out() -> None:
    pause = (datetime(2026, 11, 18, 20, tzinfo=ZONE), datetime(2026, 11, 20, 8, tzinfo=ZONE))
    found = asked(days(1, 3, 4), paused=[pause])
    assert (found.kept, found.prescribed, found.paused) == (1, 4, 3)
    assert asked(days(1), paused=[(NOW - 9 * DAY, NOW)]).prescribed == 0


def test_what_is_due_more_rarely_asks_for_fewer_days() -> None:
    assert (asked(days(2, 4), every=2 * DAY).kept, asked(days(2, 4), every=2 * DAY).prescribed) == (2, 3)
    assert asked(days(1, 2, 3, 4, 5), every=2 * DAY).kept == 3
    assert asked(days(1), every=timedelta(hours=12)).prescribed == 7
