"""Episodes: what a row of changes of one condition, or a rebuild of it, tells of its episodes; live and played alike. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerts.lifecycle import Episode
from alerts.moments import to_datetime
from alerts.rebuild import Stretch


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one condition, times in microseconds."""

    #: measured_at of the reading that did it
    at: int
    #: it began to fire
    fired: bool
    #: it grew worse by its rule's step
    worsened: bool
    #: the first reading of the stretch
    since: int
    #: what was judged of that reading
    value: float
    #: it was news by being there still after a gap
    again: bool
    #: the numbers that it rests on
    told: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Told:
    """What is new about one condition."""

    #: when the condition ended that fired before
    ceased_at: datetime | None = None
    #: episodes that were over before anybody saw them
    past: tuple[Episode, ...] = ()
    #: the episode that lasts
    ongoing: Episode | None = None


def told_live(was_firing: bool, changes: Sequence[Change], held: int) -> Told:
    """Return what changes in time tell; `held` is the newest reading that holds the condition, where it fires after them."""
    ceased, past = None, []
    begun: Change | None = None
    worst: float | None = None
    again = False
    is_firing = was_firing
    for change in changes:
        if change.fired:
            begun, worst, again = change, change.value, False
        elif change.worsened:
            worst, again = change.value, again or change.again
        elif begun is None:
            ceased = to_datetime(change.at)
        else:
            past.append(episode(begun.since, begun.at, begun.at, change.at, begun.value, worst, begun.told))
        is_firing = change.fired or change.worsened
    if not is_firing:
        return Told(ceased, tuple(past))
    if begun is not None:
        ongoing = episode(begun.since, begun.at, held, None, begun.value, worst, begun.told)
    else:
        ongoing = episode(held, held, held, None, None, worst, {})
    return Told(ceased, tuple(past), replace(ongoing, again=again))


def told_by(stretch: Stretch, held: int) -> Episode:
    """Return the episode that a rebuild found."""
    return episode(stretch.since, stretch.fired_at, held, stretch.ended_at, stretch.value, stretch.worst, stretch.told)


def episode(
    since: int, fired: int, held: int, ended: int | None, value: float | None, worst: float | None, told: Mapping[str, float]
) -> Episode:
    """Return an episode of these times in microseconds."""
    over = None if ended is None else to_datetime(ended)
    return Episode(to_datetime(since), to_datetime(fired), to_datetime(held), over, value, worst, told)
