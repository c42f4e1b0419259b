"""Who is on call, whatever the clocks do: compared with a reading of the wall clock alone."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.on_call import Duty, Gap, instant, on_call, spans
from care.team import Override, Schedule, Window

YORK, LORD_HOWE = ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")
FROM = date(2026, 1, 1)


def window(person: int, weekday: int, starts: time, ends: time, key: int = 1, layer: int = 1) -> Window:
    return Window(key, f"w{key}", layer, person, weekday, starts, ends, FROM)


def nights(person: int) -> tuple[Window, ...]:
    return tuple(window(person, day, time(20), time(8), day) for day in range(7))


@pytest.mark.parametrize(
    ("at", "hours"),
    [
        (datetime(2026, 3, 8, 1, 0, tzinfo=UTC), 11),  # the night the clocks go forward
        (datetime(2026, 11, 1, 0, 0, tzinfo=UTC), 13),  # and the one they go back
        (datetime(2026, 6, 2, 0, 0, tzinfo=UTC), 12),
    ],
)
def test_a_night_lasts_until_eight_on_the_wall(at: datetime, hours: int) -> None:
    schedule = Schedule(YORK, nights(7))
    [night] = [span for span in spans(schedule, 1, at - timedelta(hours=6), at + timedelta(hours=20)) if span.is_covered]
    assert night.ends_at - night.starts_at == timedelta(hours=hours)
    assert night.starts_at.astimezone(YORK).hour == 20 and night.ends_at.astimezone(YORK).hour == 8


def test_a_window_that_the_clocks_leave_out_is_empty_and_its_neighbours_meet() -> None:
    day = date(2026, 3, 8)
    schedule = Schedule(
        YORK,
        (
            window(1, 6, time(1), time(2, 15), 1),
            window(2, 6, time(2, 15), time(2, 45), 2),
            window(3, 6, time(2, 45), time(5), 3),
        ),
    )
    change = datetime(2026, 3, 8, 7, tzinfo=UTC)
    assert instant(day, time(2, 15), YORK) == instant(day, time(2, 45), YORK) == change
    assert on_call(schedule, 1, change - timedelta(seconds=1)) == Duty(1, change)
    assert on_call(schedule, 1, change) == Duty(3, datetime(2026, 3, 8, 9, tzinfo=UTC))


def test_a_half_hour_change_is_one_too() -> None:
    # Lord Howe goes from 2:00 to 2:30 on 4 October 2026
    assert instant(date(2026, 10, 4), time(2, 10), LORD_HOWE) == datetime(2026, 10, 3, 15, 30, tzinfo=UTC)


def test_overrides_win_and_one_of_nobody_is_a_gap_with_its_reason() -> None:
    start = datetime(2026, 6, 1, 0, 0, tzinfo=UTC)
    hour = timedelta(hours=1)
    schedule = Schedule(
        ZoneInfo("UTC"),
        tuple(window(1, day, time(0), time(0), day) for day in range(7)),
        (
            Override(1, "o1", 1, 2, start, start + 4 * hour, "swap"),
            Override(2, "o2", 1, None, start + hour, start + 2 * hour, "team day"),
        ),
    )
    assert on_call(schedule, 1, start) == Duty(2, start + 4 * hour)
    assert on_call(schedule, 1, start + hour) == Gap(start + 2 * hour, "team day")
    assert on_call(schedule, 1, start + 3 * hour) == Duty(2, start + 4 * hour)
    assert [span.staff_id for span in spans(schedule, 1, start, start + 5 * hour)] == [2, None, 2, 1]


def test_a_gap_says_when_somebody_is_there_again() -> None:
    schedule = Schedule(YORK, (window(4, 0, time(9), time(17)),))
    friday = datetime(2026, 11, 27, 18, tzinfo=UTC)
    assert on_call(schedule, 1, friday) == Gap(datetime(2026, 11, 30, 14, tzinfo=UTC), "no window covers it")
    assert on_call(schedule, 2, friday) == Gap(None, "no window covers it")


ZONES = st.sampled_from(["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"])
QUARTERS = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
MOMENTS = st.integers(0, 260 * 24 * 60).map(lambda minutes: datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=minutes))


@given(ZONES, st.lists(st.tuples(st.integers(1, 3), st.integers(0, 6), QUARTERS, QUARTERS), max_size=8), MOMENTS)
def test_on_call_and_spans_agree_and_leave_no_hole(zone: str, rows: list[tuple[int, int, time, time]], at: datetime) -> None:
    windows = tuple(window(person, day, starts, ends, key) for key, (person, day, starts, ends) in enumerate(rows))
    schedule = Schedule(ZoneInfo(zone), windows)
    end = at + timedelta(days=9)
    found = spans(schedule, 1, at, end)
    assert found[0].starts_at == at and found[-1].ends_at == end
    assert all(one.ends_at == two.starts_at for one, two in pairwise(found))
    for span in found:
        answer = on_call(schedule, 1, span.starts_at)
        assert (answer.staff_id if isinstance(answer, Duty) else None) == span.staff_id


@given(ZONES, st.lists(st.tuples(st.integers(1, 3), st.integers(0, 6), QUARTERS, QUARTERS), max_size=5), MOMENTS)
def test_on_call_is_what_the_wall_clock_says(zone: str, rows: list[tuple[int, int, time, time]], at: datetime) -> None:
    """Away from a change of the clocks, who is on call can be read off the wall."""
    where = ZoneInfo(zone)
    local = at.astimezone(where)
    if local.utcoffset() != (at - timedelta(days=2)).astimezone(where).utcoffset():
        return
    if local.utcoffset() != (at + timedelta(days=2)).astimezone(where).utcoffset():
        return
    windows = tuple(window(person, day, starts, ends, key) for key, (person, day, starts, ends) in enumerate(rows))
    holding = set()
    for one in windows:
        wall, today = local.time(), local.weekday()
        if one.starts < one.ends:
            is_on = today == one.weekday and one.starts <= wall < one.ends
        else:
            is_on = (today == one.weekday and wall >= one.starts) or (today == (one.weekday + 1) % 7 and wall < one.ends)
        if is_on:
            holding.add(one.staff_id)
    answer = on_call(Schedule(where, windows), 1, at)
    assert answer.staff_id in holding if isinstance(answer, Duty) else not holding
