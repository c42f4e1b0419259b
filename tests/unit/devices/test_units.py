"""Every accepted unit becomes the canonical one and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.units import CONVERSION, Shown, UnknownUnit, accepted_units, convert, display, shown
from devices.vitals import COLUMN, VITALS, Vital


def vital(name: str) -> Vital:
    return VITALS[COLUMN[name]]


@pytest.mark.parametrize(
    ("name", "value", "unit", "canonical"),
    [
        ("body_weight", 180, "[lb_av]", 81.6466),
        ("body_weight", 81_650, "g", 81.65),
        ("body_weight", 12, "[stone_av]", 76.2035),
        ("body_temperature", 98.6, "[degF]", 37.0),
        ("body_temperature", 310.15, "K", 37.0),
        ("blood_glucose", 10.0, "mmol/L", 180.1559),
        ("cgm_glucose", 3.0, "mmol/l", 54.0468),
        ("blood_glucose", 1.2, "g/L", 120.0),
        ("systolic_bp", 16.0, "kPa", 120.0101),
        ("peak_flow", 7.0, "L/s", 420.0),
        ("fev1", 2450, "mL", 2.45),
        ("heart_rate", 71, "{beats}/min", 71.0),
        ("steps", 4200, "{steps}", 4200.0),
    ],
)
def test_known_conversions(name: str, value: float, unit: str, canonical: float) -> None:
    assert convert(vital(name), value, unit) == pytest.approx(canonical, abs=1e-3)


@pytest.mark.parametrize("one", VITALS, ids=lambda one: one.name)
def test_the_canonical_unit_is_accepted_unchanged_and_listed_first(one: Vital) -> None:
    assert CONVERSION[one.name, one.unit] == (1.0, 0.0)
    assert accepted_units(one)[0] == one.unit


@pytest.mark.parametrize(("name", "unit"), [("body_weight", "lb"), ("heart_rate", "bpm"), ("spo2", ""), ("spo2", "mm[Hg]")])
def test_an_unknown_unit_is_refused_by_name(name: str, unit: str) -> None:
    with pytest.raises(UnknownUnit, match=name):
        convert(vital(name), 1.0, unit)


@pytest.mark.parametrize(
    ("name", "value", "system", "glucose", "expected"),
    [
        ("body_weight", 82.1, "metric", "mg/dL", Shown("82.1", "kg")),
        ("body_weight", 82.1, "us", "mg/dL", Shown("181.0", "lb")),
        ("body_temperature", 38.5, "us", "mg/dL", Shown("101.3", "°F")),
        ("heart_rate", 70.96, "us", "mmol/L", Shown("71", "/min")),
        ("blood_glucose", 54.0, "metric", "mmol/L", Shown("3.0", "mmol/L")),
        ("cgm_glucose", 180.0, "us", "mmol/L", Shown("10.0", "mmol/L")),
        ("cgm_glucose", 180.0, "us", "mg/dL", Shown("180", "mg/dL")),
        ("fev1", -0.0, "metric", "mg/dL", Shown("0.00", "L")),
    ],
)
def test_what_a_viewer_sees(name: str, value: float, system: str, glucose: str, expected: Shown) -> None:
    assert shown(vital(name), value, system, glucose) == expected  # type: ignore[arg-type]


@given(st.sampled_from(sorted(CONVERSION)), st.floats(-1e5, 1e5))
def test_conversions_are_straight_lines_that_turn_back(key: tuple[str, str], value: float) -> None:
    factor, offset = CONVERSION[key]
    canonical = convert(vital(key[0]), value, key[1])
    assert factor > 0
    assert (canonical - offset) / factor == pytest.approx(value, abs=1e-6)


@given(st.floats(25, 45))
def test_a_shown_temperature_turns_back_to_the_one_measured(value: float) -> None:
    how = display(vital("body_temperature"), "us", "mg/dL")
    assert convert(vital("body_temperature"), how.number(value), "[degF]") == pytest.approx(value, abs=0.03)
