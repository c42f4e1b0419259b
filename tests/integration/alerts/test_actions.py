"""What people do to alerts, on the real database, and how an alert tells it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from psycopg import Connection

from alerts import actions
from alerts.alert import Alert
from alerts.engine import Engine
from alerts.explain import explain
from alerts.queries import find_alert, find_story, list_open
from alerts.sweep import sweep
from tests.integration.alerts.ward import NOW, Ward

MINUTE = timedelta(minutes=1)


def only(ward: Ward, rule: str) -> Alert:
    (alert,) = ward.open_alerts(rule)
    return alert


def test_acknowledging_is_one_fact_and_the_end_of_the_condition_another(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    ward.send([(0, 84)])
    alert = only(ward, "spo2_emergency")
    taken = actions.acknowledge(connection, alert.public_id, ward.staff, NOW + MINUTE)
    assert taken is not None and taken.closed_at is None and taken.acknowledged_by == ward.staff
    actions.acknowledge(connection, alert.public_id, ward.staff, NOW + 2 * MINUTE)
    connection.commit()
    ward.send([(3, 96)])
    assert not ward.open_alerts()
    assert ward.events(alert) == ["opened", "acknowledged", "resolved", "closed"]
    assert actions.acknowledge(connection, "nobody", ward.staff, NOW) is None


def test_acknowledging_what_is_over_closes_it_and_can_be_taken_back(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    ward.send([(0, 84)])
    ward.send([(1, 96)])
    alert = only(ward, "spo2_emergency")
    closed = actions.acknowledge(connection, alert.public_id, ward.staff, NOW + MINUTE)
    assert closed is not None and (closed.closed_by, closed.closed_at) == (ward.staff, NOW + MINUTE)
    actions.unacknowledge(connection, alert.public_id, ward.staff, NOW + 2 * MINUTE)
    assert only(ward, "spo2_emergency").acknowledged_at is None
    actions.acknowledge(connection, alert.public_id, ward.staff, NOW + 3 * MINUTE)
    connection.commit()
    ward.send([(4, 84)])
    actions.unacknowledge(connection, alert.public_id, ward.staff, NOW + 5 * MINUTE)
    again = only(ward, "spo2_emergency")
    assert (again.id, again.regressed, again.acknowledged_at) == (alert.id, 1, None)
    connection.commit()


def test_resolving_starts_the_rule_anew_and_a_condition_still_true_says_so(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    ward.send([(0, 84)])
    first = only(ward, "spo2_emergency")
    done = actions.resolve(connection, first.public_id, ward.staff, "true_acted", "oxygen turned up", NOW + MINUTE)
    connection.commit()
    assert done is not None and (done.disposition, done.condition, done.reset_at) == ("true_acted", "resolved", NOW)
    ward.send([(2, 84)])
    again = only(ward, "spo2_emergency")
    assert (again.id, again.disposition, again.regressed, again.condition) == (first.id, None, 1, "firing")
    assert ward.events(first) == ["opened", "acknowledged", "closed", "regressed"]
    actions.resolve(connection, again.public_id, ward.staff, "true_no_action", "", NOW + 3 * MINUTE)
    connection.commit()
    hours = 5 * 60
    ward.send([(hours, 84)])
    second = only(ward, "spo2_emergency")
    assert second.id != first.id and second.since == NOW + hours * MINUTE
    assert second.explanation["still_true_after"]["alert"] == first.public_id
    assert second.explanation["reason"].endswith("still so after it was resolved")
    actions.resolve(connection, second.public_id, ward.staff, "false_artefact", "", NOW + (hours + 1) * MINUTE)
    connection.commit()
    ward.send([(2 * hours, 96)])
    ward.send([(2 * hours + 1, 84)])
    assert "still_true_after" not in only(ward, "spo2_emergency").explanation


def test_a_rebuild_honours_what_staff_resolved(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    ward.send([(0, 84)])
    for alert in ward.open_alerts():
        actions.resolve(connection, alert.public_id, ward.staff, "already_known", "", NOW + MINUTE)
    connection.commit()
    before = ward.states()
    Engine(ward.engine.rules).rejudge(connection, ward.patients, NOW + 2 * MINUTE)
    connection.commit()
    assert not ward.open_alerts() and ward.states() == before
    ward.send([(-5, 84)], delay=10)  # late, and before what was resolved
    assert not [alert for alert in ward.open_alerts() if alert.condition == "firing"]


def test_a_resolved_doubt_stays_settled(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    ward.send([(0, 45)], suspect=True)
    sweep(connection, ward.engine, NOW + 16 * MINUTE)
    alert = only(ward, "doubt")
    actions.resolve(connection, alert.public_id, ward.staff, "technique_taught", "", NOW + 17 * MINUTE)
    connection.commit()
    ward.send([(-1, 45)], suspect=True, delay=20)
    assert connection.execute("SELECT count(*) FROM doubt").fetchone() == (0,)
    before = ward.states()
    Engine(ward.engine.rules).rejudge(connection, ward.patients, NOW + 20 * MINUTE)
    connection.commit()
    assert ward.states() == before and not ward.open_alerts()
    ward.send([(21, 45)], suspect=True)
    assert connection.execute("SELECT count(*) FROM doubt").fetchone() == (1,)


def test_i5_what_came_after_an_alert_was_resolved_is_not_taken_as_told(plain_connection: Connection[Any]) -> None:
    ward = Ward(plain_connection)
    ward.send([(0, 84)])
    actions.resolve(plain_connection, only(ward, "spo2_emergency").public_id, ward.staff, "true_acted", "", NOW + 10 * MINUTE)
    plain_connection.commit()
    ward.send([(12, 97)])
    ward.send([(5, 80)], delay=8)
    late = only(ward, "spo2_emergency")
    assert (late.lateness, late.condition, late.regressed, late.closed_at) == ("live", "resolved", 1, None)


def test_an_unknown_disposition_is_refused(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    ward.send([(0, 84)])
    with pytest.raises(ValueError, match="true_acted"):
        actions.resolve(connection, only(ward, "spo2_low").public_id, ward.staff, "whatever", "", NOW)


def test_an_alert_tells_its_whole_story(connection: Connection[Any]) -> None:
    ward = Ward(connection, programmes=["diabetes"])
    for minute in range(0, 20, 5):
        ward.send([(minute, 50)], vital="cgm_glucose")
    alert = only(ward, "cgm_emergency")
    actions.acknowledge(connection, alert.public_id, ward.staff, NOW + 17 * MINUTE)
    actions.resolve(connection, alert.public_id, ward.staff, "true_acted", "juice", NOW + 20 * MINUTE)
    story = find_story(connection, alert.public_id)
    assert story is not None
    told = "\n".join(explain(story, ZoneInfo("America/New_York")))
    for said in (
        "Dangerously low glucose by sensor", "Glucose, sensor 50 mg/dL is below 54 mg/dL", "emergency band",
        "for at least 15 min, no more than 20 min apart", "ends with the first reading at or above 59 mg/dL",
        "held from 2026-11-23 03:00:00 EST and fired 2026-11-23 03:15:00 EST, 15 min later",
        "device dev0", "Diabetes Care 42:1593", "acknowledged by Nurse", "closed by Nurse: true_acted: juice",
        "in_app to worklist: delivered",
    ):  # fmt: skip
        assert said in told, told
    assert told.count("50 mg/dL  device") == 4
    assert "Patient" not in told
    assert find_story(connection, "nobody") is None and find_alert(connection, "nobody") is None


def test_stories_of_silence_doubt_and_late_news(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    connection.execute("UPDATE device SET expected_every = '1 hour'")
    connection.execute("INSERT INTO path_up (started_at, seen_at) VALUES (%s, %s)", (NOW - 60 * MINUTE, NOW + 600 * MINUTE))
    ward.send([(0, 84)], delay=13 * 60)
    ward.send([(14 * 60, 45)], suspect=True)
    sweep(connection, ward.engine, NOW + timedelta(hours=15))
    told = {
        alert.rule: "\n".join(explain(story, UTC))
        for alert in list_open(connection)
        if (story := find_story(connection, alert.public_id)) is not None
    }
    assert "Nobody was paged" in told["spo2_emergency"] and "arrived 13 h later" in told["spo2_emergency"]
    assert "no clean reading followed within 15 min" in told["doubt"]
    assert "in which our own path was up" in told["device_silent"]
    assert datetime(2026, 11, 23, tzinfo=UTC).strftime("%Y-%m-%d") in told["device_silent"]
