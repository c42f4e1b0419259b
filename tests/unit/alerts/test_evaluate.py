"""Judging: every rule against a slow reference, any cut into batches, doubts, lateness, and the time it takes."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.evaluate import Evaluation, evaluate, judged_values
from alerts.people import People
from alerts.rule import Rule
from alerts.rules import RuleSet, load_rules
from alerts.state import FIRING, INACTIVE, NEVER, PENDING, Layout, States
from devices.batch import Batch
from devices.vitals import COLUMN
from tests.unit.alerts.readings import EIGHT, MINUTE, joined, make_batch, reference

STATUS = {INACTIVE: "inactive", PENDING: "pending", FIRING: "firing"}
ONE = Layout(1)
BASE = load_rules().by_name["spo2_low"]


def made(**changes: object) -> RuleSet:
    """Return a rule set of one rule on SpO2."""
    return RuleSet((replace(BASE, unless=(), **changes),))  # type: ignore[arg-type]


def judge(rules: RuleSet, before: States, batch: Batch, patients: int = 1) -> Evaluation:
    """Judge a batch of patients 0…, all in every programme."""
    people = People.plain(np.ones((patients, rules.layout.rules), bool))
    return evaluate(rules, before, people, batch.patient_id.astype(np.intp), batch)


def one_by_one(rule: Rule, values: list[tuple[int, float]]) -> list[str]:
    """Judge each reading in a batch of its own."""
    rules = RuleSet((rule,))
    states = States.empty(1, ONE)
    told = []
    for time, value in values:
        states = judge(rules, states, make_batch([(0, time, {"spo2": value})])).after
        told.append(STATUS[int(states.status[0, 0])])
    return told


SERIES = st.lists(st.tuples(st.integers(1, 40), st.integers(84, 95)), min_size=1, max_size=40).map(
    lambda steps: [
        (EIGHT + int(minute) * MINUTE, float(value))
        for minute, (_, value) in zip(np.cumsum([step for step, _ in steps]), steps, strict=True)
    ]
)
RULES = st.builds(
    lambda op, limit, slack, readings, wait, gap: replace(
        BASE, unless=(), op=op, limit=float(limit), hysteresis=float(slack), readings=readings,
        for_=timedelta(minutes=wait), max_gap=timedelta(minutes=gap),
    ),
    st.sampled_from(["<", "<=", ">", ">="]), st.integers(86, 93), st.integers(0, 3), st.integers(1, 4), st.integers(0, 45),
    st.integers(10, 40),
)  # fmt: skip


@given(rule=RULES, series=SERIES)
def test_judges_as_the_reference_does(rule: Rule, series: list[tuple[int, float]]) -> None:
    assert one_by_one(rule, series) == reference(rule, series)


@given(rules=st.lists(RULES, min_size=1, max_size=4), data=st.data())
@settings(max_examples=150)
def test_any_cut_into_batches_ends_in_the_same_state(rules: list[Rule], data: st.DataObject) -> None:
    ruleset = RuleSet(tuple(rules))
    rows: list[tuple[int, int, dict[str, float]]] = []
    for patient in range(3):
        rows += [(patient, time, {"spo2": value}) for time, value in data.draw(SERIES)]
    rows.sort(key=lambda row: row[1])
    whole = make_batch(rows)
    together = judge(ruleset, States.empty(3, ruleset.layout), whole, 3)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(rows)), max_size=6)))
    states, fired = States.empty(3, ruleset.layout), 0
    for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        part = judge(ruleset, states, whole.take(np.arange(start, end)), 3)
        states, fired = part.after, fired + len(part.transitions)
        assert not part.late.any()
    assert_same(states, together.after)
    assert fired == len(together.transitions)
    for patient in range(3):
        own = [(time, named["spo2"]) for who, time, named in rows if who == patient]
        for column, rule in enumerate(rules):
            assert STATUS[int(states.status[patient, column])] == reference(rule, own)[-1]


def assert_same(one: States, other: States) -> None:
    """Compare two states array by array."""
    for name in States.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_transitions_tell_reading_and_start_of_the_stretch() -> None:
    rules = made(op="<", limit=90.0, for_=timedelta(minutes=10), max_gap=timedelta(minutes=30), hysteresis=1.0)
    batch = make_batch(
        [
            (0, EIGHT + minute * MINUTE, {"spo2": value})
            for minute, value in [(0, 97), (5, 88), (10, 87), (15, 89), (20, 90), (25, 91)]
        ]
    )
    changed = judge(rules, States.empty(1, ONE), batch).transitions
    assert changed.fired.tolist() == [True, False]
    assert changed.at.tolist() == [EIGHT + 15 * MINUTE, EIGHT + 25 * MINUTE]  # 90 is past the limit yet within the hysteresis
    assert changed.since.tolist() == [EIGHT + 5 * MINUTE] * 2


def test_a_suspect_value_is_not_judged_and_leaves_a_doubt_that_a_clean_one_lifts() -> None:
    rules, spo2 = made(), COLUMN["spo2"]
    doubtful = judge(rules, States.empty(1, ONE), make_batch([(0, EIGHT, {"spo2": 40})], suspect=["spo2"])).after
    assert (doubtful.status[0, 0], doubtful.newest[0, spo2], doubtful.doubted[0, spo2]) == (INACTIVE, NEVER, EIGHT)
    earlier = judge(rules, doubtful, make_batch([(0, EIGHT - MINUTE, {"spo2": 96})])).after
    assert earlier.doubted[0, spo2] == EIGHT
    later = judge(rules, earlier, make_batch([(0, EIGHT + MINUTE, {"spo2": 96})])).after
    assert later.doubted[0, spo2] == NEVER
    contradicted = judge(rules, later, make_batch([(0, EIGHT, {"spo2": 40})], suspect=["spo2"])).after
    assert contradicted.doubted[0, spo2] == NEVER


def test_a_reading_not_newer_than_its_vital_is_reported_and_its_whole_vital_left_to_the_rebuild() -> None:
    rules = made()
    states = judge(rules, States.empty(1, ONE), make_batch([(0, EIGHT, {"spo2": 96})])).after
    for minutes in (-5, 0):
        batch = make_batch([(0, EIGHT + minutes * MINUTE, {"spo2": 80}), (0, EIGHT + 9 * MINUTE, {"spo2": 80})])
        late = judge(rules, states, batch)
        assert late.late[0].tolist() == [True]
        assert late.after.status[0, 0] == INACTIVE and not len(late.transitions)
    other = judge(rules, states, make_batch([(0, EIGHT - MINUTE, {"heart_rate": 60})]))
    assert not other.late.any()


@pytest.mark.parametrize(("value", "status"), [(38.1, FIRING), (38.0, INACTIVE), (38.04, INACTIVE), (38.06, FIRING)])
def test_values_are_judged_at_the_precision_of_the_chart(value: float, status: int) -> None:
    batch = make_batch([(0, EIGHT, {"body_temperature": value})])
    assert judge(RuleSet((load_rules().by_name["fever"],)), States.empty(1, ONE), batch).after.status[0, 0] == status


@given(st.floats(30, 43, width=32))
def test_rounding_is_that_of_python(value: float) -> None:
    batch = make_batch([(0, EIGHT, {"body_temperature": value})])
    assert judged_values(batch.values)[0, COLUMN["body_temperature"]] == round(float(np.float32(value)), 1)


def test_rules_judge_only_patients_of_their_programmes() -> None:
    rules = load_rules()
    names = [rule.name for rule in rules.reading_rules]
    batch = make_batch([(patient, EIGHT, {"spo2": 89}) for patient in range(3)])
    mask = rules.mask([["copd"], [], ["heart_failure", "copd"]])
    after = evaluate(rules, States.empty(3, rules.layout), People.plain(mask), batch.patient_id.astype(np.intp), batch).after
    assert after.status[:, names.index("spo2_low")].tolist() == [INACTIVE, FIRING, INACTIVE]


def test_rows_of_many_patients_in_any_order_are_judged_in_time() -> None:
    rules = made(op="<", limit=90.0, hysteresis=0.0)
    rows = [(patient, EIGHT + minute * MINUTE, {"spo2": 80.0 + minute}) for patient in range(5) for minute in range(20)]
    mixed = make_batch([rows[place] for place in np.random.default_rng(7).permutation(len(rows))])
    assert_same(
        judge(rules, States.empty(5, ONE), mixed, 5).after, judge(rules, States.empty(5, ONE), make_batch(rows), 5).after
    )


def test_a_fresh_reading_is_followed_through_its_stretch() -> None:
    rules = made(op="<", limit=90.0, for_=timedelta(minutes=10), max_gap=timedelta(minutes=30), hysteresis=0.0)
    series = [88, 88, 88, 97, 88, 88, 88, 97]
    batch = make_batch([(0, EIGHT + 5 * place * MINUTE, {"spo2": value}) for place, value in enumerate(series)])
    people = People.plain(np.ones((1, 1), bool))
    for place, expected in enumerate([[True, False], [True, False], [True, False], [False, False], [False, True]]):
        fresh = np.arange(8) == place
        for cut in range(9):
            states, touched, ended = States.empty(1, ONE), np.zeros((1, 1), bool), []
            for part in (np.arange(cut), np.arange(cut, 8)):
                some = evaluate(
                    rules,
                    states,
                    people,
                    np.zeros(len(part), np.intp),
                    batch.take(part),
                    fresh=fresh[part],
                    touched=touched,
                    is_history=True,
                )
                states, touched = some.after, some.touched
                ended += some.transitions.touched[~some.transitions.fired].tolist()
            assert ended == expected, (place, cut)


def test_an_empty_batch_changes_nothing() -> None:
    states = judge(made(), States.empty(1, ONE), make_batch([(0, EIGHT, {"spo2": 80})])).after
    assert_same(judge(made(), states, joined(make_batch([]))).after, states)


def test_a_fresh_reading_is_followed_over_a_gap_in_what_fires_already() -> None:
    rules = made(readings=2, max_gap=timedelta(minutes=10), step=0.0)
    times = (0, 5, 30, 35)
    batch = make_batch(
        [(0, EIGHT + minute * MINUTE, {"spo2": value}) for minute, value in zip(times, (85, 85, 85, 99), strict=True)]
    )
    people = People.plain(np.ones((1, 1), bool))
    for place, is_of_it in enumerate((True, True, True, False)):
        found = evaluate(
            rules, States.empty(1, ONE), people, np.zeros(4, np.intp), batch, fresh=np.arange(4) == place, is_history=True
        )  # fmt: skip
        assert found.transitions.touched[~found.transitions.fired].tolist() == [is_of_it]
