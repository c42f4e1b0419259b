"""Where a measurement lies in time: trusted, corrected, flagged or impossible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.clock import EARLIEST, correct

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOW = 1_795_438_800 * SECOND


@pytest.mark.parametrize("delay", [0, MINUTE, 6 * HOUR, 300 * DAY])
def test_a_time_in_the_past_is_trusted_with_or_without_a_clock(delay: int) -> None:
    for clock in (None, NOW - delay, NOW):
        found = correct(NOW - delay, clock, NOW)
        assert (found.device_time, found.measured_at, found.flags, found.impossible) == (NOW - delay, NOW - delay, (), None)


def test_an_old_clock_is_not_corrected_since_a_queue_may_have_held_the_message() -> None:
    found = correct(NOW - 3 * HOUR, NOW - 3 * HOUR + SECOND, NOW)
    assert found.measured_at == NOW - 3 * HOUR


def test_a_clock_ahead_of_arrival_corrects_the_time_and_keeps_what_the_device_said() -> None:
    found = correct(NOW + 2 * HOUR - 5 * MINUTE, NOW + 2 * HOUR, NOW)
    assert found.device_time == NOW + 2 * HOUR - 5 * MINUTE
    assert found.measured_at == NOW - 5 * MINUTE
    assert found.flags == ("clock_ahead",)


def test_an_untrusted_future_counts_as_now() -> None:
    near = correct(NOW + 9 * MINUTE, None, NOW)
    assert (near.device_time, near.measured_at, near.flags) == (NOW + 9 * MINUTE, NOW, ())
    far = correct(NOW + 23 * HOUR, None, NOW)
    assert (far.device_time, far.measured_at, far.flags) == (NOW + 23 * HOUR, NOW, ("clock_ahead",))


def test_more_than_a_day_ahead_is_impossible_without_a_clock() -> None:
    assert correct(NOW + 25 * HOUR, None, NOW, sequenced=True).impossible
    assert correct(NOW + 25 * HOUR, NOW, NOW, sequenced=True).impossible, "the clock does not explain the time"


def test_more_than_a_day_ahead_with_a_clock_is_corrected() -> None:
    plain = correct(NOW + 30 * DAY, NOW + 30 * DAY + MINUTE, NOW)
    assert (plain.device_time, plain.measured_at) == (NOW + 30 * DAY, NOW - MINUTE)
    sequenced = correct(NOW + 30 * DAY, NOW + 30 * DAY + MINUTE, NOW, sequenced=True)
    assert (sequenced.device_time, sequenced.measured_at) == (NOW - MINUTE, NOW - MINUTE)


def test_a_clock_that_was_never_set_needs_clock_and_sequence() -> None:
    uptime = 40 * MINUTE
    found = correct(uptime - MINUTE, uptime, NOW, sequenced=True)
    assert (found.device_time, found.measured_at, found.flags) == (NOW - MINUTE, NOW - MINUTE, ("clock_unset",))
    assert correct(uptime - MINUTE, uptime, NOW).impossible
    assert correct(uptime - MINUTE, None, NOW, sequenced=True).impossible
    assert correct(0, NOW, NOW, sequenced=True).impossible, "a right clock says nothing about a time of 1970"


def test_no_time_means_the_arrival() -> None:
    assert correct(None, None, NOW).device_time == NOW
    assert correct(None, NOW + DAY, NOW, sequenced=True).measured_at == NOW


@given(
    st.none() | st.integers(-(10**17), 10**18),
    st.none() | st.integers(-(10**17), 10**18),
    st.integers(EARLIEST + DAY, 4 * 10**15),
    st.booleans(),
)
def test_nothing_is_judged_in_the_future_or_stored_at_an_impossible_time(
    time: int | None, clock: int | None, received: int, sequenced: bool
) -> None:
    found = correct(time, clock, received, sequenced)
    assert found.measured_at <= received
    if found.impossible is None:
        assert EARLIEST - 400 * DAY <= found.device_time <= received + 400 * DAY
        assert found.measured_at >= EARLIEST - 400 * DAY
