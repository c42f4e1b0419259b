"""Times in payloads: RFC 3339 text to microseconds since 1970 UTC, fast enough for a hot loop.

A time without an offset from UTC is refused, since nobody can say when it was.
"""

import re
from datetime import UTC, datetime
from typing import Final

#: without a fraction of a second
_RFC3339: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}([Zz]|[+-][0-9]{2}:[0-9]{2})")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS: Final = {f"{second:02}": second * 1_000_000 for second in range(60)}
# Caches, never answers of their own, emptied when full: whole texts, since many devices speak in one second, and the start of
# each minute by the text without its seconds.
_TEXTS: Final[dict[str, int]] = {}
_MINUTES: Final[dict[str, int]] = {}
_MOST: Final = 4096


def parse_time(text: str) -> int:
    """Return the microseconds since 1970 UTC of an RFC 3339 time with an offset; raise ValueError for anything else.

    >>> parse_time("1970-01-01T01:00:00.000250+01:00")
    250
    """
    seen = _TEXTS.get(text)
    return seen if seen is not None else _parse_unseen(text)


def microseconds(moment: datetime) -> int:
    """Return the microseconds since 1970 UTC of an aware datetime."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _parse_unseen(text: str) -> int:
    if text[19:20] == ".":
        zone = text[-1] if text[-1] in "Zz" else text[-6:]
        digits = text[20 : -len(zone)]
        if 1 <= len(digits) <= 9 and digits.isascii() and digits.isdecimal():
            return parse_time(text[:19] + zone) + int(digits[:6].ljust(6, "0"))  # a fraction is cut to microseconds
    try:
        us = _MINUTES[text[:17] + text[19:]] + _SECONDS[text[17:19]]
    except KeyError:
        us = _parse_unseen_minute(text)
    if len(_TEXTS) >= _MOST:
        _TEXTS.clear()
    _TEXTS[text] = us
    return us


def _parse_unseen_minute(text: str) -> int:
    if _RFC3339.fullmatch(text) is None:
        raise ValueError("not an RFC 3339 time with an offset from UTC")
    try:
        us = microseconds(datetime.fromisoformat(text.upper()))
    except OverflowError:
        raise ValueError("a time outside the years 1 to 9999") from None
    if len(_MINUTES) >= _MOST:
        _MINUTES.clear()
    _MINUTES[text[:17] + text[19:]] = us - _SECONDS[text[17:19]]
    return us
