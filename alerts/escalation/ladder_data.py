"""A ladder as data: for each urgency the steps, whom each pages, by which channels, how long it waits and how often.

Pure nouns and their reading from JSON or the shipped file. Every refusal names the place and the way out.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

Word = Literal["emergency", "high", "medium", "low"]

#: most urgent first; each has steps of its own
WORDS: Final[tuple[Word, ...]] = ("emergency", "high", "medium", "low")
#: whom a step may page
WHO: Final = re.compile(r"coordinator|lead|everyone|on call [1-9]")
#: longest wait that a ladder may ask for
_LONGEST: Final = 7 * 24 * 60
_MOST_STEPS: Final = 20


class LadderError(ValueError):
    """A ladder cannot be used; the message names the place and the way out."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a ladder."""

    #: "coordinator", "lead", "everyone", "on call 1" … "on call 9"
    who: tuple[str, ...]
    #: how long it waits for somebody to take the alert on
    wait: timedelta
    #: how often it is taken before the next one
    times: int = 1
    #: by which channels; empty: by every one that the person has
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Climb:
    """What happens to alerts of one urgency."""

    #: the steps, in order
    steps: tuple[Rung, ...]
    #: how long after its last step everybody is paged again
    again: timedelta
    #: how long an alert that was taken on may rest before its owner is asked again
    remind: timedelta
    #: whether it pages also while nobody is on duty; one that does not waits for the next who is
    wakes: bool


@dataclass(frozen=True, slots=True)
class Ladder:
    """All of a team's ladder."""

    #: raised with every change
    version: int
    #: where its numbers come from
    source: str
    climbs: Mapping[Word, Climb]

    @property
    def layers(self) -> tuple[int, ...]:
        """Return the on-call layers that any step pages."""
        who = {one for climb in self.climbs.values() for step in climb.steps for one in step.who}
        return tuple(sorted(int(one.removeprefix("on call ")) for one in who if one.startswith("on call ")))


def read_ladder(given: Mapping[str, Any], channels: Sequence[str] = ()) -> Ladder:
    """Return a ladder from its data; `channels` are those that exist, where that is known. Raises LadderError."""
    if unknown := sorted(set(given) - {"version", "source", *WORDS}):
        raise LadderError(f"a ladder has no {unknown[0]!r}: write version, source and {', '.join(WORDS)}")
    if missing := [word for word in WORDS if word not in given]:
        raise LadderError(f"a ladder needs steps for {missing[0]!r} too; docs/escalation.md shows a whole one")
    climbs = {word: _climb(word, given[word], channels) for word in WORDS}
    return Ladder(int(given.get("version", 1)), str(given.get("source", "")), climbs)


def read_ladder_file(text: str) -> Ladder:
    """Return the ladder of a TOML file's text. Raises LadderError."""
    return read_ladder(tomllib.loads(text))


def write_ladder(ladder: Ladder) -> dict[str, Any]:
    """Return a ladder as the data that `read_ladder` takes."""
    told: dict[str, Any] = {"version": ladder.version, "source": ladder.source}
    for word, climb in ladder.climbs.items():
        told[word] = {
            "wakes": climb.wakes,
            "again_minutes": climb.again / timedelta(minutes=1),
            "remind_minutes": climb.remind / timedelta(minutes=1),
            "steps": [
                {
                    "who": list(step.who),
                    "wait_minutes": step.wait / timedelta(minutes=1),
                    "times": step.times,
                    "channels": list(step.channels),
                }
                for step in climb.steps
            ],
        }
    return told


def word_of(severity: str, *, emergency: bool) -> Word:
    """Return an alert's urgency in one word.

    >>> word_of("high", emergency=True), word_of("medium", emergency=False)
    ('emergency', 'medium')
    """
    if emergency:
        return "emergency"
    return "high" if severity == "high" else "medium" if severity == "medium" else "low"


def _climb(word: str, given: Any, channels: Sequence[str]) -> Climb:
    if not isinstance(given, Mapping) or not isinstance(given.get("steps"), Sequence) or not given["steps"]:
        raise LadderError(f"{word}: at least one step is needed")
    if unknown := sorted(set(given) - {"steps", "wakes", "again_minutes", "remind_minutes"}):
        raise LadderError(f"{word}: nobody knows {unknown[0]!r}; write steps, wakes, again_minutes and remind_minutes")
    if len(given["steps"]) > _MOST_STEPS:
        raise LadderError(f"{word}: more than {_MOST_STEPS} steps; nobody waits that long")
    steps = tuple(_rung(f"{word}, step {place}", step, channels) for place, step in enumerate(given["steps"], 1))
    again, remind = (_minutes(word, given, name) for name in ("again_minutes", "remind_minutes"))
    return Climb(steps, again, remind, bool(given.get("wakes", True)))


def _rung(where: str, given: Any, channels: Sequence[str]) -> Rung:
    if not isinstance(given, Mapping):
        raise LadderError(f"{where}: write who, wait_minutes and times")
    if unknown := sorted(set(given) - {"who", "wait_minutes", "times", "channels"}):
        raise LadderError(f"{where}: nobody knows {unknown[0]!r}; write who, wait_minutes, times and channels")
    who = given.get("who")
    if not isinstance(who, Sequence) or isinstance(who, str) or not who:
        raise LadderError(f"{where}: who is a list, such as ['coordinator', 'on call 1']")
    for one in who:
        if not isinstance(one, str) or not WHO.fullmatch(one):
            raise LadderError(f"{where}: {one!r} is nobody; write coordinator, lead, everyone or on call 1 to on call 9")
    times = given.get("times", 1)
    if not isinstance(times, int) or isinstance(times, bool) or not 1 <= times <= 20:
        raise LadderError(f"{where}: times is a whole number from 1 to 20")
    wanted = given.get("channels", [])
    if not isinstance(wanted, Sequence) or isinstance(wanted, str):
        raise LadderError(f"{where}: channels is a list; leave it out for every channel that the person has")
    if channels and (strange := sorted(set(map(str, wanted)) - set(channels))):
        raise LadderError(f"{where}: no channel is called {strange[0]!r}; there are {', '.join(channels)}")
    return Rung(tuple(who), _minutes(where, given, "wait_minutes"), times, tuple(map(str, wanted)))


def _minutes(where: str, given: Mapping[str, Any], name: str) -> timedelta:
    value = given.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= _LONGEST:
        raise LadderError(f"{where}: {name} is a number of minutes, more than 0 and at most a week")
    return timedelta(minutes=value)
