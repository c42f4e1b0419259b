"""Rule files: the shipped ones hold, and what cannot be meant is refused with file, rule, field and the way out."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.rule import KINDS
from alerts.rule_files import RuleError
from alerts.rules import SHIPPED, RuleSet, load_rules

GOOD = """
[[rule]]
name = "spo2_low"
version = 2
kind = "threshold"
title = "Low oxygen"
vital = "spo2"
op = "<"
limit = 90
unit = "%"
readings = 2
max_gap = "1h"
fresh_for = "15m"
severity = "medium"
response = "4h"
reason = "SpO₂ {value}"
[rule.source]
limit = "a study"
readings = "a study"
max_gap = "a study"
fresh_for = "a study"
response = "a study"
"""


def load(folder: Path, text: str) -> RuleSet:
    (folder / "own.toml").write_text(text, encoding="utf-8")
    return load_rules(folder)


def test_shipped_rules_cover_the_emergency_band_and_name_every_source() -> None:
    rules = load_rules()
    band = {(rule.vital, rule.op, rule.limit) for rule in rules.rules if rule.emergency and rule.applies_to([])}
    assert band == {
        ("spo2", "<=", 85), ("spo2", "<=", -7), ("systolic_bp", "<", 80), ("systolic_bp", ">=", 220), ("heart_rate", "<=", 40),
        ("heart_rate", ">=", 150), ("body_temperature", ">=", 40), ("body_temperature", "<", 35),
        ("blood_glucose", "<", 54), ("cgm_glucose", "<", 54),
    }  # fmt: skip
    assert {(rule.vital, rule.limit) for rule in rules.rules if rule.emergency and not rule.applies_to([])} == {
        (None, 7), ("spo2", 92),
    }  # fmt: skip
    assert all(rule.override == "locked" and not rule.recheck for rule in rules.rules if rule.emergency)
    assert set(KINDS) - {"slope"} <= {rule.kind for rule in rules.rules}
    assert len(list(SHIPPED.glob("*.toml"))) >= 5
    for rule in rules.rules:
        assert rule.number_source, rule.name
        assert "\n" not in rule.reason


def test_digest_changes_with_any_field_and_not_with_the_order_of_files(tmp_path: Path) -> None:
    one = load(tmp_path, GOOD)
    assert one.digest == load_rules(tmp_path).digest
    assert one.digest != RuleSet((replace(one.rules[0], reason="SpO₂ is {value}"),)).digest


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("limit = 90\n", "limit = 90\nlimmit = 3\n", "nobody knows the field 'limmit'"),
        ('vital = "spo2"', 'vital = "oxygen"', "write one of heart_rate"),
        ('unit = "%"', 'unit = "kPa"', "limits of spo2 are written in '%'"),
        ("limit = 90\n", "limit = 30\n", "outside the plausible range"),
        ("limit = 90\n", "limit = 90.5\n", "finer than spo2 is judged"),
        ("limit = 90\n", "limit = true\n", "write a int or float"),
        ("limit = 90\n", 'limit = "90"\n', "write a int or float"),
        ('limit = "a study"', 'limit = " "', "limit has no source"),
        ('max_gap = "1h"\n', "", "needs max_gap|source names 'max_gap'"),
        ('response = "4h"', 'response = "soon"', "such as 15m"),
        ("{value}", "{weight}", "what can be filled in"),
        ("version = 2\n", "", "the field 'version' is missing"),
        ("version = 2", "version = 0", "count from 1"),
        ("readings = 2", "readings = 300", "from 1 to 255"),
        ('kind = "threshold"', 'kind = "silence"', "needs the field 'missed'"),
        ('severity = "medium"', 'severity = "bad"', "high, medium, low"),
        ('op = "<"', 'op = "!="', "write one of <, <=, >, >="),
        ('title = "Low oxygen"', 'title = "Low oxygen"\nprogrammes = ["Heart failure"]', "a list of programme names"),
    ],
)
def test_refusals_name_file_rule_field_and_way_out(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(RuleError, match=says) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert re.search(r"own\.toml: rule 'spo2_low'", str(caught.value))


def test_refuses_folders_without_rules_broken_files_and_taken_names(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="holds no rule file"):
        load_rules(tmp_path)
    with pytest.raises(RuleError, match=r"own\.toml: cannot be read as TOML"):
        load(tmp_path, "[[rule")
    with pytest.raises(RuleError, match="list of"):
        load(tmp_path, "limit = 3")
    with pytest.raises(RuleError, match="taken already"):
        load(tmp_path, GOOD + GOOD)
