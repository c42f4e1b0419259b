"""Figures: what a benchmark found, as one row of the printed table and one entry of `latest.json`. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure against its limit or peer; medians of the rounds."""

    #: as in docs/benchmarks.md: P1, P2, …
    name: str
    #: what was measured, in a few words
    title: str
    value: float
    unit: str
    #: the limit or peer, with its own value of the same run
    against: str
    #: value divided by what it stands against
    ratio: float
    #: what the ratio is to reach, as text
    goal: str
    #: whether it does
    reached: bool
    #: what else is worth knowing, by name
    detail: Mapping[str, Any] = field(default_factory=dict)


def percentile(values: Iterable[float], share: float) -> float:
    """Return the smallest value that at least this share (0–1) of the values do not exceed (nearest rank).

    Raises ValueError where there is no value.

    >>> percentile([4.0, 1.0, 3.0, 2.0], 0.5), percentile(range(1, 101), 0.99)
    (2.0, 99)
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def ratio_of_medians(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of ours over the median of theirs.

    >>> ratio_of_medians([1.0, 9.0, 2.0], [4.0, 4.0, 1.0])
    0.5
    """
    return median(ours) / median(theirs)


def as_json(figures: Sequence[Figure], machine: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `latest.json` holds: one entry a figure, and the machine it was found on."""
    found: dict[str, Any] = {
        one.name: {
            "title": one.title,
            "value": _rounded(one.value),
            "unit": one.unit,
            "against": one.against,
            "ratio": _rounded(one.ratio),
            "goal": one.goal,
            "reached": one.reached,
            "detail": {name: _rounded(value) for name, value in one.detail.items()},
        }
        for one in figures
    }
    return found | {"machine": dict(machine)}


def as_table(figures: Sequence[Figure]) -> str:
    """Return the figures as lines of text."""
    lines = []
    for one in figures:
        verdict = "reached" if one.reached else "not yet"
        lines.append(f"{one.name:4}{one.title}")
        lines.append(f"    {_shown(one.value)} {one.unit} against {one.against}")
        lines.append(f"    ratio {one.ratio:.2f}, goal {one.goal}: {verdict}")
        lines += [f"      {name.replace('_', ' ')}: {_shown(value)}" for name, value in one.detail.items()]
    return "\n".join(lines)


def _rounded(value: Any) -> Any:
    """Return a number with four significant digits; anything else as it is."""
    if isinstance(value, (list, tuple)):
        return [_rounded(one) for one in value]
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else None
    return value


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_shown(one) for one in value)
    if isinstance(value, (int, float)):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)
