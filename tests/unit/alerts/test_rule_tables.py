"""tests/rules/*.toml: clinical tables over the shipped rules, by the runner behind `wardlight rules test`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alerts.backtest.case import Case
from alerts.backtest.case_files import read_cases
from alerts.backtest.case_told import tell
from alerts.backtest.cases import judge
from alerts.rule import READING_KINDS
from alerts.rules import load_rules

TABLES = sorted((Path(__file__).parents[2] / "rules").glob("*.toml"))
RULES = load_rules()


def cases() -> Iterator[Any]:
    for file in TABLES:
        for case in read_cases(file):
            yield pytest.param(case, id=f"{file.stem}: {case.name}")


@pytest.mark.parametrize("case", list(cases()))
def test_shipped_rules_do_what_the_table_says(case: Case) -> None:
    judged = judge(case, RULES)
    assert judged.holds, "\n".join(tell(judged))


def test_every_shipped_rule_that_judges_readings_stands_in_a_table() -> None:
    shown = {expected.rule for file in TABLES for case in read_cases(file) for expected in case.expected}
    # a case holds values; what a device flags is shown in tests/integration/alerts/test_kinds.py
    flagged = {rule.name for rule in RULES.rules if any(one.flag for one in rule.when)}
    assert shown == {rule.name for rule in RULES.rules if rule.kind in (*READING_KINDS, "doubt")} - flagged
