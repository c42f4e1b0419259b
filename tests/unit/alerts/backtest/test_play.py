"""Playing a history: against a reference that judges every arrival by itself, in any cut, and within a window."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.backtest.cohort import Cohort
from alerts.backtest.play import play
from alerts.backtest.played import Practice
from alerts.moments import to_datetime, to_us
from alerts.rule import Rule
from alerts.rules import RuleSet, load_rules
from devices.batch import Batch
from tests.unit.alerts.readings import EIGHT, MINUTE, make_batch, reference

BASE = load_rules().by_name["spo2_low"]
DOUBT = load_rules().of_kind("doubt")[0]

RULES = st.builds(
    lambda op, limit, slack, readings, wait, gap, severity: replace(
        BASE, unless=(), op=op, limit=float(limit), hysteresis=float(slack), readings=readings,
        for_=timedelta(minutes=wait), max_gap=timedelta(minutes=gap), severity=severity,
    ),
    st.sampled_from(["<", "<=", ">", ">="]), st.integers(86, 93), st.integers(0, 3), st.integers(1, 4), st.integers(0, 45),
    st.integers(10, 40), st.sampled_from(["high", "medium", "low"]),
)  # fmt: skip
#: (patient, minutes until measured, minutes until it came in, value)
READINGS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 40), st.sampled_from([0, 0, 0, 1, 30, 90]), st.integers(84, 95)),
    min_size=1,
    max_size=40,
)


def history_of(readings: list[tuple[int, int, int, int]]) -> Batch:
    """Return a history in which no two readings share a time, in the order in which they were measured."""
    times = EIGHT + np.cumsum([wait for _, wait, _, _ in readings]) * MINUTE
    made = make_batch([(who, int(at), {"spo2": float(value)}) for (who, _, _, value), at in zip(readings, times, strict=True)])
    received = times + np.array([delay for _, _, delay, _ in readings]) * MINUTE + np.arange(len(readings))
    return replace(made, received_at=received.astype(np.int64))


def firing_by_reference(rule: Rule, history: Batch, now: int) -> set[int]:
    """Return the patients whose condition fires once everything that came in by then is judged in the order of measuring."""
    found = set()
    for patient in range(3):
        rows = np.flatnonzero((history.patient_id == patient) & (history.received_at <= now))
        rows = rows[np.argsort(history.measured_at[rows])]
        told = reference(rule, [(int(history.measured_at[row]), float(history.values[row, 1])) for row in rows])
        if told and told[-1] == "firing":
            found.add(patient)
    return found


@given(rule=RULES, readings=READINGS, data=st.data())
@settings(max_examples=150, deadline=None)
def test_at_every_arrival_what_fires_is_what_the_reference_says(
    rule: Rule, readings: list[tuple[int, int, int, int]], data: st.DataObject
) -> None:
    history = history_of(readings)
    cohort = Cohort(np.arange(3, dtype=np.int32), [()] * 3)
    now = int(history.received_at[data.draw(st.integers(0, len(history) - 1))])
    played = play(RuleSet((rule,)), cohort, history.take(history.received_at <= now), practice=Practice("never"))
    assert {alert.patient_id for alert in played.alerts if alert.condition == "firing"} == firing_by_reference(
        rule, history, now
    )


@given(rule=RULES, readings=READINGS, data=st.data())
@settings(max_examples=100, deadline=None)
def test_what_comes_later_does_not_change_what_was(
    rule: Rule, readings: list[tuple[int, int, int, int]], data: st.DataObject
) -> None:
    history = history_of(readings)
    cohort = Cohort(np.arange(3, dtype=np.int32), [()] * 3)
    now = int(history.received_at[data.draw(st.integers(0, len(history) - 1))])
    whole = play(RuleSet((rule,)), cohort, history, practice=Practice("never"))
    part = play(RuleSet((rule,)), cohort, history.take(history.received_at <= now), practice=Practice("never"))
    opened = [(one.patient_id, one.since, one.opened_at) for one in whole.alerts if to_us(one.opened_at) <= now]
    assert [(one.patient_id, one.since, one.opened_at) for one in part.alerts] == opened
    pages = [[page for page in played.pages if to_us(page.at) <= now] for played in (whole, part)]
    assert pages[0] == pages[1]


@given(rule=RULES, readings=READINGS)
@settings(max_examples=50, deadline=None)
def test_the_order_of_the_rows_makes_no_difference(rule: Rule, readings: list[tuple[int, int, int, int]]) -> None:
    history = history_of(readings)
    cohort = Cohort(np.arange(3, dtype=np.int32), [()] * 3)
    turned = history.take(np.arange(len(history))[::-1])
    one, other = (play(RuleSet((rule,)), cohort, each) for each in (history, turned))
    assert [replace(alert, public_id="") for alert in one.alerts] == [replace(alert, public_id="") for alert in other.alerts]
    assert one.items == other.items


@given(rules=st.lists(RULES, min_size=1, max_size=3), readings=READINGS, late=st.booleans(), data=st.data())
@settings(max_examples=150, deadline=None)
def test_leaving_out_what_changes_nothing_changes_nothing(
    rules: list[Rule], readings: list[tuple[int, int, int, int]], late: bool, data: st.DataObject
) -> None:
    history = history_of(readings)
    if not late:
        history = replace(history, received_at=history.measured_at + 1)
    doubtful = np.array(data.draw(st.lists(st.integers(0, len(history) - 1), max_size=3)), np.intp)
    suspect = np.zeros(len(history), np.int32)
    suspect[doubtful] = 2
    history = replace(history, suspect=suspect)
    named = RuleSet((*(replace(rule, name=f"rule{n}", recheck=timedelta(minutes=5)) for n, rule in enumerate(rules)), DOUBT))
    cohort = Cohort(np.arange(3, dtype=np.int32), [()] * 3)
    thinned, whole = (play(named, cohort, history, is_whole=is_whole) for is_whole in (False, True))
    assert [replace(alert, public_id="") for alert in thinned.alerts] == [replace(one, public_id="") for one in whole.alerts]
    assert (thinned.items, thinned.pages, thinned.rechecks) == (whole.items, whole.pages, whole.rechecks)
    assert thinned.withheld == whole.withheld


def test_a_patient_is_one_item_however_many_alerts_wait() -> None:
    rules = load_rules()
    history = make_batch([(1, EIGHT, {"spo2": 84}), (1, EIGHT + 2 * MINUTE, {"heart_rate": 155})], delay=0)
    played = play(rules, Cohort.of(history), history)
    assert {alert.rule for alert in played.alerts} >= {"spo2_emergency", "pulse_high_emergency"}
    (item,) = played.items
    # the milder one on saturation has no row of its own beside the emergency
    assert {played.alerts[one - 1].rule for one in item.alerts} == {"spo2_emergency", "pulse_high_emergency"}
    assert [one.kind for one in played.withheld if one.what == "shown"] == ["inhibited"]
    assert [page.at for page in played.pages] == [to_datetime(EIGHT), to_datetime(EIGHT + 2 * MINUTE)]
    # the first is due after five minutes, and whoever looks then takes on all of them
    assert item.ended_at == to_datetime(EIGHT + 5 * MINUTE)
    assert {alert.acknowledged_at for alert in played.alerts} == {to_datetime(EIGHT + 5 * MINUTE)}


def test_nobody_answers_where_the_practice_says_so() -> None:
    history = make_batch([(1, EIGHT, {"spo2": 84}), (1, EIGHT + 600 * MINUTE, {"spo2": 84})], delay=0)
    played = play(load_rules(), Cohort.of(history), history, practice=Practice("never"))
    assert [item.ended_at for item in played.items] == [None]
    assert not any(alert.acknowledged_at for alert in played.alerts)


def test_a_doubt_opens_when_nothing_clean_follows_in_time() -> None:
    rules = RuleSet((BASE, DOUBT))
    wait = round(DOUBT.for_.total_seconds() / 60)
    doubtful = make_batch([(1, EIGHT, {"spo2": 40.0})], suspect=["spo2"], delay=0)
    (alert,) = play(rules, Cohort.of(doubtful), doubtful).alerts
    assert (alert.rule, alert.subject, alert.opened_at) == ("doubt", "spo2", to_datetime(EIGHT + wait * MINUTE))
    rows = [(1, EIGHT, {"spo2": 40.0}), (1, EIGHT + MINUTE, {"spo2": 96.0})]
    answered = make_batch(rows, delay=0)
    answered = replace(answered, suspect=np.array([2, 0], np.int32))
    assert not play(rules, Cohort.of(answered), answered).alerts


def test_a_window_counts_what_began_in_it_and_the_days_of_it() -> None:
    day = 24 * 60 * MINUTE
    rows = [(1, EIGHT + number * day, {"spo2": 84.0 if number in (1, 3) else 97.0}) for number in range(5)]
    history = make_batch(rows, delay=0)
    played = play(load_rules(), Cohort.of(history), history)
    assert played.patient_days == 4
    part = played.within(to_datetime(EIGHT + 2 * day), to_datetime(EIGHT + 4 * day))
    assert part.patient_days == 2
    assert {alert.opened_at for alert in part.alerts} == {to_datetime(EIGHT + 3 * day)}


def test_somebody_outside_the_cohort_is_refused() -> None:
    history = make_batch([(1, EIGHT, {"spo2": 84}), (2, EIGHT, {"spo2": 84})])
    with pytest.raises(ValueError, match="not in the cohort"):
        play(load_rules(), Cohort(np.array([1], np.int32), [()]), history)
