"""The week of home blood pressure: what counts, what is dropped, and when it is not enough."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from care.pressure import HomePressure, Pressure, Protocol, average
from care.programme_files import load_programmes

ZONE = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 23, 22, tzinfo=ZONE)


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    found = load_programmes()["hypertension"].pressure_protocol
    assert found is not None
    return found


def week(days: int, systolic: float = 130, diastolic: float = 80, first: float = 170, sittings: int = 2) -> list[Pressure]:
    """Return two readings a sitting over the last days; the first day's are high, as first days are."""
    made = []
    for day in range(days):
        at = (NOW - timedelta(days=days - 1 - day)).replace(hour=7)
        for sitting in range(sittings):
            for again in range(2):
                high = first if day == 0 else systolic
                made.append(Pressure(at + timedelta(hours=12 * sitting, minutes=2 * again), high, diastolic))
    return made


def test_the_first_day_is_dropped_and_the_rest_averaged(protocol: Protocol) -> None:
    found = average(week(7), protocol, ZONE, NOW)
    assert found == HomePressure(24, 24, 7, (NOW - timedelta(days=6)).date(), 130, 80, is_elevated=False, shortfall="")


@pytest.mark.parametrize(
    ("systolic", "diastolic", "is_elevated"), [(134.4, 84.4, False), (134.5, 80, True), (120, 84.5, True), (135, 85, True)]
)
def test_elevated_is_either_of_the_two(protocol: Protocol, systolic: float, diastolic: float, is_elevated: bool) -> None:
    assert average(week(5, systolic, diastolic), protocol, ZONE, NOW).is_elevated is is_elevated


@pytest.mark.parametrize(
    ("days", "sittings", "shortfall"),
    [
        (0, 2, "nothing was measured"),
        (2, 2, "2 of at least 3 days"),
        (3, 2, "8 of at least 12 readings"),
        (4, 2, ""),
        (6, 1, "10 of at least 12 readings"),
        (7, 1, ""),
    ],
)
def test_too_little_is_no_average(protocol: Protocol, days: int, sittings: int, shortfall: str) -> None:
    found = average(week(days, sittings=sittings), protocol, ZONE, NOW)
    assert shortfall in found.shortfall and (found.systolic is None) == bool(found.shortfall)
    assert bool(found.shortfall) == bool(shortfall)


def test_more_readings_than_asked_change_nothing(protocol: Protocol) -> None:
    extra = [Pressure(one.at + timedelta(minutes=4), 90, 50) for one in week(7)]
    extra += [Pressure(one.at + timedelta(hours=3), 90, 50) for one in week(7)]
    assert average(week(7) + extra, protocol, ZONE, NOW) == average(week(7), protocol, ZONE, NOW)


def test_days_are_the_patients_own_across_the_end_of_summer_time(protocol: Protocol) -> None:
    now = datetime(2026, 11, 2, 22, tzinfo=ZONE)
    readings = [Pressure(now.replace(hour=23, minute=30) - timedelta(days=back), 120, 70) for back in range(8, 0, -1)]
    found = average([Pressure(one.at.astimezone(UTC), one.systolic, one.diastolic) for one in readings], protocol, ZONE, now)
    assert found.days == 6 and found.dropped == (now - timedelta(days=6)).date()
