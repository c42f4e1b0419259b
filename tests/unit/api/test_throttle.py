"""Throttling: a few slips cost nothing, more cost doubling waits, and time heals."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from api.throttle import ACCOUNT, in_words, wait

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_waits_double_up_to_the_longest() -> None:
    waits = [wait(ACCOUNT, [NOON] * count, NOON).total_seconds() for count in range(4, 13)]
    assert waits == [0, 30, 60, 120, 240, 480, 900, 900, 900]


def test_old_failures_are_forgotten() -> None:
    assert wait(ACCOUNT, [NOON - ACCOUNT.memory] * 99, NOON) == timedelta(0)


@given(st.lists(st.integers(0, 7200), max_size=40), st.integers(0, 7200))
def test_whoever_waits_as_told_may_try(ages: list[int], extra: int) -> None:
    failures = [NOON - timedelta(seconds=age) for age in ages]
    pause = wait(ACCOUNT, failures, NOON)
    assert timedelta(0) <= pause <= ACCOUNT.longest_wait
    assert wait(ACCOUNT, failures, NOON + pause + timedelta(seconds=extra)) == timedelta(0)


def test_waits_are_said_as_a_person_would() -> None:
    said = [in_words(timedelta(seconds=seconds)) for seconds in (0.2, 1.2, 60, 61, 900)]
    assert said == ["1 second", "2 seconds", "60 seconds", "2 minutes", "15 minutes"]
