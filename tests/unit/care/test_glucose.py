"""Two weeks of a glucose sensor: bands of whole mg/dL, the estimate of HbA1c, variation and wear."""

import numpy as np
import pytest

from care.glucose import gmi, summarise

FIVE = 300_000_000
FULL = 14 * 288


def times(count: int, every: int = FIVE) -> np.ndarray:
    return np.arange(count, dtype=np.int64) * every


@pytest.mark.parametrize(
    ("value", "band"),
    [
        (53.4, "very_low"), (53.5, "low"), (69.4, "low"), (69.5, "in_range"), (180.16, "in_range"), (180.5, "high"),
        (250.4, "high"), (250.5, "very_high"), (10.0 * 18.01559, "in_range"), (3.9 * 18.01559, "in_range"),
        (3.0 * 18.01559, "low"),
    ],
)  # fmt: skip
def test_bands_are_of_whole_numbers(value: float, band: str) -> None:
    found = summarise(np.array([value]), times(1))
    assert found is not None
    shares = {name: getattr(found, name) for name in ("very_low", "low", "in_range", "high", "very_high")}
    assert shares == dict.fromkeys(shares, 0.0) | {band: 1.0}


def test_a_worn_fortnight() -> None:
    values = np.where(np.arange(FULL) % 10 < 7, 150.0, 200.0)
    found = summarise(values, times(FULL))
    assert found is not None
    assert found.in_range == pytest.approx(0.7, abs=1e-3) and found.high == pytest.approx(0.3, abs=1e-3)
    assert found.mean == pytest.approx(165, abs=0.1) and found.gmi == pytest.approx(gmi(found.mean))
    assert found.variation == pytest.approx(np.std([150] * 7 + [200] * 3) / 165, abs=1e-3)
    assert found.worn == pytest.approx(1.0) and found.is_enough


@pytest.mark.parametrize(("share", "is_enough"), [(0.69, False), (0.71, True)])
def test_wear_says_whether_it_is_enough(share: float, is_enough: bool) -> None:
    count = round(FULL * share)
    found = summarise(np.full(count, 120.0), times(count))
    assert found is not None and found.is_enough is is_enough and found.worn == pytest.approx(share, abs=0.01)


def test_a_slower_sensor_is_measured_by_its_own_interval() -> None:
    slow = times(14 * 96, 3 * FIVE)
    found = summarise(np.full(14 * 96 * 2, 120.0), np.concatenate([slow, slow]))
    assert found is not None and found.worn == pytest.approx(1.0)
    found = summarise(np.full(14 * 96, 120.0), slow)
    assert found is not None and found.worn == pytest.approx(1.0)


def test_the_estimate_agrees_with_the_published_form() -> None:
    # GMI = 3.31 + 0.02392 × mean mg/dL (Bergenstal 2018), of which the other is a restatement
    assert all(gmi(mean) == pytest.approx(3.31 + 0.02392 * mean, abs=0.02) for mean in (100, 154, 200, 300))


def test_nothing_is_nothing() -> None:
    assert summarise(np.zeros(0), times(0)) is None
