"""NEWS2: the published vectors, every band edge from both sides on both scales, what is missing, and rounding to the chart."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from alerts import news2
from alerts.news2 import PARAMETERS

AIR, OXYGEN, UNKNOWN = 0.0, 2.0, np.nan
#: everything normal, on air
WELL = {
    "respiratory_rate": 16.0,
    "spo2": 97.0,
    "oxygen": AIR,
    "systolic_bp": 120.0,
    "heart_rate": 70.0,
    "consciousness": 0.0,
    "body_temperature": 37.0,
}

#: RCP 2017, chart 1, written down a second time: (parameter, scale, oxygen, [(last value of the band, points)], points above)
CHART = [
    ("respiratory_rate", 1, AIR, [(8, 3), (11, 1), (20, 0), (24, 2)], 3),
    ("spo2", 1, AIR, [(91, 3), (93, 2), (95, 1)], 0),
    ("spo2", 1, OXYGEN, [(91, 3), (93, 2), (95, 1)], 0),
    ("spo2", 2, AIR, [(83, 3), (85, 2), (87, 1)], 0),
    ("spo2", 2, OXYGEN, [(83, 3), (85, 2), (87, 1), (92, 0), (94, 1), (96, 2)], 3),
    ("spo2", 2, UNKNOWN, [(83, 3), (85, 2), (87, 1)], 0),
    ("systolic_bp", 1, AIR, [(90, 3), (100, 2), (110, 1), (219, 0)], 3),
    ("heart_rate", 1, AIR, [(40, 3), (50, 1), (90, 0), (110, 1), (130, 2)], 3),
    ("body_temperature", 1, AIR, [(35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1)], 2),
]


def row(**given: float) -> NDArray[np.float64]:
    """Return one row (1, 7) as the database gives it back: through 4-byte floats."""
    known = WELL | given
    return np.array([[known[name] for name in PARAMETERS]], np.float32).astype(np.float64)


def score(scale: int = 1, **given: float) -> NDArray[np.int8]:
    return news2.points(row(**given), np.array([scale], np.int8))


def edges() -> Iterator[object]:
    for parameter, scale, oxygen, bands, above in CHART:
        step = 0.1 if parameter == "body_temperature" else 1.0
        after = [*[points for _, points in bands[1:]], above]
        for (last, points), next_points in zip(bands, after, strict=True):
            for value, wanted in ((last, points), (round(last + step, 1), next_points)):
                where = {0.0: "air", 2.0: "oxygen"}.get(oxygen, "oxygen unknown")
                yield pytest.param(parameter, scale, oxygen, value, wanted, id=f"{parameter}-{value}-scale{scale}-{where}")


@pytest.mark.parametrize(("parameter", "scale", "oxygen", "value", "wanted"), list(edges()))
def test_every_band_edge_from_both_sides(parameter: str, scale: int, oxygen: float, value: float, wanted: int) -> None:
    scored = score(scale, **{"oxygen": oxygen, parameter: value})
    assert scored[0, PARAMETERS.index(parameter)] == wanted


@pytest.mark.parametrize(
    ("scale", "given", "total", "single"),
    [
        (1, {"respiratory_rate": 22, "spo2": 93, "systolic_bp": 105, "heart_rate": 115, "body_temperature": 38.5}, 8, False),
        (2, {"respiratory_rate": 20, "spo2": 95, "oxygen": 1, "heart_rate": 88}, 4, False),
        (1, {"respiratory_rate": 20, "spo2": 95, "oxygen": 1, "heart_rate": 88}, 3, False),
        (2, {"respiratory_rate": 18, "spo2": 95}, 0, False),
        (
            1,
            {
                "respiratory_rate": 24,
                "spo2": 96,
                "systolic_bp": 112,
                "heart_rate": 90,
                "consciousness": 1,
                "body_temperature": 36.5,
            },
            5,
            True,
        ),
    ],
)
def test_published_vectors(scale: int, given: dict[str, float], total: int, single: bool) -> None:
    scored = score(scale, **given)
    assert news2.floor(scored).tolist() == [total]
    assert news2.has_single_three(scored).tolist() == [single]
    assert news2.is_complete(scored).tolist() == [True]


def test_consciousness_and_oxygen_score() -> None:
    assert score(consciousness=1)[0, PARAMETERS.index("consciousness")] == 3
    assert score(consciousness=0)[0, PARAMETERS.index("consciousness")] == 0
    assert [int(score(oxygen=flow)[0, PARAMETERS.index("oxygen")]) for flow in (0, 0.5, 2, 15)] == [0, 2, 2, 2]


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_a_missing_parameter_scores_nothing_and_is_named(parameter: str) -> None:
    scored = score(**{parameter: np.nan})
    assert scored[0, PARAMETERS.index(parameter)] == news2.MISSING
    assert news2.missing(scored[0]) == (parameter,)
    assert news2.is_complete(scored).tolist() == [False]
    assert news2.floor(scored).tolist() == [0]


def test_the_floor_of_an_incomplete_score_says_what_is_missing() -> None:
    scored = score(respiratory_rate=np.nan, consciousness=np.nan, spo2=91, heart_rate=112)
    assert news2.told(scored[0]) == "NEWS2 at least 5; respiration and consciousness missing"
    assert news2.told(score(spo2=91)[0]) == "NEWS2 3"
    nothing = score(**dict.fromkeys(PARAMETERS, np.nan))
    assert news2.floor(nothing).tolist() == [0]
    assert news2.missing(nothing[0]) == PARAMETERS


def test_values_are_rounded_half_up_in_decimal_before_they_are_banded() -> None:
    # binary and half-even rounding get each of these wrong: 38.05 → 38.0, 92.5 → 92, 90.5 → 90
    temperature, spo2, pulse = (PARAMETERS.index(name) for name in ("body_temperature", "spo2", "heart_rate"))
    assert [int(score(body_temperature=value)[0, temperature]) for value in (38.04, 38.05, 39.04, 39.05)] == [0, 1, 1, 2]
    assert [int(score(body_temperature=value)[0, temperature]) for value in (35.04, 35.05, 36.04, 36.05)] == [3, 1, 1, 0]
    assert [int(score(2, oxygen=2, spo2=value)[0, spo2]) for value in (92.4, 92.5, 94.5, 96.5)] == [0, 1, 2, 3]
    assert [int(score(heart_rate=value)[0, pulse]) for value in (90.4, 90.5, 110.5, 130.5)] == [0, 1, 2, 3]


def test_rows_are_scored_apart_by_their_own_scale() -> None:
    values = np.concatenate([row(spo2=95, oxygen=1), row(spo2=95, oxygen=1), row(spo2=95, oxygen=0)])
    scored = news2.points(values, np.array([1, 2, 2], np.int8))
    assert scored[:, PARAMETERS.index("spo2")].tolist() == [1, 2, 0]
    assert news2.points(values[:0], np.zeros(0, np.int8)).shape == (0, 7)


@pytest.mark.parametrize(
    ("total", "single", "risk"),
    [
        (0, False, "low"),
        (1, False, "low"),
        (4, False, "low"),
        (3, True, "low to medium"),
        (4, True, "low to medium"),
        (5, False, "medium"),
        (5, True, "medium"),
        (6, True, "medium"),
        (7, False, "high"),
        (20, True, "high"),
    ],
)
def test_a_total_asks_for_its_response(total: int, single: bool, risk: str) -> None:
    assert news2.response(total, single=single).risk == risk


def test_every_number_has_a_source() -> None:
    assert all(news2.source(parameter).startswith("RCP 2017") for parameter in PARAMETERS)
    assert all(one.source.startswith("RCP 2017") for one in news2.responses())
    assert news2.version() == "RCP 2017"
