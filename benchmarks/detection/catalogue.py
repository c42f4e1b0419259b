"""Catalogue: people, scenarios and confounders as the files state them, read once into frozen rows.

Numbers only; draws nothing and knows no rule.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
SIZES: Final = ("small", "medium", "large")
DAY: Final = 86_400_000_000
HOUR: Final = 3_600_000_000
MINUTE: Final = 60_000_000
SECOND: Final = 1_000_000
_UNITS: Final = {"m": MINUTE, "h": HOUR, "d": DAY}


@dataclass(frozen=True, slots=True)
class Band:
    """What makes a reading one of the emergency."""

    #: vital that is looked at
    vital: str
    #: values below it belong to the band; None where high ones do
    below: float | None
    #: values above it belong to the band
    above: float | None
    #: microseconds for which readings must stay in it
    for_us: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of episode."""

    #: lower case words joined by underscores
    name: str
    #: what a nurse calls it
    title: str
    #: how often among the episodes of each cohort, relative
    cohorts: Mapping[str, float]
    #: shortest and longest time from onset to turning point, days
    days: tuple[float, float]
    #: microseconds before the turning point at which it is still of use to know; None for emergencies
    lead: int | None
    #: how it grows: linear, late, plateau or spell
    shape: str
    #: days without readings after the turning point
    admitted: tuple[float, float]
    #: vital → small, medium and large change of the usual value at the turning point
    effect: Mapping[str, tuple[float, ...]]
    #: vital → value that is reached whatever is usual
    to: Mapping[str, tuple[float, ...]]
    #: the emergency band, None for the others
    band: Band | None
    #: chance that the patient feels it and measures
    felt: float
    #: where each number comes from
    source: Mapping[str, str]

    @property
    def vitals(self) -> tuple[str, ...]:
        """The vitals that it changes."""
        return (*self.effect, *self.to)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that the study states."""

    #: people.toml as it stands: study, vital, cohort, habits, network
    people: Mapping[str, Any]
    #: kinds of episodes
    scenarios: tuple[Scenario, ...]
    #: confounders.toml as it stands
    confounders: tuple[Mapping[str, Any], ...]

    @property
    def study(self) -> Mapping[str, Any]:
        """Days, patients, prevalence."""
        return self.people["study"]

    def scenario(self, name: str) -> Scenario:
        """Return one by its name."""
        return next(one for one in self.scenarios if one.name == name)


def span(text: str) -> int:
    """Return the microseconds of a number with m, h or d.

    >>> span("2d") // DAY
    2
    """
    match = re.fullmatch(r"(\d+)([mhd])", text)
    if match is None:
        raise ValueError(f"{text!r} is no time span; write a number and m, h or d")
    return int(match[1]) * _UNITS[match[2]]


@cache
def load_catalogue() -> Catalogue:
    """Return what the three files state. Raises ValueError for a number without a source."""
    people, scenarios, confounders = (
        tomllib.loads((HERE / f"{name}.toml").read_text(encoding="utf-8")) for name in ("people", "scenarios", "confounders")
    )
    for table in (*people["cohort"], *people["vital"].values(), *confounders["confounder"]):
        if not table.get("source"):
            raise ValueError(f"{table.get('name', table)} has no source")
    return Catalogue(people, tuple(_scenario(one) for one in scenarios["scenario"]), tuple(confounders["confounder"]))


def _scenario(given: Mapping[str, Any]) -> Scenario:
    effect, to, source = given.get("effect", {}), given.get("to", {}), given["source"]
    stated = {"days", *effect, *to} | ({"lead"} if "lead" in given else set())
    if missing := stated - set(source):
        raise ValueError(f"scenario {given['name']!r}: no source for {sorted(missing)}")
    band = given.get("band")
    return Scenario(
        name=given["name"],
        title=given["title"],
        cohorts=given["cohorts"],
        days=tuple(given["days"]),
        lead=span(given["lead"]) if "lead" in given else None,
        shape=given["shape"],
        admitted=tuple(given["admitted_days"]),
        effect={name: tuple(sizes) for name, sizes in effect.items()},
        to={name: tuple(sizes) for name, sizes in to.items()},
        band=band and Band(band["vital"], band.get("below"), band.get("above"), span(band.get("for", "0m"))),
        felt=given.get("felt", 0.0),
        source=source,
    )
