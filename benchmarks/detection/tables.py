"""Tables: the figures of the study for `latest.json` and for a terminal, and what was expected of them. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from benchmarks.detection.catalogue import SIZES
from benchmarks.detection.runs import Cell
from benchmarks.detection.summary import Counted, Estimate, Figures

#: figure → what was expected of it before anything was measured: the study's own goals
EXPECTED: Final = {
    "emergencies_opened_within_60_s": (">=", 1.0),
    "others_seen_before_the_lead": (">=", 0.9),
    "false_items_per_patient_day": ("<=", 0.05),
    "false_pages_per_patient_day": ("<=", 0.01),
    "reviews_per_true_episode": ("<=", 10.0),
}
_SHARES: Final = ("emergencies_", "others_", "patients_without", "seen", "opened", "measured", *SIZES)


def figures_of(cells: Mapping[Cell, Counted]) -> dict[str, Any]:
    """Return everything that is reported of some cells, by "prevalence adherence" and rules."""
    found: dict[str, Any] = {}
    for (prevalence, adherence, (rules, factor)), counted in cells.items():
        figures = Figures(counted)
        place = found.setdefault(f"{prevalence} {adherence:.0%}", {})
        place[rules if factor == 1.0 else f"{rules} x {factor:g}"] = {
            **figures.detection(),
            **figures.burden(),
            "scenarios": dict(figures.by_scenario()),
            "false_items_by_rule": dict(counted.items_by_rule.most_common()),
            "false_pages_by_rule": dict(counted.pages_by_rule.most_common()),
            "false_items_and_pages_per_patient_day_by_cohort": {
                name: [round(items / days, 4), round(pages / days, 4)]
                for name, (items, pages, days) in counted.by_cohort.items()
            },
        }
    return found


def curve_of(cells: Mapping[Cell, Counted]) -> dict[str, list[dict[str, Any]]]:
    """Return the trade-off curve by rules: sensitivity from the enriched runs, burden from the realistic ones."""
    curve: dict[str, list[dict[str, Any]]] = {}
    for (prevalence, adherence, (rules, factor)), counted in sorted(cells.items(), key=lambda item: item[0][2]):
        if prevalence != "realistic":
            continue
        burden = Figures(counted).burden()
        sensitivity = Figures(cells["enriched", adherence, (rules, factor)]).detection()
        curve.setdefault(rules, []).append(
            {
                "factor": factor,
                "seen": sensitivity["others_seen_before_the_lead"],
                "false_items": burden["false_items_per_patient_day"],
                "false_pages": burden["false_pages_per_patient_day"],
                "emergencies_opened": sensitivity["emergencies_opened_within_60_s"],
            }
        )
    return curve


def as_json(value: Any) -> Any:
    """Return figures with four significant digits, estimates as [value, low, high, over]."""
    if isinstance(value, Estimate):
        return value.as_json()
    if isinstance(value, Mapping):
        return {name: as_json(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(one) for one in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def is_reached(name: str, estimate: Estimate) -> bool | None:
    """Say whether a figure is what was expected; None where nothing was, or nothing was counted."""
    if name not in EXPECTED or estimate.value is None:
        return None
    operator, goal = EXPECTED[name]
    return estimate.value >= goal if operator == ">=" else estimate.value <= goal


def shown(name: str, value: Any) -> str:
    """Return a figure as people read it, with its interval.

    >>> shown("others_seen_before_the_lead", Estimate(0.5, 0.4, 0.6, 10))
    '50.0 % (40.0–60.0)'
    """
    share = name.startswith(_SHARES)
    if isinstance(value, Estimate):
        if value.value is None:
            return "–"
        numbers = [100 * one if share else one for one in (value.value, value.low or 0.0, value.high or 0.0)]
        digits = 1 if share or numbers[0] >= 1 else 4
        return f"{numbers[0]:.{digits}f}{' %' if share else ''} ({numbers[1]:.{digits}f}–{numbers[2]:.{digits}f})"
    return f"{100 * value:.1f} %" if share else f"{value:,.4g}"


def lines(figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a terminal."""
    for cell, by_rules in figures.items():
        for rules, found in by_rules.items():
            yield f"\n{cell}, {rules}"
            for name, value in found.items():
                if isinstance(value, Mapping):
                    continue
                goal = EXPECTED.get(name)
                verdict = {None: "", True: "reached", False: "NOT reached"}[is_reached(name, value) if goal else None]
                expected = f"  expected {goal[0]} {goal[1]:g}: {verdict}" if goal else ""
                yield f"  {name.replace('_', ' '):55}{shown(name, value)}{expected}"
            yield "  scenario (seen in time; of them small, medium, large; measured at all)"
            for name, one in found["scenarios"].items():
                sizes = " ".join(f"{_percent(one[size]):>6}" for size in SIZES)
                after = one["median_days_after_onset"]
                yield (
                    f"    {name:20}{shown('seen', one['seen']):24}{sizes}   {_percent(one['measured']):>6}"
                    f"   n {one['seen'].over:.0f}{'' if after is None else f', median {after:.1f} d after onset'}"
                )
            yield f"  false items by rule: {_most(found['false_items_by_rule'])}"
            yield f"  false pages by rule: {_most(found['false_pages_by_rule'])}"
            yield f"  false items and pages per patient-day: {found['false_items_and_pages_per_patient_day_by_cohort']}"


def curve_lines(curve: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    """Yield the trade-off curve."""
    yield "\ntrade-off: limits so many times as far from normal; others seen in time; false items; false pages a patient-day"
    for rules, points in curve.items():
        for point in points:
            yield (
                f"  {rules:14}x {point['factor']:<5g}{shown('seen', point['seen']):24}"
                f"{shown('', point['false_items']):28}{shown('', point['false_pages'])}"
            )


def _percent(estimate: Estimate) -> str:
    return "–" if estimate.value is None else f"{100 * estimate.value:.0f} %"


def _most(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in list(counts.items())[:10]) or "none"
