"""Edits of rules: every shipped rule survives being written and read again, and what may not be changed is not."""

from dataclasses import replace

import pytest

from alerts.edits import changes_of, edit, editable, loosened, table_of, why_locked
from alerts.overlay import overlay
from alerts.rule_files import RuleError, make_rule
from alerts.rules import load_rules

RULES = load_rules()


@pytest.mark.parametrize("name", [rule.name for rule in RULES.rules])
def test_a_rule_as_its_file_would_write_it_is_the_same_rule(name: str) -> None:
    rule = RULES.by_name[name]
    assert make_rule("test", table_of(rule)) == rule


def test_an_edit_changes_what_it_says_and_where_that_comes_from() -> None:
    rule = RULES.by_name["spo2_low"]
    edited = edit(rule, {"limit": 88, "response": "2h"}, rule.version + 1, "our pathway")
    assert (edited.limit, edited.response.total_seconds(), edited.version) == (88.0, 7200, rule.version + 1)
    assert (edited.source["limit"], edited.source["hysteresis"]) == ("our pathway", rule.source["hysteresis"])
    same = replace(edited, limit=rule.limit, response=rule.response, version=rule.version, source=rule.source)
    assert same == rule
    assert overlay(RULES, [edited]).by_name["spo2_low"] == edited
    assert overlay(RULES, [edited]).digest != RULES.digest


def test_what_a_rule_is_and_the_emergency_band_stay_with_the_files() -> None:
    for name in ("spo2_emergency", "doubt", "watch"):
        assert why_locked(RULES.by_name[name]) and not editable(RULES.by_name[name])
        with pytest.raises(RuleError):
            edit(RULES.by_name[name], {"severity": "low"}, 9, "x")
    for changes in ({"vital": "heart_rate"}, {"programmes": ["copd"]}, {"limit": 400}, {"limit": True}, {"for": "soon"}, {}):
        with pytest.raises(RuleError):
            edit(RULES.by_name["spo2_low"], changes, 9, "x")


def test_only_what_differs_is_a_change() -> None:
    rule = RULES.by_name["spo2_low"]
    assert changes_of(rule, {"limit": 90.0, "response": "4h", "severity": "high"}) == {"severity": "high"}


def test_later_and_quieter_is_looser() -> None:
    rule = RULES.by_name["spo2_low"]
    assert loosened(RULES, "spo2_low", replace(rule, limit=88.0))
    assert loosened(RULES, "spo2_low", replace(rule, severity="low"))
    assert not loosened(RULES, "spo2_low", replace(rule, limit=92.0, severity="high"))
    fever = RULES.by_name["fever"]
    assert loosened(RULES, "fever", replace(fever, limit=39.0)) and not loosened(RULES, "fever", replace(fever, limit=37.9))
