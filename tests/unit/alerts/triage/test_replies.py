"""What readings say that follow a recheck."""

from datetime import timedelta

import pytest

from alerts.triage.replies import Asked, Reply, answer
from tests.unit.alerts.triage.people import NOW, ago


def asked(*values: tuple[float, float], firing: bool = True, operator: str | None = "<", limit: float | None = 90) -> Asked:
    """Return a recheck asked at eight with (minutes after, value)."""
    replies = tuple(Reply(NOW + timedelta(minutes=minutes), value) for minutes, value in values)
    return Asked(1, NOW, firing, None if firing else ago(-0.5), operator, limit, replies)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (asked(), None),
        (asked((2, 95), firing=False), None),
        (asked((2, 95), (3, 96), firing=False), "cleared"),
        (asked((2, 95), (3, 88), firing=False), None),
        (asked((1, 88), (2, 95), (3, 96), firing=False), "cleared"),
        (asked((0.5, 88)), None),
        (asked((1, 88)), "confirmed"),
        (asked((1, 90.5)), None),
        (asked((1, 95), (2, 88)), "confirmed"),
        (asked((2, 1.4), operator=None, limit=None), "confirmed"),
        (asked((2, 1.4), (3, 1.4), operator=None, limit=None, firing=False), "cleared"),
        (asked((0.1, 1.4), (3, 1.4), operator=None, limit=None, firing=False), None),
    ],
)
def test_two_in_range_clear_and_one_that_still_breaches_after_a_rest_confirms(given: Asked, expected: str | None) -> None:
    assert answer(given) == expected
