"""Moments: between aware datetimes, which people and tables use, and int64 microseconds, which numpy judges on."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def to_us(moment: datetime) -> int:
    """Return microseconds since 1970 UTC.

    >>> to_us(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (moment - _EPOCH) // _MICROSECOND


def to_datetime(us: int) -> datetime:
    """Return the aware datetime of microseconds since 1970 UTC."""
    return _EPOCH + us * _MICROSECOND
