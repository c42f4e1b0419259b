"""The reference: what a rule makes of one vital's readings, told as plainly as docs/rules.md tells it, one reading at a time.

Slow on purpose and shares nothing with the engine. Times are microseconds.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from alerts.rule import Rule


@dataclass
class Episode:
    """One stretch in which a condition fired."""

    since: int
    fired_at: int
    #: what was announced last: the reading that made it fire, or one a step worse than that
    worst: float
    ended_at: int | None = None

    def overlaps(self, other: "Episode") -> bool:
        """Whether two stretches have a moment in common."""
        far = 1 << 62
        return self.since <= (other.ended_at or far) and other.since <= (self.ended_at or far)


@dataclass
class Course:
    """What all readings of a vital, in the order in which they were measured, make of a rule."""

    condition: str = "inactive"
    since: int | None = None
    episodes: list[Episode] = field(default_factory=list)

    @property
    def ongoing(self) -> Episode | None:
        """The episode that lasts."""
        return self.episodes[-1] if self.condition == "firing" else None


def breaches(rule: Rule, value: float) -> bool:
    """Whether a value is beyond the limit."""
    assert rule.limit is not None
    return {"<": value < rule.limit, "<=": value <= rule.limit, ">": value > rule.limit, ">=": value >= rule.limit}[
        rule.op or ""
    ]


def worse_by(rule: Rule, value: float, than: float) -> float:
    """Return by how much a value is worse than another."""
    return value - than if rule.op in (">", ">=") else than - value


def follow(rule: Rule, readings: Iterable[tuple[int, float]]) -> Course:
    """Return the course of a rule over clean readings in order."""
    assert rule.limit is not None
    wait, gap = (round(span.total_seconds() * 1e6) for span in (rule.for_, rule.max_gap))
    course, streak, previous = Course(), 0, 0
    for time, value in readings:
        if course.condition == "firing":
            episode = course.episodes[-1]
            slack = -rule.hysteresis if rule.op in (">", ">=") else rule.hysteresis
            if not breaches(rule, value - slack):
                episode.ended_at = time
                course.condition, course.since = "inactive", None
            elif rule.step and worse_by(rule, value, episode.worst) >= rule.step:
                episode.worst = value
        elif breaches(rule, value):
            if course.condition == "inactive" or (gap and time - previous > gap):
                course.condition, course.since, streak = "pending", time, 1
            else:
                streak += 1
            assert course.since is not None
            if streak >= rule.readings and time - course.since >= wait:
                course.condition = "firing"
                course.episodes.append(Episode(course.since, time, value))
        else:
            course.condition, course.since = "inactive", None
        previous = time
    return course
