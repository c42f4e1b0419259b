"""Summary: the figures of one set of runs, each with its 95 % interval by patient (bootstrap over patients). Pure."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.assess import Assessed, Found
from benchmarks.detection.catalogue import DAY, HOUR, SIZES
from benchmarks.detection.simulate import History

#: how often patients are drawn anew for the intervals
DRAWS: Final = 1000
#: readings that arrive later than this make a retrospective item: nobody can see them in time (alerts/lateness.py)
LIVE_FOR: Final = 12 * HOUR

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % interval by patient; None where there was nothing to count."""

    value: float | None
    low: float | None
    high: float | None
    #: what it is counted over: episodes, patient-days …
    over: float

    def as_json(self) -> list[float | None]:
        """Return value, low and high."""
        return [None if one is None else float(f"{one:.4g}") for one in (self.value, self.low, self.high)] + [self.over]


@dataclass(slots=True)
class Counted:
    """Counts by patient of any number of runs, patients of all runs one after the other."""

    days: list[Floats] = field(default_factory=list)
    false_items: list[Floats] = field(default_factory=list)
    true_items: list[Floats] = field(default_factory=list)
    false_pages: list[Floats] = field(default_factory=list)
    texts: list[Floats] = field(default_factory=list)
    #: (row of the patient over all runs, what became of the episode)
    found: list[tuple[int, Found]] = field(default_factory=list)
    #: the same for windows in which nothing happened
    chance: list[tuple[int, Found]] = field(default_factory=list)
    #: false items by the rules in them, and false pages by rule
    items_by_rule: Counter[str] = field(default_factory=Counter)
    pages_by_rule: Counter[str] = field(default_factory=Counter)
    #: false items and days by cohort
    by_cohort: dict[str, list[float]] = field(default_factory=dict)
    #: patients of all runs
    patients: int = 0

    def add(self, history: History, assessed: Assessed) -> None:
        """Count one run."""
        count = len(history.people)
        days = (~history.paused).sum(axis=1).astype(float)
        self.days.append(days)
        self.false_items.append(_tally([patient for patient, _ in assessed.false_items], count))
        self.true_items.append(_tally([patient for patient, _ in assessed.true_items], count))
        self.false_pages.append(_tally([patient for patient, _ in assessed.false_pages], count))
        self.texts.append(_tally(assessed.texts, count))
        self.found += [(self.patients + one.known.episode.patient, one) for one in assessed.found]
        self.chance += [(self.patients + one.known.episode.patient, one) for one in assessed.chance]
        self.items_by_rule.update(rule for _, rules in assessed.false_items for rule in rules)
        self.pages_by_rule.update(rule for _, rule in assessed.false_pages)
        for place, name in enumerate(history.people.cohorts):
            mine = history.people.cohort == place
            total = self.by_cohort.setdefault(name, [0.0, 0.0, 0.0])
            total[0] += float(self.false_items[-1][mine].sum())
            total[1] += float(self.false_pages[-1][mine].sum())
            total[2] += float(days[mine].sum())
        self.patients += count

    def join(self, other: "Counted") -> None:
        """Count those of another run too."""
        for name in ("days", "false_items", "true_items", "false_pages", "texts"):
            getattr(self, name).extend(getattr(other, name))
        self.found += [(self.patients + row, one) for row, one in other.found]
        self.chance += [(self.patients + row, one) for row, one in other.chance]
        self.items_by_rule.update(other.items_by_rule)
        self.pages_by_rule.update(other.pages_by_rule)
        for name, total in other.by_cohort.items():
            mine = self.by_cohort.setdefault(name, [0.0, 0.0, 0.0])
            self.by_cohort[name] = [one + more for one, more in zip(mine, total, strict=True)]
        self.patients += other.patients


def _tally(patients: Sequence[int], count: int) -> Floats:
    return np.bincount(np.array(patients, np.intp) - 1, minlength=count).astype(float)


class Figures:
    """The figures of what was counted."""

    def __init__(self, counted: Counted, seed: int = 0) -> None:
        self._counted = counted
        count = counted.patients
        random = np.random.default_rng([seed, 9])
        self._weights = random.multinomial(count, np.full(count, 1 / count), DRAWS).astype(float)

    def ratio(self, above: Floats, below: Floats) -> Estimate:
        """Return the sum of one over the sum of the other, by patient."""
        over = float(below.sum())
        if not over:
            return Estimate(None, None, None, 0.0)
        drawn_above, drawn_below = self._weights @ above, self._weights @ below
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn = drawn_above / drawn_below
        low, high = np.nanpercentile(drawn[np.isfinite(drawn)], [2.5, 97.5])
        return Estimate(float(above.sum()) / over, float(low), float(high), over)

    def share(
        self, wanted: Callable[[Found], bool], hit: Callable[[Found], bool], among: Sequence[tuple[int, Found]] | None = None
    ) -> Estimate:
        """Return which share of the wanted episodes was hit."""
        above, below = np.zeros(self._counted.patients), np.zeros(self._counted.patients)
        for row, one in self._counted.found if among is None else among:
            if wanted(one):
                below[row] += 1
                above[row] += hit(one)
        return self.ratio(above, below)

    def burden(self) -> dict[str, Any]:
        """Return what the run costs people."""
        counted = self._counted
        days, items, pages = (np.concatenate(part) for part in (counted.days, counted.false_items, counted.false_pages))
        texts, reviews = np.concatenate(counted.texts), items + np.concatenate(counted.true_items)
        episodes, seen = np.zeros(counted.patients), np.zeros(counted.patients)
        for row, one in counted.found:
            episodes[row] += 1
            seen[row] += one.is_seen
        rate = items / np.maximum(days, 1)
        return {
            "patient_days": float(days.sum()),
            "false_items_per_patient_day": self.ratio(items, days),
            "false_pages_per_patient_day": self.ratio(pages, days),
            "recheck_texts_per_patient_day": self.ratio(texts, days),
            "reviews_per_true_episode": self.ratio(reviews, episodes),
            "reviews_per_found_episode": self.ratio(reviews, seen),
            "false_items_per_day_of_the_95th_percentile_patient": float(np.percentile(rate, 95)),
            "patients_without_a_false_item": float((items == 0).mean()),
        }

    def detection(self) -> dict[str, Any]:
        """Return what was found, by kind."""
        return {
            "emergencies_opened_within_60_s": self.share(_emergency_measured, lambda one: one.is_opened),
            "emergencies_sent_within_60_s": self.share(_emergency_live, lambda one: one.is_seen),
            "emergencies_never_measured": self.share(_is_emergency, lambda one: one.known.arrived is None),
            "others_seen_before_the_lead": self.share(_is_other, lambda one: one.is_seen),
            "others_on_the_worklist_before_the_lead": self.share(_is_other, lambda one: one.is_opened),
            "others_measured_before_the_lead": self.share(_is_other, lambda one: one.known.is_measured),
            "others_seen_by_chance_where_nothing_happened": self.share(
                _is_other, lambda one: one.is_seen, self._counted.chance
            ),
            "others_seen_of_those_measured": self.share(
                lambda one: _is_other(one) and one.known.is_measured, lambda one: one.is_seen
            ),
        } | {
            f"others_seen_before_the_lead_{name}": self.share(
                lambda one, size=size: _is_other(one) and one.known.episode.size == size,
                lambda one: one.is_seen,  # type: ignore[misc]
            )
            for size, name in enumerate(SIZES)
        }

    def by_scenario(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each scenario with what was found of it, by effect size, and how long after onset."""
        names = {one.known.episode.scenario.name: one.known.episode.scenario for _, one in self._counted.found}
        for name, scenario in sorted(names.items(), key=lambda item: (item[1].band is not None, item[0])):
            after = [one.after / DAY for _, one in self._counted.found if _named(name)(one) and one.after is not None]
            rules = Counter(rule for _, one in self._counted.found if _named(name)(one) for rule in one.rules)
            yield (
                name,
                {
                    "title": scenario.title,
                    "lead_days": None if scenario.lead is None else scenario.lead / DAY,
                    "seen": self.share(_named(name), lambda one: one.is_seen),
                    "opened": self.share(_named(name), lambda one: one.is_opened),
                    "measured": self.share(_named(name), lambda one: one.known.is_measured),
                    **{size: self.share(_named(name, place), lambda one: one.is_seen) for place, size in enumerate(SIZES)},
                    "median_days_after_onset": float(np.median(after)) if after else None,
                    "rules": dict(rules.most_common(5)),
                },
            )


def _named(name: str, size: int | None = None) -> Callable[[Found], bool]:
    return lambda one: one.known.episode.scenario.name == name and size in (None, one.known.episode.size)


def _is_emergency(one: Found) -> bool:
    return one.known.episode.scenario.band is not None


def _is_other(one: Found) -> bool:
    return one.known.episode.scenario.band is None


def _emergency_measured(one: Found) -> bool:
    return _is_emergency(one) and one.known.arrived is not None


def _emergency_live(one: Found) -> bool:
    """Its reading arrived while it could be judged live; what arrives later nobody can see in time."""
    known = one.known
    return known.arrived is not None and known.measured is not None and known.arrived - known.measured <= LIVE_FOR
