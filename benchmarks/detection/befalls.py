"""What befalls people in one run: episodes with their turning points, and confounders, placed in time and sized by chance.

Times are microseconds since 1970 UTC. Changes say how a person's value moves; nothing is measured here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from benchmarks.detection.catalogue import DAY, MINUTE, Catalogue, Scenario
from benchmarks.detection.people import People
from devices.vitals import COLUMN

#: tries to find a free place for an episode
_TRIES: Final = 60
#: shapes of changes that are no episode's
_SHAPES: Final = {"spell": "hill", "drift": "linear", "season": "linear"}


@dataclass(frozen=True, slots=True)
class Episode:
    """Something true that happens to one patient."""

    #: row of the patient
    patient: int
    #: what happens
    scenario: Scenario
    #: 0 small, 1 medium, 2 large
    size: int
    #: when it begins
    onset: int
    #: when harm is done: admission, or the end of an emergency
    turning: int
    #: until when alerts of it are no false ones: admission and recovery included
    until: int
    #: from the turning point to here nothing is measured
    back: int

    @property
    def deadline(self) -> int | None:
        """Until when it is of use to know; None for emergencies."""
        return None if self.scenario.lead is None else self.turning - self.scenario.lead


@dataclass(frozen=True, slots=True)
class Change:
    """How one vital of one person moves."""

    patient: int
    #: column of the vital
    vital: int
    start: int
    #: where it is complete
    end: int
    #: how long it takes to pass
    fade: int
    #: canonical unit
    size: float
    #: `size` is the value that is reached, not what is added
    is_to: bool
    #: linear, late, plateau, spell or hill
    shape: str


@dataclass(frozen=True, slots=True)
class Spoilt:
    """A spell in which one device, or one person's habit, is not what it should be."""

    patient: int
    #: add, times, stuck, clock, hours, absence, compression or first_day
    fault: str
    #: name of the device, "" for all of them
    device: str
    start: int
    end: int
    #: vital → what is added (add)
    change: Mapping[str, float] = field(default_factory=dict)
    #: hours, factor or share
    amount: float = 0.0


@dataclass(frozen=True, slots=True)
class Befallen:
    """Everything that happens to the people of one run."""

    episodes: list[Episode]
    changes: list[Change]
    spoilt: list[Spoilt]


def draw_befallen(catalogue: Catalogue, people: People, per_year: float, seed: int) -> Befallen:
    """Place episodes at a rate per patient-year, and confounders at their own."""
    random = np.random.default_rng([seed, 3])
    episodes = [one for row in range(len(people)) for one in _episodes(catalogue, people, row, per_year, random)]
    changes = [change for episode in episodes for change in _of_episode(episode)]
    spoilt: list[Spoilt] = []
    random = np.random.default_rng([seed, 4])
    for confounder in catalogue.confounders:
        if confounder["sort"] != "reading":
            _place(catalogue, people, confounder, random, changes, spoilt)
    return Befallen(episodes, changes, spoilt)


def vitals_of(catalogue: Catalogue, people: People, row: int) -> set[str]:
    """Return the names of the vitals that a person's devices measure."""
    habits = catalogue.people["cohort"][people.cohort[row]]["habits"]
    return {vital for habit in habits if habit["device"] in people.devices[row] for vital in habit["vitals"]}


def _episodes(catalogue: Catalogue, people: People, row: int, rate: float, random: np.random.Generator) -> Iterator[Episode]:
    study = catalogue.study
    count = int(random.poisson(rate * study["days"] / 365.25))
    cohort, measured = people.cohorts[people.cohort[row]], vitals_of(catalogue, people, row)
    fitting = [one for one in catalogue.scenarios if cohort in one.cohorts and _is_measured(one, measured)]
    weights = np.array([one.cohorts[cohort] for one in fitting])
    taken: list[tuple[int, int]] = []
    first, apart = int(people.midnight[people.zone[row], 1]), study["apart_days"] * DAY
    for _ in range(count):
        scenario = fitting[int(random.choice(len(fitting), p=weights / weights.sum()))]
        size = int(random.choice(3, p=study["sizes"]))
        lasts = random.uniform(*scenario.days) * DAY
        away = random.uniform(*scenario.admitted) * DAY
        for _ in range(_TRIES):
            onset = first + int(random.uniform(study["first_day"] * DAY, study["days"] * DAY - lasts))
            turning = onset + int(lasts)
            back = turning + int(away)
            if all(back + apart < begin or onset > end + apart for begin, end in taken):
                taken.append((onset, back))
                yield Episode(row, scenario, size, onset, turning, max(back, turning + _fade(scenario, lasts)) + DAY, back)
                break


def _is_measured(scenario: Scenario, measured: set[str]) -> bool:
    """Whether this person's devices could show it at all."""
    return scenario.band.vital in measured if scenario.band else bool(measured & set(scenario.vitals))


def _fade(scenario: Scenario, lasts: float) -> int:
    return 0 if scenario.shape == "spell" else int(min(3 * DAY, 0.15 * lasts))


def _of_episode(episode: Episode) -> Iterator[Change]:
    scenario = episode.scenario
    for is_to, table in ((False, scenario.effect), (True, scenario.to)):
        for vital, sizes in table.items():
            yield Change(
                episode.patient,
                COLUMN[vital],
                episode.onset,
                episode.turning,
                _fade(scenario, episode.turning - episode.onset),
                sizes[episode.size],
                is_to,
                scenario.shape,
            )


def _place(
    catalogue: Catalogue,
    people: People,
    stated: Mapping[str, Any],
    random: np.random.Generator,
    changes: list[Change],
    spoilt: list[Spoilt],
) -> None:
    """Place one sort of confounder among all people."""
    days, sort, device = catalogue.study["days"], stated["sort"], stated.get("device", "")
    for row in range(len(people)):
        count = int(random.poisson(stated["per_year"] * days / 365.25))
        if device and device not in people.devices[row]:
            continue
        if "cohorts" in stated and people.cohorts[people.cohort[row]] not in stated["cohorts"]:
            continue
        first = int(people.midnight[people.zone[row], 1])
        if sort == "season":
            count = 1
        if sort == "first_day":
            count = -(-days // 10)
        for number in range(count):
            if sort == "compression":
                start = first + int(random.integers(days)) * DAY + int(random.uniform(0.0, 5.5) * 60) * MINUTE
                lasts = int(random.uniform(*stated["minutes"])) * MINUTE
                spoilt.append(Spoilt(row, sort, device, start, start + lasts, amount=random.uniform(*stated["share"])))
                continue
            if sort == "first_day":
                start = first + number * 10 * DAY + int(random.integers(24)) * 60 * MINUTE
                spoilt.append(Spoilt(row, sort, device, start, start + DAY, amount=random.uniform(*stated["share"])))
                continue
            lasts = int(random.uniform(*stated["days"]) * DAY)
            start = first if sort == "season" else first + int(random.uniform(0, days) * DAY)
            sign = random.choice([-1.0, 1.0]) if stated.get("sign") == "both" else 1.0
            drawn = {name: sign * random.uniform(*ends) for name, ends in stated.get("change", {}).items()}
            if sort in _SHAPES:
                fade = 0 if sort == "spell" else 200 * DAY
                changes += [
                    Change(row, COLUMN[name], start, start + lasts, fade, size, False, _SHAPES[sort])
                    for name, size in drawn.items()
                ]
                continue
            fault = stated.get("fault", sort)
            if fault in ("stuck", "clock") and not device:
                held = sorted(people.devices[row] - {"cgm"})
                if not held:
                    continue
                name = held[int(random.integers(len(held)))]
            else:
                name = device
            amount = stated.get("factor", 0.0) if "hours" not in stated else random.uniform(*stated["hours"])
            spoilt.append(Spoilt(row, fault, name, start, start + lasts, drawn, amount))
