"""tests/rules/*.toml: clinical tables, judged by the functions that judge live data."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alerts.evaluate import evaluate
from alerts.people import People
from alerts.rule_files import duration
from alerts.rules import load_rules
from alerts.state import States
from tests.unit.alerts.readings import EIGHT, joined, make_batch

TABLES = Path(__file__).parents[2] / "rules"
RULES = load_rules()
NAMES = [rule.name for rule in RULES.reading_rules]


def cases() -> Iterator[Any]:
    for file in sorted(TABLES.glob("*.toml")):
        for case in tomllib.loads(file.read_text(encoding="utf-8"))["case"]:
            yield pytest.param(case, id=case["name"])


def steps(series: str) -> list[float | None]:
    """Return the value at each step: "97x2 _ 88" is 97, 97, nothing, 88."""
    found: list[float | None] = []
    for word in series.split():
        match = re.fullmatch(r"(_|\d+(?:\.\d+)?)(?:x(\d+))?", word)
        assert match is not None, f"{word!r} is no part of a series; write 97, 97x10 or _x3"
        found += [None if match[1] == "_" else float(match[1])] * int(match[2] or 1)
    return found


@pytest.mark.parametrize("case", list(cases()))
def test_shipped_rules_fire_when_the_table_says(case: dict[str, Any]) -> None:
    step = round(duration(case["every"]).total_seconds() * 1e6)
    rows = [
        make_batch([(0, EIGHT + place * step, {vital: value})])
        for vital, series in case["series"].items()
        for place, value in enumerate(steps(series))
        if value is not None
    ]
    batch = joined(*rows)
    mask = RULES.mask([case.get("programmes", [])])
    changed = evaluate(
        RULES, States.empty(1, RULES.layout), People.plain(mask), np.zeros(len(batch), np.intp), batch
    ).transitions
    found: list[dict[str, object]] = []
    for rule, at, fired in zip(changed.rule.tolist(), changed.at.tolist(), changed.fired.tolist(), strict=True):
        if fired:
            found.append({"rule": NAMES[rule], "at": at - EIGHT})
        else:
            found[-1]["until"] = at - EIGHT
    expected = [
        {key: value if key == "rule" else round(duration(value).total_seconds() * 1e6) for key, value in one.items()}
        for one in case["fires"]
    ]
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_every_shipped_threshold_rule_stands_in_a_table() -> None:
    shown = {
        one["rule"]
        for file in TABLES.glob("*.toml")
        for case in tomllib.loads(file.read_text())["case"]
        for one in case["fires"]
    }
    assert shown == set(NAMES)
