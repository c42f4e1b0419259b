"""What the shipped rules say of limits that a patient's own may stand in for."""

from alerts.bounds import bounds_of, settable
from alerts.rules import load_rules

RULES = load_rules()


def test_the_guard_is_the_emergency_band_that_judges_this_patient() -> None:
    copd = {bounds.rule: bounds for bounds in settable(RULES, ["copd"])}
    assert (copd["spo2_low_copd"].limit, copd["spo2_low_copd"].guard, copd["spo2_low_copd"].vital) == (88, 85, "spo2")
    failing = {bounds.rule: bounds for bounds in settable(RULES, ["heart_failure"])}
    assert (failing["pulse_low"].guard, failing["pulse_high"].guard, failing["systolic_low"].guard) == (40, 150, 80)
    assert failing["spo2_emergency"].override == "locked" and failing["spo2_emergency"].guard is None


def test_every_rule_that_is_no_limit_of_a_reading_is_left_out() -> None:
    names = {bounds.rule for bounds in settable(RULES, ["heart_failure"])}
    kinds = {RULES.by_name[name].kind for name in names}
    assert not kinds & {"silence", "doubt", "adherence", "technical", "questionnaire", "composite"}
    assert bounds_of(RULES, RULES.by_name["few_days"], []) is None


def test_emergency_rules_are_locked() -> None:
    assert all(rule.override == "locked" for rule in RULES.rules if rule.emergency)


def test_what_is_derived_stays_within_reach_of_its_rule() -> None:
    for bounds in settable(RULES, ["heart_failure", "copd", "post_acute"]):
        if RULES.by_name[bounds.rule].kind != "threshold":
            assert bounds.low <= bounds.limit <= bounds.high and bounds.guard is None
            assert max(abs(bounds.low), abs(bounds.high)) == 2 * abs(bounds.limit)
