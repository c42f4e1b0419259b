"""A sparkline over its limits, as numbers that a template writes into an SVG.

Pure: takes what was measured, gives coordinates. Never hides age: the line ends where the readings end, and a dashed
tail runs on to now.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: the drawing's size in its own units
WIDTH: Final = 160.0
HEIGHT: Final = 44.0
_EDGE = 4.0
#: pixels a bucket is wide when there are more readings than fit
_BUCKETS = 76


@dataclass(frozen=True, slots=True)
class Limit:
    """One side that a value should not cross, in the unit that is drawn."""

    #: "<", "<=", ">" or ">=": the values for which the limit is broken
    operator: str
    value: float

    def is_broken(self, value: float) -> bool:
        """Say whether a value crosses the limit.

        >>> Limit("<=", 88).is_broken(88), Limit("<", 88).is_broken(88)
        (True, False)
        """
        match self.operator:
            case "<":
                return value < self.value
            case "<=":
                return value <= self.value
            case ">":
                return value > self.value
            case _:
                return value >= self.value


@dataclass(frozen=True, slots=True)
class Sparkline:
    """What the template draws; every number is in drawing units, y down."""

    #: "M0 16L12 14…", one "M" per unbroken stretch
    path: str
    #: the dashed tail from the newest reading to now; empty when it is fresh
    tail: str
    #: (y, height) of the area where values are fine; None without limits
    band: tuple[float, float] | None
    #: heights of the limit lines
    limits: tuple[float, ...]
    #: readings beyond a limit
    marks: tuple[tuple[float, float], ...]
    #: the newest reading; None when there is none
    newest: tuple[float, float] | None
    #: the story in words, for who does not see it
    label: str


def draw(
    at: Sequence[float], values: Sequence[float], limits: Sequence[Limit], now: float, title: str, unit: str, decimals: int
) -> Sparkline:
    """Draw one vital from its oldest shown reading to now.

    `at` (n,) seconds since 1970, ascending; `values` (n,) and `limits` in the shown unit; `now` in seconds.
    """
    if not len(at):
        return Sparkline("", "", None, (), (), None, f"{title}: no readings in this time")
    t, v = np.asarray(at, dtype=np.float64), np.asarray(values, dtype=np.float64)
    start, span = float(t[0]), max(now - float(t[0]), 60.0)
    low, high = _range(v, limits)
    scale = (HEIGHT - 2 * _EDGE) / (high - low)

    def y(value: float) -> float:
        return round(HEIGHT - _EDGE - (min(max(value, low), high) - low) * scale, 1)

    def x(seconds: float) -> float:
        return round(min((seconds - start) / span, 1.0) * (WIDTH - _EDGE), 1)

    kept = _thin(t, v, start, span)
    points = [(x(t[i]), y(v[i])) for i in kept]
    breaks = _gaps(t[kept])
    path = "".join(f"{'M' if i == 0 or i in breaks else 'L'}{px:g} {py:g}" for i, (px, py) in enumerate(points))
    last = points[-1]
    stale = (now - t[-1]) > 0.03 * span
    drawn = [limit for limit in limits if low <= limit.value <= high]
    marks = tuple(point for i, point in zip(kept, points, strict=True) if any(limit.is_broken(v[i]) for limit in limits))
    return Sparkline(
        path=path,
        tail=f"M{last[0]:g} {last[1]:g}H{WIDTH - _EDGE:g}" if stale else "",
        band=_band(drawn, y),
        limits=tuple(y(limit.value) for limit in drawn),
        marks=marks if len(marks) <= 24 else marks[-1:],
        newest=last,
        label=_story(v, limits, span, title, unit, decimals),
    )


def _range(v: NDArray[np.float64], limits: Sequence[Limit]) -> tuple[float, float]:
    low, high = float(v.min()), float(v.max())
    room = max(high - low, abs(high) * 0.02, 0.2)
    for limit in limits:  # a limit far from anything measured would only flatten the line
        if low - 2 * room <= limit.value <= high + 2 * room:
            low, high = min(low, limit.value), max(high, limit.value)
    room = max(high - low, abs(high) * 0.02, 0.2) * 0.08
    return low - room, high + room


def _thin(t: NDArray[np.float64], v: NDArray[np.float64], start: float, span: float) -> list[int]:
    """Return the indices worth drawing: all of few; of many each bucket's lowest, highest and the very last."""
    if len(t) <= 2 * _BUCKETS:
        return list(range(len(t)))
    bucket = np.minimum(((t - start) / span * _BUCKETS).astype(np.int64), _BUCKETS - 1)
    edges = np.flatnonzero(np.diff(bucket, prepend=-1))
    kept: set[int] = {len(t) - 1}
    for first, end in zip(edges, [*edges[1:], len(t)], strict=True):
        kept.add(int(first + v[first:end].argmin()))
        kept.add(int(first + v[first:end].argmax()))
    return sorted(kept)


def _gaps(t: NDArray[np.float64]) -> set[int]:
    """Return the positions that begin a new stretch: after a pause three times as long as nearly all others."""
    if len(t) < 4:
        return set()
    steps = np.diff(t)
    return set((np.flatnonzero(steps > 3 * max(float(np.percentile(steps, 90)), 1.0)) + 1).tolist())


def _band(limits: Sequence[Limit], y: Callable[[float], float]) -> tuple[float, float] | None:
    lows = [limit.value for limit in limits if limit.operator.startswith("<")]
    highs = [limit.value for limit in limits if limit.operator.startswith(">")]
    if not lows and not highs:
        return None
    top = y(min(highs)) if highs else 0.0
    bottom = y(max(lows)) if lows else HEIGHT
    return (top, round(bottom - top, 1)) if bottom > top else None


def _story(v: NDArray[np.float64], limits: Sequence[Limit], span: float, title: str, unit: str, decimals: int) -> str:
    window = f"{round(span / 86400)} days" if span > 2 * 86400 else f"{max(1, round(span / 3600))} h"
    if span < 3600:
        window = f"{max(1, round(span / 60))} min"

    def text(value: float) -> str:
        return f"{value:.{decimals}f}"

    broken = sum(any(limit.is_broken(value) for limit in limits) for value in v)
    said = f"{title}, {window}: {text(v.min())} to {text(v.max())} {unit}, newest {text(v[-1])}"
    return f"{said}; {broken} of {len(v)} beyond the limit" if broken else said
