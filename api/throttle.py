"""Throttling of logins: how long an account, or an address, has to wait after failures.

Pure: the failures are rows, `now` is passed in, and the answer is a stretch of time. A clinic sits behind one address, so
addresses are given more attempts than accounts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final


@dataclass(frozen=True, slots=True)
class Limit:
    """How much failure is forgiven."""

    #: failures within `memory` that cost nothing
    free: int
    #: wait after the first failure beyond them; doubles with each further one
    first_wait: timedelta
    #: longest wait
    longest_wait: timedelta
    #: failures older than this are forgotten
    memory: timedelta


ACCOUNT: Final = Limit(5, timedelta(seconds=30), timedelta(minutes=15), timedelta(minutes=30))
ADDRESS: Final = Limit(50, timedelta(seconds=30), timedelta(minutes=15), timedelta(minutes=30))


def wait(limit: Limit, failures: Sequence[datetime], now: datetime) -> timedelta:
    """Return how long to wait before the next attempt counts, zero when it may be made now.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> wait(ACCOUNT, [noon] * 4, noon)
    datetime.timedelta(0)
    >>> wait(ACCOUNT, [noon] * 6, noon + timedelta(seconds=20)).seconds
    40
    """
    remembered = [at for at in failures if now - at < limit.memory]
    beyond = len(remembered) - limit.free
    if beyond < 0:
        return timedelta(0)
    pause: timedelta = min(limit.first_wait * (1 << min(beyond, 10)), limit.longest_wait)
    return max(max(remembered) + pause - now, timedelta(0))


def in_words(pause: timedelta) -> str:
    """Say a wait as a person would, rounded up.

    >>> in_words(timedelta(seconds=40)), in_words(timedelta(seconds=61))
    ('40 seconds', '2 minutes')
    """
    seconds = max(1, -int(-pause.total_seconds() // 1))
    if seconds <= 60:
        return f"{seconds} second{'s' if seconds > 1 else ''}"
    minutes = -(-seconds // 60)
    return f"{minutes} minutes"
