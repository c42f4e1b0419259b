"""Signals: what each says, checked against plain arithmetic, and what none of them may do."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.evaluate import Evaluation, evaluate
from alerts.people import Dated, People
from alerts.rule import Rule
from alerts.rules import RuleSet, load_rules
from alerts.state import FIRING, States
from tests.unit.alerts.readings import EIGHT, MINUTE, make_batch

SHIPPED = load_rules()
DAY = 24 * 60 * MINUTE


def judged(rules: RuleSet, series: Sequence[tuple[int, dict[str, float]]], people: People | None = None) -> Evaluation:
    """Judge readings of one patient to whom every rule applies."""
    people = people or People.plain(np.ones((1, rules.layout.rules), bool))
    batch = make_batch([(0, at, values) for at, values in series])
    return evaluate(rules, States.empty(1, rules.layout), people, np.zeros(len(batch), np.intp), batch)


def alone(name: str, **changes: object) -> RuleSet:
    return RuleSet((replace(SHIPPED.by_name[name], **changes),))  # type: ignore[arg-type]


WEIGHTS = st.lists(st.integers(700, 900).map(lambda tenths: tenths / 10), min_size=2, max_size=20)


@given(WEIGHTS)
def test_changes_and_slopes_are_those_of_plain_arithmetic(weights: list[float]) -> None:
    rules = RuleSet(
        tuple(
            replace(SHIPPED.by_name["weight_gain_week"], name=name, limit=limit, op=">=", step=0.0, readings=1, **changes)  # type: ignore[arg-type]
            for name, limit, changes in [
                ("a", -99.0, {}),
                ("b", -99.0, {"against": "median", "least_days": 3}),
                ("c", -99.0, {"kind": "slope", "method": "robust", "against": None, "least_days": 2}),
                ("d", -99.0, {"kind": "slope", "method": "least_squares", "against": None, "least_days": 2}),
            ]
        )
    )
    found = judged(rules, [(EIGHT + place * DAY, {"body_weight": value}) for place, value in enumerate(weights)])
    began = {int(rule): place for place, rule in enumerate(found.transitions.rule.tolist())}
    last = len(weights) - 1
    for rule in rules.reading_rules:
        place = began.get(rules.column[rule.name])
        first = {"a": 1, "b": 3, "c": 1, "d": 1}[rule.name]
        if place is None:
            assert last < first
            continue
        earlier, now = weights[max(0, first - 7) : first], weights[first]
        line = [*earlier, now]
        pairs = [(line[j] - line[i]) / (j - i) for i in range(len(line)) for j in range(i + 1, len(line))]
        expected = {
            "a": lambda earlier=earlier, now=now: now - min(earlier),
            "b": lambda earlier=earlier, now=now: now - float(np.median(earlier)),
            "c": lambda pairs=pairs: float(np.median(pairs)),
            "d": lambda line=line: float(np.polyfit(range(len(line)), line, 1)[0]),
        }[rule.name]()
        assert found.transitions.at[place] == EIGHT + first * DAY
        assert found.transitions.value[place] == pytest.approx(expected, abs=2e-3)


def test_a_baseline_never_learns_from_an_episode_nor_from_what_breaches_another_rule() -> None:
    pulse = replace(SHIPPED.by_name["pulse_usual"], readings=1, of=0, learn_days=5, learn_readings=5)
    fast = replace(SHIPPED.by_name["pulse_high"], limit=85.0, readings=1, op=">")
    calm = [(EIGHT + day * DAY, {"heart_rate": 70.0 + day % 3}) for day in range(10)]
    ill = [(EIGHT + day * DAY, {"heart_rate": 140.0}) for day in range(10, 40)]
    odd = [(EIGHT + day * DAY, {"heart_rate": 86.0}) for day in range(10, 40)]
    rules = RuleSet((fast, pulse))
    before = judged(rules, calm).after.memory[0]["usual"][0, 0]
    for series in (ill, odd):
        after = judged(rules, [*calm, *series, (EIGHT + 40 * DAY, {"heart_rate": 71.0})])
        assert after.after.memory[0]["usual"][0, 0] == pytest.approx(before, abs=0.3)
    assert judged(rules, [*calm, *ill]).after.status[0].tolist() == [FIRING, FIRING]


def test_one_odd_day_moves_what_is_usual_by_no_more_than_a_clipped_step() -> None:
    rules = alone("weight_usual", limit=50.0)
    calm = [(EIGHT + day * DAY, {"body_weight": 80.0}) for day in range(30)]
    odd = [*calm, (EIGHT + 30 * DAY, {"body_weight": 95.0}), (EIGHT + 31 * DAY, {"body_weight": 80.0})]
    usual = judged(rules, odd).after.memory[0]["usual"][0, 0]
    weight = 1 - 2 ** (-1 / 28)
    assert usual == pytest.approx(80 + max(weight, 1 / 31) * 3 * 0.4, abs=1e-3)


def test_no_baseline_moves_the_dry_weight() -> None:
    rules = RuleSet(
        (
            replace(SHIPPED.by_name["weight_above_dry"], readings=1),
            SHIPPED.by_name["weight_usual"],
            SHIPPED.by_name["weight_drift"],
        )
    )
    dry = Dated.of([(0, 0, 0, 1 << 62, 80.0)])
    people = replace(People.plain(np.ones((1, 3), bool)), references=dry)
    creeping = [(EIGHT + day * DAY, {"body_weight": round(80 + 0.05 * day, 1)}) for day in range(60)]
    found = judged(rules, creeping, people).transitions
    above = found.rule == rules.column["weight_above_dry"]
    assert [(at - EIGHT) // DAY for at in found.at[above & found.fired].tolist()] == [39]
    assert found.value[above & found.fired].tolist() == [2.0]


def test_until_it_has_learned_the_fallback_judges_and_nothing_does_without_one() -> None:
    readings = [(EIGHT, {"heart_rate": 120.0})]
    assert not len(judged(alone("pulse_usual", readings=1, of=0), readings).transitions)
    found = judged(alone("pulse_usual", readings=1, of=0, fallback=110.0), readings).transitions
    assert found.fired.tolist() == [True] and found.told[0]["learned"] == 0


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(1, 4), st.integers(1, 8))
def test_n_of_the_last_m(breaches: list[bool], n: int, m: int) -> None:
    if n > m:
        n, m = m, n
    rules = alone("spo2_low", readings=n, of=m, max_gap=timedelta(hours=1), hysteresis=0.0, unless=())
    states, told, expected, firing = States.empty(1, rules.layout), [], [], False
    for place, breach in enumerate(breaches):
        batch = make_batch([(0, EIGHT + place * MINUTE, {"spo2": 85.0 if breach else 95.0})])
        states = evaluate(rules, states, People.plain(np.ones((1, 1), bool)), np.zeros(1, np.intp), batch).after
        told.append(bool(states.status[0, 0] == FIRING))
        enough = sum(breaches[max(0, place - m + 1) : place + 1]) >= n
        firing = (breach and enough) or (firing and (breach or enough))
        expected.append(firing)
    assert told == expected


@given(st.lists(st.integers(60, 95), min_size=1, max_size=40), st.integers(1, 40))
def test_worse_is_told_step_by_step(values: list[int], size: int) -> None:
    rules = alone("spo2_low", unless=(), step=2.0, hysteresis=1.0)
    states, told, expected = States.empty(1, rules.layout), [], []
    announced: float | None = None
    for place, value in enumerate(values):
        if announced is None and value < 90:
            announced = float(value)
        elif announced is not None and value >= 91:
            announced = None
        elif announced is not None and value <= announced - 2:
            announced = float(value)
            expected.append(EIGHT + place * MINUTE)
    for start in range(0, len(values), size):
        rows = [
            (0, EIGHT + place * MINUTE, {"spo2": float(values[place])})
            for place in range(start, min(start + size, len(values)))
        ]
        batch = make_batch(rows)
        part = evaluate(rules, states, People.plain(np.ones((1, 1), bool)), np.zeros(len(rows), np.intp), batch)
        states = part.after
        told += part.transitions.at[part.transitions.worsened].tolist()
    assert told == expected


def rule_with(override: str) -> Rule:
    return replace(SHIPPED.by_name["spo2_low"], unless=(), override=override, hysteresis=0.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("override", "limit", "fires"),
    [("order", 86.0, False), ("order", 93.0, True), ("tighten", 86.0, True), ("tighten", 93.0, True), ("locked", 86.0, True)],
)
def test_a_patients_own_limit_counts_where_the_rule_allows_it(override: str, limit: float, fires: bool) -> None:
    rules = RuleSet((rule_with(override),))
    people = replace(People.plain(np.ones((1, 1), bool)), limits=Dated.of([(0, 0, EIGHT, EIGHT + DAY, limit)]))
    found = judged(rules, [(EIGHT, {"spo2": 88.0})], people)
    assert (found.after.status[0, 0] == FIRING) == fires
    # outside its time the rule's own limit counts
    assert judged(rules, [(EIGHT + DAY, {"spo2": 88.0})], people).after.status[0, 0] == FIRING
