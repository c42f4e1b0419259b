"""Who is told of an alert: every standing, every reason, and that worse is new (I13)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.alert import Alert
from alerts.triage.decide import ends_hold, standing_of, why_not_held
from alerts.triage.scene import Hold, Scene, Silence
from tests.unit.alerts.triage.people import NOW, ago, alert, high, silence


def kind(one: Alert, *others: Alert, **known: Any) -> str:
    return standing_of(one, Scene(alerts=(one, *others), **known), NOW).kind


HOLD = {1: Hold(1, "oximeter", ago(1), NOW + timedelta(minutes=4))}


@pytest.mark.parametrize(
    ("one", "known", "expected", "shown", "sent"),
    [
        (alert(), {}, "sent", True, True),
        (alert(severity="low"), {}, "low", True, False),
        (alert(lateness="late"), {}, "sent", True, True),
        (alert(lateness="retrospective"), {}, "retrospective", True, False),
        (alert(acknowledged_at=ago(1), acknowledged_by=7), {}, "acknowledged", True, False),
        (alert(closed_at=NOW), {}, "closed", False, False),
        (alert(), {"silences": (silence(),)}, "silenced", False, False),
        (alert(), {"holds": HOLD}, "recheck", True, False),
        (alert(standing="cleared", condition="resolved"), {}, "cleared", True, False),
        (alert(standing="cleared"), {}, "sent", True, True),
        (high(condition="resolved"), {}, "sent", True, True),
    ],
)
def test_every_standing_has_a_name_and_a_reason(
    one: Alert, known: dict[str, Any], expected: str, shown: bool, sent: bool
) -> None:
    found = standing_of(one, Scene(alerts=(one,), **known), NOW)
    assert (found.kind, found.is_shown, found.is_sent) == (expected, shown, sent)
    assert found.reason and found.owner


def test_a_suppression_names_who_answers_for_it_and_until_when() -> None:
    quiet = standing_of(alert(), Scene(silences=(silence(),)), NOW)
    assert (quiet.owner_id, quiet.owner, quiet.until) == (7, "Kim", NOW + timedelta(hours=3))
    taken = standing_of(alert(acknowledged_at=ago(1), acknowledged_by=9), Scene(staff={9: "Lee"}), NOW)
    assert (taken.owner_id, taken.owner) == (9, "Lee")
    old = standing_of(alert(lateness="retrospective"), Scene(coordinator=(3, "Sam")), NOW)
    assert (old.owner_id, old.owner) == (3, "Sam")


@pytest.mark.parametrize(
    ("changes", "covered"),
    [
        ({}, True),
        ({"vital": "heart_rate"}, False),
        ({"direction": "high"}, False),
        ({"severity": "low"}, False),
        ({"severity": "high"}, True),
        ({"ends_at": NOW}, False),
        ({"starts_at": NOW + timedelta(minutes=1)}, False),
    ],
)
def test_a_silence_covers_one_vital_one_direction_and_no_higher_severity(changes: dict[str, Any], covered: bool) -> None:
    assert (kind(alert(), silences=(silence(**changes),)) == "silenced") == covered


@pytest.mark.parametrize(
    "one",
    [
        high(emergency=True),
        alert(subject=None, direction="high", explanation={"kind": "score"}),
        alert(subject=None, direction=None, explanation={"kind": "composite"}),
        alert(subject=None, direction=None, explanation={"kind": "red_flag"}),
        alert(direction=None, explanation={"kind": "doubt"}),
        alert(subject="dev0", direction=None, explanation={"kind": "silence"}),
    ],
)
def test_no_silence_covers_emergencies_composites_scores_red_flags_doubts_or_missing_data(one: Alert) -> None:
    assert kind(one, silences=(silence(severity="high"),)) == "sent"


@pytest.mark.parametrize(
    ("other", "muted"),
    [
        (high(), True),
        (high(acknowledged_at=ago(3)), True),
        (high(condition="resolved"), True),
        (high(direction="high"), False),
        (high(subject="heart_rate"), False),
        (high(closed_at=ago(1)), False),
        (high(lateness="retrospective"), False),
        (alert(2), False),
    ],
)
def test_high_mutes_medium_of_the_same_vital_and_direction(other: Alert, muted: bool) -> None:
    assert (kind(alert(), other) == "inhibited") == muted
    assert kind(other, alert()) != "inhibited"


@pytest.mark.parametrize(
    ("sensor", "gateway", "expected"),
    [("low", "low", "gateway"), ("low", "high", "gateway"), ("medium", "low", "sent"), ("medium", "medium", "gateway")],
)
def test_a_silent_gateway_mutes_its_sensors_silence_and_never_the_reverse(sensor: str, gateway: str, expected: str) -> None:
    ours = alert(subject="cuff", direction=None, severity=sensor, explanation={"kind": "silence"})
    its = alert(2, subject="hub", direction=None, severity=gateway, explanation={"kind": "silence"})
    assert kind(ours, its, gateways={"cuff": "hub"}) == expected
    assert kind(its, ours, gateways={"cuff": "hub"}) in ("sent", "low")
    assert kind(ours, its, gateways={}) in ("sent", "low")
    assert kind(ours, replace(its, explanation={"kind": "technical"}), gateways={"cuff": "hub"}) in ("sent", "low")


def test_a_silent_gateway_mutes_what_was_prescribed_and_last_came_through_it() -> None:
    ours = alert(subject="body_weight", direction=None, severity="low", explanation={"kind": "silence", "device": "scale"})
    its = alert(2, subject="hub", direction=None, severity="low", explanation={"kind": "silence", "device": "hub"})
    assert kind(ours, its, gateways={"scale": "hub"}) == "gateway"
    assert kind(its, ours, gateways={"scale": "hub"}) == "low"
    assert kind(replace(ours, explanation={"kind": "silence", "device": None}), its, gateways={"scale": "hub"}) == "low"


def test_i13_what_worsened_is_covered_by_nothing_that_was_there_before() -> None:
    worse = alert(news_at=ago(1))
    assert kind(worse, silences=(silence(starts_at=ago(2)),)) == "sent"
    assert kind(worse, silences=(silence(starts_at=ago(0.5)),)) == "silenced"
    assert kind(worse, high(opened_at=ago(5))) == "sent"
    assert kind(worse, high(opened_at=ago(5), news_at=ago(1))) == "inhibited"
    assert kind(worse, holds=HOLD) == "sent"


HELD = Scene(alerts=(alert(),), devices={1: "oximeter"})


@pytest.mark.parametrize(
    ("one", "scene", "says"),
    [
        (alert(), HELD, None),
        (alert(emergency=True), HELD, "emergency band"),
        (alert(lateness="late"), HELD, "nothing about it"),
        (alert(condition="resolved"), HELD, "nothing about it"),
        (alert(regressed=1), HELD, "coming back"),
        (alert(), replace(HELD, abnormal={"heart_rate": ago(29)}), "another vital"),
        (alert(), replace(HELD, abnormal={"heart_rate": ago(31)}), None),
        (alert(), replace(HELD, abnormal={"spo2": ago(1)}), None),
        (alert(), replace(HELD, red_flag_at=ago(23 * 60)), "cannot wait"),
        (alert(), replace(HELD, red_flag_at=ago(25 * 60)), None),
        (alert(), replace(HELD, devices={}), "no channel"),
        (high(1), replace(HELD, alerts=(alert(9, opened_at=ago(3)),)), "higher band"),
        (high(1), replace(HELD, alerts=(alert(9),)), None),
    ],
)
def test_a_page_is_held_only_where_nothing_speaks_against_it(one: Alert, scene: Scene, says: str | None) -> None:
    found = why_not_held(one, scene, NOW)
    assert found is None if says is None else says in (found or "")


@pytest.mark.parametrize(
    ("one", "scene", "outcome"),
    [
        (alert(), HELD, None),
        (alert(acknowledged_at=NOW), HELD, "acknowledged"),
        (alert(closed_at=NOW), HELD, "closed"),
        (alert(), replace(HELD, silences=(silence(),)), "silenced"),
        (alert(news_at=NOW), HELD, "worse"),
        (alert(), replace(HELD, alerts=(alert(), high())), "worse"),
        (alert(), replace(HELD, abnormal={"heart_rate": ago(1)}), "second vital"),
        (alert(), replace(HELD, red_flag_at=ago(1)), "red flag"),
        (alert(), replace(HELD, devices={}), None),
    ],
)
def test_what_ends_a_hold_before_its_time(one: Alert, scene: Scene, outcome: str | None) -> None:
    assert ends_hold(one, HOLD[1], scene, NOW) == outcome


SILENCES = st.builds(
    silence,
    severity=st.sampled_from(["low", "medium", "high"]),
    starts_at=st.integers(-60, 5).map(ago),
    ends_at=st.integers(-600, 60).map(ago),
    direction=st.sampled_from(["low", "high"]),
)
ALERTS = st.builds(
    alert,
    st.integers(1, 40),
    severity=st.sampled_from(["low", "medium", "high"]),
    emergency=st.booleans(),
    direction=st.sampled_from(["low", "high", None]),
    subject=st.sampled_from(["spo2", "heart_rate", None]),
    condition=st.sampled_from(["firing", "resolved"]),
    news_at=st.none() | st.integers(0, 30).map(ago),
    acknowledged_at=st.none() | st.integers(0, 30).map(ago),
    lateness=st.sampled_from(["live", "late", "retrospective"]),
)


@given(st.lists(ALERTS, min_size=1, max_size=6, unique_by=lambda one: one.id), st.lists(SILENCES, max_size=4))
def test_no_patient_is_ever_left_with_muted_alerts_alone(alerts: list[Alert], silences: list[Silence]) -> None:
    """Whatever is inhibited has something open above it; emergencies nobody took on are always sent."""
    scene = Scene(alerts=tuple(alerts), silences=tuple(silences))
    standings = {one.id: standing_of(one, scene, NOW) for one in alerts}
    for one in alerts:
        found = standings[one.id]
        if found.kind == "inhibited":
            assert any(other.severity == "high" and standings[other.id].kind != "inhibited" for other in alerts)
        if one.emergency and one.acknowledged_at is None and one.lateness != "retrospective" and one.severity == "high":
            assert found.is_sent
        if found.kind == "silenced":
            assert found.until is not None and found.until > NOW and not one.emergency
