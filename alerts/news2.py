"""NEWS2: the points of the National Early Warning Score 2 for rows of readings, and what their total asks for.

Pure numpy over the bands of `news2.toml` (Royal College of Physicians 2017). A parameter that is missing scores nothing, so
a total over what is there is a floor: the score is at least that. Which readings are recent enough to stand in a row, and
which total opens an alert, are decided by the rule that asks (docs/rules.md). Not under 16 years, not in pregnancy.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from alerts.rounding import half_up

#: the columns of a row. oxygen is L/min (0 is air); consciousness 0 is alert, 1 is CVPU; the rest are vitals in their
#: canonical unit; NaN is missing in each
PARAMETERS: Final = (
    "respiratory_rate",
    "spo2",
    "oxygen",
    "systolic_bp",
    "heart_rate",
    "consciousness",
    "body_temperature",
)
#: points of a parameter that is missing
MISSING: Final = -1

_SPO2: Final = PARAMETERS.index("spo2")
_OXYGEN: Final = PARAMETERS.index("oxygen")
_TITLES: Final = {
    "respiratory_rate": "respiration",
    "spo2": "oxygen saturation",
    "oxygen": "air or oxygen",
    "systolic_bp": "systolic pressure",
    "heart_rate": "pulse",
    "consciousness": "consciousness",
    "body_temperature": "temperature",
}


@dataclass(frozen=True, slots=True, eq=False)
class Bands:
    """The bands of one parameter."""

    #: (B,) float64 ascending: the first value of each band at the chart's precision; below the first is the first band
    start: NDArray[np.float64]
    #: (B,) int8
    points: NDArray[np.int8]
    #: decimals of the chart
    decimals: int
    #: where the numbers come from
    source: str


@dataclass(frozen=True, slots=True)
class Response:
    """What a score asks for."""

    #: from this total on
    total: int
    #: holds where one parameter scores 3, while the total stays below that of the next response
    single: bool
    #: "low", "low to medium", "medium" or "high"
    risk: str
    #: what should happen, told to a nurse
    told: str
    #: where it comes from
    source: str


def points(values: NDArray[np.float64], scale: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return (n, 7): the points of each parameter, −1 where it is missing.

    `values` (n, 7) as they were measured, by `PARAMETERS`; `scale` (n,) is 2 where a clinician has set a target saturation
    of 88–92 %, else 1. Where scale 2 needs to know of oxygen and nobody does, air is taken: points are never more than what
    is known.

    >>> points(np.array([[22, 93, 0, 105, 115, 0, 38.5]]), np.array([1], np.int8)).tolist()
    [[2, 2, 0, 1, 2, 0, 1]]
    """
    chart = _chart()
    scored = np.full(values.shape, MISSING, np.int8)
    for column, name in enumerate(PARAMETERS):
        if column != _SPO2:
            scored[:, column] = _banded(chart[name], values[:, column])
    spo2, on_oxygen = values[:, _SPO2], scored[:, _OXYGEN] > 0
    scored[:, _SPO2] = np.select(
        [scale != 2, on_oxygen],
        [_banded(chart["spo2_scale_1"], spo2), _banded(chart["spo2_scale_2_oxygen"], spo2)],
        _banded(chart["spo2_scale_2_air"], spo2),
    )
    return scored


def floor(scored: NDArray[np.int8]) -> NDArray[np.int64]:
    """Return (n,) the total of what is there: the score itself where nothing is missing, else the least it can be.

    >>> floor(np.array([[3, -1, 0, 2, 0, -1, 0]], np.int8)).tolist()
    [5]
    """
    total: NDArray[np.int64] = np.maximum(scored, 0).sum(axis=1, dtype=np.int64)
    return total


def is_complete(scored: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Return (n,): whether every parameter is there."""
    complete: NDArray[np.bool_] = (scored != MISSING).all(axis=1)
    return complete


def has_single_three(scored: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Return (n,): whether one parameter alone scores 3, which asks for a clinician whatever the total.

    >>> has_single_three(np.array([[3, -1, 0, 0, 0, 0, 0]], np.int8)).tolist()
    [True]
    """
    single: NDArray[np.bool_] = (scored == 3).any(axis=1)
    return single


def missing(scored: NDArray[np.int8]) -> tuple[str, ...]:
    """Return the names of the parameters that one row (7,) lacks."""
    return tuple(name for name, one in zip(PARAMETERS, scored.tolist(), strict=True) if one == MISSING)


def response(total: int, *, single: bool) -> Response:
    """Return what a total asks for; `single` is whether one parameter scores 3.

    >>> response(4, single=False).risk, response(3, single=True).risk, response(7, single=True).risk
    ('low', 'low to medium', 'high')
    """
    return max(
        (one for one in responses() if one.total <= total and (single or not one.single)),
        key=lambda one: (one.total, one.single),
    )


def told(scored: NDArray[np.int8]) -> str:
    """Return one row (7,) in words, with what it lacks.

    >>> told(np.array([-1, 2, 0, 1, 2, -1, 0], np.int8))
    'NEWS2 at least 5; respiration and consciousness missing'
    """
    total, lacking = int(floor(scored[None])[0]), [_TITLES[name] for name in missing(scored)]
    if not lacking:
        return f"NEWS2 {total}"
    *most, last = lacking
    return f"NEWS2 at least {total}; {', '.join(most) + ' and ' if most else ''}{last} missing"


@cache
def responses() -> tuple[Response, ...]:
    """Return the responses of the chart, mildest first."""
    return tuple(Response(**{"single": False, **one}) for one in _file()["response"])


def version() -> str:
    """Return which edition of the score this is."""
    return str(_file()["version"])


def source(parameter: str) -> str:
    """Return where the bands of a parameter come from; both scales of "spo2" together."""
    tables = [name for name in _chart() if name == parameter or (parameter == "spo2" and name.startswith("spo2"))]
    return "; ".join(_chart()[name].source for name in tables)


def _banded(bands: Bands, values: NDArray[np.float64]) -> NDArray[np.int8]:
    """Return (n,) points of one parameter."""
    place = np.searchsorted(bands.start, half_up(values, bands.decimals), side="right") - 1
    banded: NDArray[np.int8] = np.where(np.isnan(values), np.int8(MISSING), bands.points[np.maximum(place, 0)])
    return banded


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("news2.toml").read_text(encoding="utf-8"))


@cache
def _chart() -> dict[str, Bands]:
    """Return every table of bands by its name."""
    return {
        name: Bands(
            np.array([start for start, _ in table["bands"]], np.float64),
            np.array([given for _, given in table["bands"]], np.int8),
            table["decimals"],
            table["source"],
        )
        for name, table in _file().items()
        if isinstance(table, dict)
    }
