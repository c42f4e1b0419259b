"""docs/rules.md knows every field of a rule, every kind, and nothing else."""

import re
from dataclasses import fields
from pathlib import Path

from alerts.rule import KINDS, Rule
from alerts.rules import load_rules

PAGE = (Path(__file__).parents[3] / "docs" / "rules.md").read_text(encoding="utf-8")


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
