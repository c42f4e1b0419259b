"""Rules of every kind on the real database: live, late and rebuilt, with patients' own limits, and told in a sentence."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from psycopg import Connection

from alerts.alert import Alert
from alerts.engine import Engine
from alerts.rules import load_rules
from alerts.sweep import sweep
from tests.integration.alerts.ward import NOW, Ward
from tests.unit.alerts.readings import EIGHT, MINUTE

DAY = 24 * 60


def send(ward: Ward, minute: float, values: Mapping[str, float], *, later: float = 0, flags: tuple[str, ...] = ()) -> None:
    """Send one measurement of the first patient, `later` minutes after it was made."""
    now = NOW + timedelta(minutes=minute + later)
    batch = ward.batch([(0, EIGHT + round(minute * MINUTE), dict(values))], now)
    ward.take(replace(batch, flags=[flags]), now)


def reason(alert: Alert) -> str:
    return str(alert.explanation["reason"])


def agree(ward: Ward, now: datetime) -> None:
    """Check that a rebuild from stored measurements changes no state."""
    before = ward.states()
    engine = Engine(ward.engine.rules)
    engine.rejudge(ward.conn, np.array(ward.patients, np.int32), now)
    ward.conn.commit()
    assert ward.states() == before


def set_limit(ward: Ward, rule: str, limit: float, since: datetime, set_at: datetime) -> None:
    ward.conn.execute(
        'INSERT INTO patient_limit (patient_id, rule, "limit", during, is_loosening, set_by, reason, created_at)'
        " VALUES (%s, %s, %s, tstzrange(%s, 'infinity'), false, %s, 'agreed', %s)",
        (ward.patients[0], rule, limit, since, ward.staff, set_at),
    )
    ward.conn.commit()


def test_a_gain_in_a_day_tells_what_it_is_counted_from_in_the_patients_time(connection: Connection[Any]) -> None:
    ward = Ward(connection, programmes=["heart_failure"])
    connection.execute("INSERT INTO contact (patient_id, zone) VALUES (%s, 'Europe/Berlin')", (ward.patients[0],))
    connection.commit()
    send(ward, 0, {"body_weight": 81.1})
    send(ward, 10 * 60, {"body_weight": 83.0})
    assert not ward.open_alerts()
    send(ward, DAY, {"body_weight": 82.9})
    (alert,) = ward.open_alerts("weight_gain_day")
    limit = ward.engine.rules.by_name["weight_gain_day"].limit
    assert reason(alert) == (
        f"Weight 82.9 kg, 1.8 kg above yesterday's morning weight (81.1 kg, yesterday 09:00); limit {limit} kg"
    )
    kept = alert.explanation
    assert (kept["value"], kept["limit"], kept["operator"]) == (1.8, limit, ">=")
    assert kept["rests_on"]["against"] == pytest.approx(81.1)
    agree(ward, NOW + timedelta(days=1))


def test_a_late_weight_changes_what_later_ones_are_compared_with(connection: Connection[Any]) -> None:
    ward = Ward(connection, programmes=["heart_failure"])
    for day, weight in [(0, 80.0), (2, 81.9)]:
        send(ward, day * DAY, {"body_weight": weight})
    assert not ward.open_alerts("weight_gain_day")
    send(ward, DAY, {"body_weight": 80.1}, later=DAY + 60)
    (alert,) = ward.open_alerts("weight_gain_day")
    assert alert.fired_at == NOW + timedelta(days=2) and alert.explanation["value"] == 1.8
    agree(ward, NOW + timedelta(days=3))


def test_an_incomplete_score_fires_and_says_what_is_missing_and_how_old_the_rest_is(connection: Connection[Any]) -> None:
    ward = Ward(connection, programmes=["post_acute"])
    send(ward, 0, {"heart_rate": 132, "spo2": 97})
    send(ward, 20, {"systolic_bp": 95, "body_temperature": 37.0})
    (alert,) = ward.open_alerts("news2_urgent")
    assert alert.subject is None and alert.explanation["vital"] is None
    assert reason(alert) == (
        "NEWS2 at least 5, respiration, oxygen and consciousness missing: SpO₂ 97 % 0 (20 min before), "
        "systolic pressure 95 mmHg 2, "
        "pulse 132 /min 3 (20 min before), temperature 37.0 °C 0"
    )
    send(ward, 10, {"heart_rate": 80}, later=15)  # it was not so fast any more when the pressure came
    assert not [one for one in ward.open_alerts("news2_urgent") if one.condition == "firing"]
    agree(ward, NOW + timedelta(hours=1))


def test_a_patients_own_limit_counts_from_when_it_was_set_without_a_rebuild(connection: Connection[Any]) -> None:
    ward = Ward(connection, programmes=["heart_failure"])
    send(ward, 0, {"body_weight": 80.0})
    send(ward, DAY, {"body_weight": 80.6})
    assert not ward.open_alerts()
    at = NOW + timedelta(days=1, hours=1)
    set_limit(ward, "weight_gain_day", 0.5, at, at)
    send(ward, 2 * DAY, {"body_weight": 81.2})
    (alert,) = ward.open_alerts("weight_gain_day")
    assert alert.explanation["limit"] == 0.5 and alert.explanation["whose_limit"] == "patient's own limit"
    assert alert.since == NOW + timedelta(days=2)
    agree(ward, NOW + timedelta(days=3))


def test_a_limit_set_for_the_past_and_another_zone_ask_for_a_rebuild(connection: Connection[Any]) -> None:
    ward = Ward(connection, programmes=["heart_failure"])
    send(ward, 0, {"body_weight": 80.0})
    send(ward, DAY, {"body_weight": 80.6})
    now = NOW + timedelta(days=1, hours=3)
    set_limit(ward, "weight_gain_day", 0.5, NOW, now)
    sweep(connection, ward.engine, now)
    assert [alert.rule for alert in ward.open_alerts()] == ["weight_gain_day"]
    # in Tokyo it was evening: nothing is compared
    connection.execute("INSERT INTO contact (patient_id, zone) VALUES (%s, 'Asia/Tokyo')", (ward.patients[0],))
    connection.commit()
    sweep(connection, ward.engine, now)
    assert not ward.open_alerts()


def test_what_is_usual_is_told(connection: Connection[Any]) -> None:
    ward = Ward(connection, programmes=["copd"])
    now = NOW + timedelta(days=14)
    ward.take(ward.batch([(0, EIGHT + day * DAY * MINUTE, {"spo2": 95.0}) for day in range(15)], now), now)
    send(ward, 15 * DAY, {"spo2": 88})
    (alert,) = ward.open_alerts("spo2_far_below_usual")
    assert reason(alert) == "SpO₂ 88 %, 7 % below the usual 95 %; limit 88 %"
    assert alert.emergency
    agree(ward, NOW + timedelta(days=15))


def test_every_shipped_rule_that_judges_readings_has_a_sentence_that_can_be_filled() -> None:
    for rule in load_rules().reading_rules:
        assert "{" in rule.reason, rule.name


def test_i13_worse_by_a_step_is_told_again_live_and_late(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    for minute, value in [(0, 89), (1, 88), (2, 87), (3, 86), (4, 85.5)]:
        send(ward, minute, {"spo2": value})
    (alert,) = ward.open_alerts("spo2_low")
    assert [what for what in ward.events(alert) if what == "worsened"] == ["worsened"]
    send(ward, 6, {"spo2": 84})
    send(ward, 5, {"spo2": 82}, later=2)
    assert [what for what in ward.events(alert) if what == "worsened"] == ["worsened"] * 3
    agree(ward, NOW + timedelta(minutes=10))


def test_two_of_three_irregular_pulses_are_looked_at(connection: Connection[Any]) -> None:
    ward = Ward(connection, programmes=["hypertension"])
    for minute, flags in [(0, ("irregular_pulse",)), (1, ()), (2, ("irregular_pulse",))]:
        assert not ward.open_alerts()
        send(ward, minute, {"heart_rate": 80}, flags=flags)
    (alert,) = ward.open_alerts("irregular_pulse")
    assert reason(alert) == "Twice within three readings the device reports irregular pulse"
    agree(ward, NOW + timedelta(minutes=5))
