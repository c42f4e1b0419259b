"""Late is not old news: how old a reading may be when a person first hears of it, and what that makes of its alert.

Pure. SAFETY I5: a late reading that is the newest of its vital is judged live for 12 hours; what newer readings already
contradict, or what is older, becomes an item due the same shift.
"""

from datetime import timedelta
from typing import Final, Literal

Lateness = Literal["live", "late", "retrospective"]

#: from the most urgent to the least
ORDER: Final[tuple[Lateness, ...]] = ("live", "late", "retrospective")
#: a late reading is judged live for this long (docs/decisions/0011)
LIVE_FOR: Final = timedelta(hours=12)
#: a retrospective item is due the same shift
SHIFT: Final = timedelta(hours=8)


def lateness_of(age: timedelta, fresh_for: timedelta) -> Lateness:
    """Return what a reading of this age means, where none that is newer contradicts it.

    >>> lateness_of(timedelta(hours=6), timedelta(minutes=15))
    'late'
    """
    if age <= fresh_for:
        return "live"
    return "late" if age <= LIVE_FOR else "retrospective"


def lateness_of_past(age: timedelta, fresh_for: timedelta) -> Lateness:
    """Return what an episode means that was over before anybody saw it, by the age of the reading that made it fire.

    >>> lateness_of_past(timedelta(hours=6), timedelta(minutes=15))
    'retrospective'
    """
    return "live" if age <= fresh_for else "retrospective"
