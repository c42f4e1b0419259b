"""Episodes: what goes wrong with a simulated person, how fast, how far, and how it passes.

Each kind adds to vitals along one curve: it sets in, holds, and goes again. Pure. Sizes are engineering judgement, chosen to
cross the limits of the shipped rules.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_HOUR: Final = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Course:
    """How one kind of episode runs."""

    #: what it adds to vitals at its height, canonical units
    shift: Mapping[str, float]
    #: hours until its height, at its height, and until it has passed
    onset: float
    hold: float
    decline: float
    #: whether the person measures nothing meanwhile
    is_silent: bool = False


#: courses by kind
COURSES: Final = MappingProxyType(
    {
        "desaturation": Course({"spo2": -10, "heart_rate": 18, "respiratory_rate": 9}, 0.3, 1.5, 1.0),
        "fever": Course({"body_temperature": 2.3, "heart_rate": 22, "respiratory_rate": 5, "spo2": -1}, 3, 24, 12),
        "weight_gain": Course({"body_weight": 3.4, "respiratory_rate": 3, "spo2": -2, "heart_rate": 8}, 96, 48, 96),
        "hypertensive_crisis": Course({"systolic_bp": 82, "diastolic_bp": 44, "heart_rate": 12}, 0.3, 3, 2),
        "hypoglycaemia": Course({"blood_glucose": -52, "cgm_glucose": -52, "heart_rate": 14}, 0.5, 0.7, 0.7),
        "silence": Course({}, 0, 72, 0, is_silent=True),
    }
)


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode of one person."""

    #: a key of COURSES
    kind: str
    #: microseconds since 1970 UTC
    starts_us: int
    #: share of the usual size; 1 is usual
    strength: float = 1.0


def add_up(episodes: Iterable[Episode], time_us: int) -> dict[str, float]:
    """Return what these episodes add to each vital at a time, canonical units."""
    total: dict[str, float] = {}
    for episode in episodes:
        share = episode.strength * _share(episode, time_us)
        if share:
            for name, size in COURSES[episode.kind].shift.items():
                total[name] = total.get(name, 0.0) + share * size
    return total


def is_silent(episodes: Iterable[Episode], time_us: int) -> bool:
    """Tell whether the person measures nothing at a time."""
    return any(COURSES[episode.kind].is_silent and _share(episode, time_us) > 0 for episode in episodes)


def _share(episode: Episode, time_us: int) -> float:
    """Return how much of an episode is there at a time, 0 to 1."""
    course = COURSES[episode.kind]
    hours = (time_us - episode.starts_us) / _HOUR
    if hours < 0 or hours >= course.onset + course.hold + course.decline:
        return 0.0
    if hours < course.onset:
        return _smooth(hours / course.onset)
    if hours < course.onset + course.hold:
        return 1.0
    return 1 - _smooth((hours - course.onset - course.hold) / course.decline)


def _smooth(part: float) -> float:
    return part * part * (3 - 2 * part)
