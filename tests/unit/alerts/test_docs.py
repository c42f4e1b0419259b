"""docs/rules.md knows every field of a rule, every kind, and nothing else."""

import re
from dataclasses import fields
from pathlib import Path

from alerts.backtest import case_files
from alerts.backtest.case import Case
from alerts.backtest.case_files import read_cases
from alerts.backtest.case_told import tell
from alerts.backtest.cases import judge
from alerts.rule import KINDS, Rule
from alerts.rules import load_rules

PAGE, TESTING = (Path(__file__).parents[3] / "docs" / "rules.md").read_text(encoding="utf-8").split("## Testing rules")


def test_every_field_has_a_row_and_every_row_a_field() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|", PAGE, re.MULTILINE)
    assert {name for name, _ in rows} == {spec.metadata.get("key", spec.name) for spec in fields(Rule)}
    assert {kind for _, kinds in rows for kind in kinds.split(", ")} == {"every kind", *KINDS}


def test_every_kind_is_told() -> None:
    assert all(f"**{kind}** " in PAGE for kind in KINDS)


def test_the_example_is_a_rule(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    (tmp_path / "example.toml").write_text(example[1], encoding="utf-8")
    assert load_rules(tmp_path).rules[0] == load_rules().by_name["pulse_high"]


def examples(folder: Path) -> list[Case]:
    found = re.findall(r"```toml\n(.*?)```", TESTING, re.DOTALL)
    for number, text in enumerate(found):
        (folder / f"{number}.toml").write_text(text, encoding="utf-8")
    return [case for number in range(len(found)) for case in read_cases(folder / f"{number}.toml")]


def test_the_examples_of_cases_hold(tmp_path: Path) -> None:
    cases = examples(tmp_path)
    assert cases
    for case in cases:
        judged = judge(case, load_rules())
        assert judged.holds, "\n".join(tell(judged))


def test_every_field_of_a_case_is_told() -> None:
    rows = set(re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", TESTING, re.MULTILINE))
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert {*case_files.FIELDS, *case_files.FIRES} - {"series", "rule"} <= told | set(re.findall(r"`(\w+)`", TESTING))
