"""Local time: the day and minute of the day in each patient's zone, for whole columns of times at once.

Pure; offsets come from the zone database, each zone and year looked through once. Right across daylight saving: a local day
may have 23 or 25 hours, and a time that comes twice keeps its day.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

_MINUTE: Final = 60_000_000
_DAY: Final = 86_400_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STEP: Final = timedelta(days=1)


def local_parts(
    zones: Sequence[str], zone: NDArray[np.intp], time: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (n,) local days since 1970-01-01 and (n,) minutes since local midnight of times in microseconds.

    `zone` (n,) is the place of each time's zone in `zones`.

    >>> night = np.array([1_795_420_800_000_000])  # 2026-11-23 08:00 UTC
    >>> [part.tolist() for part in local_parts(["America/New_York"], np.zeros(1, np.intp), night)]
    [[20780], [180]]
    """
    local = time.copy()
    for place in np.unique(zone).tolist():
        mine = np.flatnonzero(zone == place)
        own = time[mine]
        first, last = _year(int(own.min())), _year(int(own.max()))
        starts, offsets = _offsets(zones[place], first, last)
        local[mine] += offsets[np.searchsorted(starts, own, "right") - 1]
    return local // _DAY, local % _DAY // _MINUTE


def _year(us: int) -> int:
    return (_EPOCH + timedelta(microseconds=us)).year


@lru_cache(maxsize=4096)
def _offsets(zone: str, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return when each offset of a zone begins in these years (the first one long before), and the offsets, microseconds."""
    found = [change for year in range(first, last + 1) for change in _changes(zone, year)]
    kept = [one for place, one in enumerate(found) if place == 0 or one[1] != found[place - 1][1]]
    starts = np.array([start for start, _ in kept], np.int64)
    starts[0] = np.iinfo(np.int64).min
    return starts, np.array([offset for _, offset in kept], np.int64)


@lru_cache(maxsize=65_536)
def _changes(zone: str, year: int) -> tuple[tuple[int, int], ...]:
    """Return (start, offset) of every offset of a zone in a year, microseconds; the first begins with the year."""
    info = ZoneInfo(zone)

    def offset(seconds: int) -> int:
        span = (_EPOCH + timedelta(seconds=seconds)).astimezone(info).utcoffset() or timedelta(0)
        return span // timedelta(microseconds=1)

    start = (datetime(year, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
    end = (datetime(year + 1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(seconds=1) if year < 9999 else start + 365 * 86_400
    found = [(start, offset(start))]
    for day in range(start, end, 86_400):
        before, after = found[-1][1], offset(day + 86_400)
        if before != after:
            seconds = range(day, day + 86_400)
            place = bisect_right(seconds, 0, key=lambda at, before=before: int(offset(at) != before))  # type: ignore[misc]
            found.append((day + place if place < len(seconds) else day + 86_400, after))
    return tuple((at * 1_000_000, span) for at, span in found)
