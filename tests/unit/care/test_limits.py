"""Who may set which limit: every refusal of the table, and what is allowed beside it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from care.limit_files import load_policy
from care.limits import Allowed, Bounds, Current, Refused, may_end, may_set
from care.staff import Role

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
POLICY = load_policy()
MONTH = NOW + timedelta(days=30)
SPO2 = Bounds("spo2_low_copd", "Low oxygen", "<", 88, "%", 0, "order", 50, 100, "spo2", 85)
PULSE = Bounds("pulse_high", "Fast pulse", ">", 120, "/min", 0, "order", 20, 300, "heart_rate", 150)


def ask(
    bounds: Bounds,
    wanted: float,
    role: Role = "clinician",
    until: datetime | None = MONTH,
    *,
    current: Current | None = None,
    usual: float | None = None,
    reason: str = "agreed on the phone",
) -> Allowed | Refused:
    return may_set(bounds, current, wanted, role=role, until=until, reason=reason, usual=usual, policy=POLICY, now=NOW)


@pytest.mark.parametrize(
    ("bounds", "wanted", "role", "until", "refusal"),
    [
        # locked stays locked, for everybody and in both directions
        (replace(SPO2, override="locked"), 90, "clinician", MONTH, "locked"),
        (replace(SPO2, override="locked"), 86, "clinician", MONTH, "locked"),
        # only stricter ones
        (replace(SPO2, override="tighten"), 86, "clinician", MONTH, "stricter"),
        (replace(SPO2, override="tighten"), 90, "coordinator", None, None),
        # loosening is a clinician's order with an end that is near enough
        (SPO2, 86, "coordinator", MONTH, "only a clinician"),
        (SPO2, 86, "administrator", MONTH, "only a clinician"),
        (SPO2, 86, "clinician", None, "needs an end"),
        (SPO2, 86, "clinician", NOW + timedelta(days=91), "90 days at most"),
        (SPO2, 86, "clinician", NOW + timedelta(days=90), None),
        (SPO2, 86, "clinician", NOW, "in the past"),
        # and never reaches the emergency band
        (SPO2, 85, "clinician", MONTH, "emergency band begins at 85"),
        (SPO2, 84, "clinician", MONTH, "emergency band begins at 85"),
        (PULSE, 149, "clinician", MONTH, None),
        (PULSE, 150, "clinician", MONTH, "emergency band begins at 150"),
        # numbers
        (SPO2, 86.5, "clinician", MONTH, "finer"),
        (SPO2, 101, "clinician", MONTH, "not plausible"),
        (SPO2, float("nan"), "clinician", MONTH, "not plausible"),
        (SPO2, 88, "clinician", MONTH, "holds already"),
        # tightening is for everybody, with or without an end
        (SPO2, 90, "coordinator", None, None),
        (PULSE, 110, "administrator", MONTH, None),
    ],
)
def test_every_row(bounds: Bounds, wanted: float, role: Role, until: datetime | None, refusal: str | None) -> None:
    said = ask(bounds, wanted, role, until)
    if refusal is None:
        assert said == Allowed(is_loosening=bounds.is_looser(wanted, bounds.limit))
    else:
        assert isinstance(said, Refused) and refusal in str(said) and said.way_out


def test_a_reason_is_needed() -> None:
    assert "reason" in str(ask(SPO2, 90, reason="  "))


def test_a_saturation_limit_stays_two_points_from_the_usual() -> None:
    assert ask(SPO2, 90, usual=92) == Allowed(is_loosening=False)
    said = ask(SPO2, 91, usual=92)
    assert isinstance(said, Refused) and "usual value is 92 %" in said.reason and said.way_out == "write at most 90"
    # what is looser than the rule is not closer to the usual than the rule already is
    assert ask(SPO2, 86, usual=87) == Allowed(is_loosening=True)
    # other vitals have no such distance
    assert ask(PULSE, 110, usual=109) == Allowed(is_loosening=False)


def test_a_clinicians_stricter_limit_is_not_taken_back_by_others() -> None:
    current = Current(94, set_by=7, role="clinician")
    assert "ask a clinician" in str(ask(SPO2, 90, "coordinator", current=current))
    assert ask(SPO2, 95, "coordinator", current=current) == Allowed(is_loosening=False)
    assert ask(SPO2, 90, "clinician", current=current) == Allowed(is_loosening=False)
    assert "end the patient's own" in str(ask(SPO2, 88, "clinician", current=current))
    assert isinstance(may_end(SPO2, current, role="coordinator", staff_id=8), Refused)
    assert isinstance(may_end(SPO2, current, role="clinician", staff_id=8), Allowed)
    own = Current(94, set_by=8, role="coordinator")
    assert isinstance(may_end(SPO2, own, role="coordinator", staff_id=9), Allowed)
    # ending an order makes the rule stricter again: anybody may
    order = Current(86, set_by=7, role="clinician")
    assert may_end(SPO2, order, role="coordinator", staff_id=9) == Allowed(is_loosening=False)
