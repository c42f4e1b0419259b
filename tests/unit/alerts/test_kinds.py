"""Every kind of rule: any cut into batches and any order of readings ends in the state that a rebuild from history gives."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.evaluate import evaluate
from alerts.people import Dated, People
from alerts.rebuild import Resets, is_anchored, rebuild
from alerts.rule import REFERENCES, Rule, When
from alerts.rules import RuleSet, load_rules
from alerts.state import States, pack
from devices.batch import Batch
from tests.unit.alerts.readings import EIGHT, MINUTE, make_batch

HOUR = 60 * MINUTE
DAY = 24 * HOUR
BASE = load_rules().by_name["spo2_low"]


def made(name: str, kind: str, **changes: object) -> Rule:
    """Return a rule of a kind, high values breaching."""
    given: dict[str, object] = {"unless": (), "vital": None, "op": ">=", "unit": None, "hysteresis": 0.0} | changes
    return Rule(
        name=name, version=1, kind=kind, title=name, severity="medium", response=timedelta(hours=1), reason="{value}",  # type: ignore[arg-type]
        source={}, **given,  # type: ignore[arg-type]
    )  # fmt: skip


MORNING = {"daily": "first", "day_from": "04:00", "day_until": "12:00", "vital": "body_weight"}
LEARNING = {"half_life": timedelta(days=7), "learn_days": 3, "learn_readings": 3, "least_spread": 1.0}
RULES = RuleSet((
    made("pulse_fast", "threshold", vital="heart_rate", limit=110.0, override="order", step=5.0),
    made("spo2_few", "threshold", vital="spo2", op="<", limit=92.0, readings=2, of=3, max_gap=timedelta(hours=40)),
    made("weight_day", "change", against="least", window=timedelta(days=1), limit=1.0, **MORNING),
    made("weight_deviates", "change", against="deviation", window=timedelta(days=7), limit=2.0, least_days=3, least_spread=0.2,
         vital="body_weight"),
    made("weight_dry", "change", against="dry_weight", limit=2.0, override="tighten", **MORNING),
    made("weight_median", "change", against="median", window=timedelta(days=7), limit=1.4, least_days=3, step=0.5, **MORNING),
    made("weight_slope", "slope", method="robust", window=timedelta(days=5), limit=0.3, least_days=4, **MORNING),
    made("pulse_slope", "slope", method="least_squares", window=timedelta(days=5), limit=2.0, least_days=3, vital="heart_rate"),
    made("pulse_drift", "baseline", measure="drift", limit=3.0, allowance=0.5, vital="heart_rate", **LEARNING),
    made("pulse_parts", "baseline", measure="spread", limit=3.0, parts=4, vital="heart_rate", fallback=100.0, **LEARNING),
    made("pulse_usual", "baseline", measure="spread", limit=3.0, vital="heart_rate", readings=2, max_gap=timedelta(days=2),
         **LEARNING),
    made("weight_usual", "baseline", measure="difference", limit=1.5, **LEARNING | {"least_spread": 0.3}, **MORNING),
    made("news2_five", "score", score="news2", measure="total", limit=5.0, within=timedelta(hours=1)),
    made("news2_three", "score", score="news2", measure="single", limit=3.0, within=timedelta(hours=1)),
    made("irregular", "composite", need="all", within=timedelta(minutes=1), op=None, readings=2, of=3,
         max_gap=timedelta(days=2), when=(When(flag="irregular_pulse"),)),
    made("poorly", "composite", need=2, within=timedelta(hours=6), op=None, for_=timedelta(hours=1), max_gap=timedelta(hours=9),
         when=(When(vital="spo2", op="<", limit=93.0), When(rule="pulse_usual"), When(rule="news2_three"),
               When(rule="weight_day"))),
))  # fmt: skip
ZONES = ("America/New_York", "Asia/Beirut", "UTC")
#: clocks go back in Beirut at midnight: 2026-10-25; in New York on 2026-11-01
AUTUMN = EIGHT - 33 * DAY

ROWS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 20 * 24 * 12),
        st.fixed_dictionaries(
            {},
            optional={
                "heart_rate": st.integers(55, 125),
                "spo2": st.integers(86, 98),
                "body_weight": st.integers(780, 860).map(lambda tenths: tenths / 10),
                "respiratory_rate": st.integers(8, 26),
                "oxygen_flow": st.integers(0, 2),
            },
        ),
        st.sampled_from([0, 0, 0, ord("A"), ord("V")]),
    ),
    min_size=1,
    max_size=60,
    unique_by=lambda row: (row[0], row[1]),
)


def batch_of(rows: list[tuple[int, int, dict[str, float], int]]) -> Batch:
    batch = make_batch([(patient, AUTUMN + minute * 5 * MINUTE, values) for patient, minute, values, _ in rows])
    batch.consciousness[:] = [code for _, _, _, code in rows]
    return replace(batch, flags=[("irregular_pulse",) if minute % 3 == 0 else () for _, minute, _, _ in rows])


def people_of(patients: int = 3) -> People:
    """Return people in three zones; the first has limits of their own, the second references that change."""
    column = RULES.column
    limits = Dated.of([
        (0, column["pulse_fast"], AUTUMN + 2 * DAY, AUTUMN + 9 * DAY, 90.0),
        (0, column["pulse_fast"], AUTUMN + 5 * DAY, AUTUMN + 6 * DAY, 120.0),
        (0, column["weight_dry"], AUTUMN, 1 << 62, 5.0),
    ])  # fmt: skip
    weight, scale = REFERENCES.index("dry_weight"), REFERENCES.index("spo2_scale")
    references = Dated.of([
        (0, weight, 0, 1 << 62, 80.0), (1, weight, AUTUMN + 3 * DAY, AUTUMN + 12 * DAY, 79.0), (1, scale, AUTUMN, 1 << 62, 2.0),
    ])  # fmt: skip
    mask = np.ones((3, RULES.layout.rules), bool)
    mask[2, ::2] = False
    return People(mask, limits, references, np.arange(3), ZONES).take(np.arange(patients))


def assert_same(one: States, other: States) -> None:
    (mine, _), (theirs, _) = pack(one), pack(other)
    if mine.tobytes() != theirs.tobytes() or mine.dtype != theirs.dtype:
        for name in States.__dataclass_fields__:
            for left, right in zip(getattr(one, name), getattr(other, name), strict=True):
                np.testing.assert_array_equal(left, right, name)
    assert mine.tobytes() == theirs.tobytes()


def from_history(batch: Batch) -> States:
    order = np.lexsort((batch.seq, batch.measured_at, batch.patient_id))
    history = batch.take(order)
    resets = Resets.none(3, RULES.layout.rules)
    return rebuild(RULES, people_of(), resets, history.patient_id.astype(np.intp), history, np.zeros(len(history), bool)).states


@given(rows=ROWS, data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_cut_into_batches_ends_in_the_state_of_a_rebuild(
    rows: list[tuple[int, int, dict[str, float], int]], data: st.DataObject
) -> None:
    rows = sorted(rows, key=lambda row: row[1])
    whole = batch_of(rows)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(rows)), max_size=5)))
    states, fired = States.empty(3, RULES.layout), []
    for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        part = whole.take(np.arange(start, end))
        judged = evaluate(RULES, states, people_of(), part.patient_id.astype(np.intp), part)
        assert not judged.late.any() and not judged.late_signals.any()
        changed = judged.transitions
        fired += zip(changed.patient, changed.rule, changed.at, changed.fired, changed.worsened, changed.value, strict=True)
        states = judged.after
    assert_same(states, from_history(whole))
    together = evaluate(RULES, States.empty(3, RULES.layout), people_of(), whole.patient_id.astype(np.intp), whole).transitions
    columns = (together.patient, together.rule, together.at, together.fired, together.worsened, together.value)
    assert sorted(fired) == sorted(zip(*columns, strict=True))


@given(rows=ROWS, data=st.data())
@settings(max_examples=150, deadline=None)
def test_what_comes_late_is_reported_and_judged_again_to_the_same_state(
    rows: list[tuple[int, int, dict[str, float], int]], data: st.DataObject
) -> None:
    """Every batch's late rules and signals are rebuilt, from all of history or from where it is anchored."""
    rows = data.draw(st.permutations(rows))
    whole = batch_of(rows)
    states, people = States.empty(3, RULES.layout), people_of()
    size = data.draw(st.integers(1, 9))
    for start in range(0, len(rows), size):
        part = whole.take(np.arange(start, min(start + size, len(rows))))
        judged = evaluate(RULES, states, people, part.patient_id.astype(np.intp), part)
        states = judged.after
        known = whole.take(np.arange(0, min(start + size, len(rows))))
        for who in np.flatnonzero(judged.late.any(axis=1) | judged.late_signals.any(axis=1)).tolist():
            row = np.array([who])
            history = known.take(np.flatnonzero(known.patient_id == who))
            history = history.take(np.argsort(history.measured_at, kind="stable"))
            resets, nobody = Resets.none(1, RULES.layout.rules), np.zeros(len(history), np.intp)
            since = int(judged.late_from[who]) - data.draw(st.sampled_from([DAY, 10 * DAY]))
            later = history.take(np.flatnonzero(history.measured_at >= since))
            only = judged.late[row]
            if is_anchored(RULES, people.take(row), only, resets, nobody[: len(later)], later, since, judged.late_from[row])[0]:
                history, nobody = later, nobody[: len(later)]
            again = rebuild(RULES, people.take(row), resets, nobody, history, np.zeros(len(history), bool), only=only)
            states.put_rules(row, again.states, only, judged.late_signals[row])
    assert_same(states, from_history(whole))


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_a_rebuild_may_be_cut_anywhere(piece: int) -> None:
    random = np.random.default_rng(3)
    rows = [
        (
            patient,
            minute,
            {"heart_rate": float(random.integers(60, 120)), "body_weight": float(random.integers(780, 830)) / 10},
            0,
        )
        for patient in range(3)
        for minute in sorted(random.choice(20 * 288, 120, replace=False).tolist())
    ]
    history = batch_of(rows)
    args = (RULES, people_of(), Resets.none(3, RULES.layout.rules), history.patient_id.astype(np.intp), history)
    fresh = np.zeros(len(history), bool)
    one, other = rebuild(*args, fresh, piece=piece), rebuild(*args, fresh)
    assert_same(one.states, other.states)
    assert sorted(one.stretches, key=str) == sorted(other.stretches, key=str)
    assert other.stretches
