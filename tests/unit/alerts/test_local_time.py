"""Local days and minutes, column by column, are those of the zone database, across every change of the clocks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alerts.local_time import local_parts

ZONES = ("America/New_York", "Asia/Beirut", "Africa/Casablanca", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.lists(st.tuples(st.integers(0, len(ZONES) - 1), st.integers(1_000_000_000, 2_000_000_000)), min_size=1, max_size=50))
def test_days_and_minutes_are_those_of_the_zone_database(given_times: list[tuple[int, int]]) -> None:
    zone = np.array([place for place, _ in given_times], np.intp)
    time = np.array([seconds * 1_000_000 for _, seconds in given_times], np.int64)
    day, minute = local_parts(ZONES, zone, time)
    for place, (which, seconds) in enumerate(given_times):
        local = (EPOCH + timedelta(seconds=seconds)).astimezone(ZoneInfo(ZONES[which]))
        assert day[place] == (local.date() - EPOCH.date()).days
        assert minute[place] == local.hour * 60 + local.minute


def test_the_minutes_around_a_change_of_the_clocks() -> None:
    # New York, 2026-11-01 06:00 UTC: 02:00 becomes 01:00 again
    change = (datetime(2026, 11, 1, 6, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
    _, minute = local_parts(ZONES, np.zeros(2, np.intp), np.array([change - 60_000_000, change], np.int64))
    assert minute.tolist() == [119, 60]
