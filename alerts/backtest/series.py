"""Series: readings at equal steps as a clinician writes them: `97x10 88 85x5 _x3 96` (docs/rules.md, Testing rules).

Pure. A word is a value, `_` for a step without a reading, or a run of either: `97x10` is ten readings of 97, `80+0.3x5` five
readings that begin at 80 and rise by 0.3, `80-0.3x5` five that fall.
"""

import re
from decimal import Decimal
from typing import Final

from devices.vitals import CONSCIOUSNESS

_NUMBER: Final = r"\d+(?:\.\d+)?"
_VALUE: Final = re.compile(rf"(?P<value>{_NUMBER})(?P<change>[+-]{_NUMBER})?(?:x(?P<count>\d+))?")
_CODE: Final = re.compile(rf"(?P<code>[{''.join(CONSCIOUSNESS)}])(?:x(?P<count>\d+))?")
_NOTHING: Final = re.compile(r"_(?:x(?P<count>\d+))?")
#: steps that one series may have
_MOST: Final = 100_000


class SeriesError(ValueError):
    """A series cannot be read; the message names the word and the way out."""


def values_of(series: str) -> list[float | None]:
    """Return the value at each step, None where there is no reading. Raises SeriesError.

    >>> values_of("97x2 _ 88 80+0.3x3")
    [97.0, 97.0, None, 88.0, 80.0, 80.3, 80.6]
    """
    found: list[float | None] = []
    for word in series.split():
        if match := _NOTHING.fullmatch(word):
            found += [None] * _count(word, match["count"])
            continue
        match = _VALUE.fullmatch(word)
        if match is None or (match["change"] and not match["count"]):
            raise SeriesError(f"{word!r} is no part of a series; write 97, 97x10, 80+0.3x5 or _x3")
        begin, change = Decimal(match["value"]), Decimal(match["change"] or 0)
        found += [float(begin + change * step) for step in range(_count(word, match["count"]))]
        _check_length(found)
    _check_length(found)
    return found


def codes_of(series: str) -> list[str | None]:
    """Return the code of consciousness at each step, None where there is none. Raises SeriesError.

    >>> codes_of("Ax2 _ V")
    ['A', 'A', None, 'V']
    """
    found: list[str | None] = []
    for word in series.split():
        match = _NOTHING.fullmatch(word) or _CODE.fullmatch(word)
        if match is None:
            raise SeriesError(
                f"{word!r} is no consciousness; write A, C, V, P or U (alert, confused, voice, pain, none), Ax5 or _x3"
            )
        found += [match.groupdict().get("code")] * _count(word, match["count"])
    _check_length(found)
    return found


def _count(word: str, count: str | None) -> int:
    if count is None:
        return 1
    if not 1 <= int(count) <= _MOST:
        raise SeriesError(f"{word!r} stands {count} times; write 1 to {_MOST}")
    return int(count)


def _check_length(found: list[float | None] | list[str | None]) -> None:
    if len(found) > _MOST:
        raise SeriesError(f"the series has more than {_MOST} steps; cut the case into several")
