"""Times as people say them; tests/browser/test_words.py holds the browser to the same table."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from api.pages import words

NEW_YORK = ZoneInfo("America/New_York")
#: 9:14 on a Monday morning in New York
NOW = datetime(2026, 11, 23, 14, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=-30), "just now"),
        (timedelta(minutes=-30), "today 9:44"),
        (timedelta(seconds=40), "40 s ago"),
        (timedelta(minutes=4), "4 min ago"),
        (timedelta(minutes=80), "1 h 20 min ago"),
        (timedelta(hours=7, minutes=14), "today 2:00"),
        (timedelta(hours=13), "yesterday 20:14"),
        (timedelta(days=20), "3 Nov 9:14"),
        (timedelta(days=400), "19 Oct 2025 10:14"),
    ],
)
def test_age(ago: timedelta, said: str) -> None:
    assert words.age(NOW - ago, NOW, NEW_YORK) == said


@pytest.mark.parametrize(
    ("left", "target", "said"),
    [
        (timedelta(minutes=2, seconds=30), timedelta(minutes=5), "2 min left of 5"),
        (timedelta(seconds=49), timedelta(minutes=5), "49 s left"),
        (timedelta(minutes=16), timedelta(minutes=30), "16 min left of 30"),
        (timedelta(hours=7), timedelta(hours=8), "today, 7 h left"),
        (timedelta(hours=20), timedelta(hours=24), "by tomorrow 5:14"),
        (timedelta(minutes=-12), timedelta(minutes=30), "12 min overdue"),
    ],
)
def test_left(left: timedelta, target: timedelta, said: str) -> None:
    assert words.left(NOW + left, NOW, target.total_seconds(), NEW_YORK) == said


def test_moments_are_counted_in_the_readers_days() -> None:
    late = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)
    assert words.when(late, NOW, NEW_YORK) == "yesterday 22:30"
    assert words.when(late, NOW, ZoneInfo("Europe/Paris")) == "4:30"
    assert words.moment(late, NOW, ZoneInfo("Europe/Paris")) == "today 4:30"


def test_nobody_is_a_year_older_before_their_birthday() -> None:
    assert words.years(date(2000, 2, 29), date(2026, 2, 28)) == 25
    assert words.years(date(2000, 2, 29), date(2026, 3, 1)) == 26
