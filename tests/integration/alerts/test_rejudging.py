"""Judging an alert again from what is stored: the same answer as then, and what came since told apart."""

from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

from psycopg import Connection

from alerts import actions
from alerts.escalation.deadlines import run_due
from alerts.explain import explain
from alerts.queries import find_story
from alerts.rejudge import Rejudged, tell
from alerts.rejudging import rejudge_alert
from alerts.rules import load_rules
from alerts.stories import load_story
from tests.integration.alerts.ward import NOW, Ward
from tests.unit.alerts.readings import EIGHT, MINUTE


def again(ward: Ward, public_id: str) -> Rejudged:
    story = find_story(ward.conn, public_id)
    assert story is not None
    found = rejudge_alert(ward.conn, story.alert)
    assert found is not None
    return found


def test_i6_every_alert_about_readings_is_judged_again_to_the_same_answer(plain_connection: Connection[Any]) -> None:
    ward = Ward(plain_connection, programmes=["post_acute"])
    ward.send([(0, 97), (5, 89), (10, 84), (15, 97)])
    ward.send([(20, 130), (25, 152), (30, 90)], vital="heart_rate")
    ward.send([(40, 39.2)], vital="body_temperature")
    # an outage: old news arrives hours later, in one piece
    ward.send([(50, 84), (55, 99), (60, 83), (65, 99)], delay=300)
    alerts = [public for (public,) in plain_connection.execute("SELECT public_id FROM alert").fetchall()]
    kinds = {kind for (kind,) in plain_connection.execute("SELECT explanation ->> 'kind' FROM alert").fetchall()}
    assert {"threshold", "score"} <= kinds and len(alerts) > 6
    for public_id in alerts:
        found = again(ward, public_id)
        assert found.is_same and found.is_same_now, (public_id, found)


def test_what_came_late_or_was_marked_wrong_since_is_told_apart(plain_connection: Connection[Any]) -> None:
    ward = Ward(plain_connection)
    ward.send([(0, 97), (10, 88)])
    (alert,) = ward.open_alerts("spo2_low")
    ward.send([(5, 87)], delay=10)
    found = again(ward, alert.public_id)
    assert found.is_same and not found.is_same_now
    assert found.now is not None and found.now.fired_at == NOW + timedelta(minutes=5)
    plain_connection.execute(
        "INSERT INTO correction (device_id, device_time, seq, boot, vital, patient_id, marked_by, marked_at, reason)"
        " SELECT device_id, device_time, seq, boot, 1, patient_id, %s, %s, 'cold finger' FROM measurement WHERE spo2 < 90",
        (ward.staff, NOW + timedelta(hours=1)),
    )
    found = again(ward, alert.public_id)
    assert found.is_same and found.now is None
    lines = tell(found, lambda at: f"{at:%H:%M}")
    assert lines[0].endswith("and the readings that had come in: the same answer.")
    assert lines[1] == "With what came in or was marked wrong since: it does not fire."
    plain_connection.rollback()


def test_what_was_reset_or_judged_by_other_rules_since_is_judged_as_then(plain_connection: Connection[Any]) -> None:
    ward = Ward(plain_connection)
    ward.send([(0, 84)])
    (first,) = ward.open_alerts("spo2_emergency")
    actions.resolve(plain_connection, first.public_id, ward.staff, "true_acted", "", NOW + timedelta(minutes=1))
    plain_connection.commit()
    ward.send([(300, 84)])
    (second,) = [alert for alert in ward.open_alerts("spo2_emergency") if alert.public_id != first.public_id] or [first]
    rules = load_rules()
    ward.engine = type(ward.engine)(replace(rules, rules=tuple(rule for rule in rules.rules if rule.name != "spo2_emergency")))
    ward.take(ward.batch([(0, EIGHT + 310 * MINUTE, {"spo2": 97})], NOW + timedelta(minutes=310)), NOW + timedelta(minutes=310))
    for alert in (first, second):
        assert again(ward, alert.public_id).is_same


def test_a_judgement_that_does_not_follow_from_the_readings_is_told(plain_connection: Connection[Any]) -> None:
    ward = Ward(plain_connection)
    ward.send([(0, 84)])
    (alert,) = ward.open_alerts("spo2_emergency")
    plain_connection.execute('UPDATE alert SET explanation = explanation || \'{"since": "2026-11-23T07:00:00+00:00"}\'')
    found = again(ward, alert.public_id)
    assert not found.is_same and found.then is not None
    assert "Report this" in tell(found, lambda at: f"{at:%H:%M}")[1]
    plain_connection.rollback()


def test_an_alert_tells_whose_limit_it_was_and_what_became_of_its_page(plain_connection: Connection[Any]) -> None:
    ward = Ward(plain_connection)
    plain_connection.execute(
        'INSERT INTO patient_limit (patient_id, rule, "limit", during, is_loosening, set_by, reason, created_at)'
        " VALUES (%s, 'spo2_low', 93, tstzrange(%s, %s), false, %s, 'lives high up', %s)",
        (ward.patients[0], NOW - timedelta(days=1), NOW + timedelta(days=6), ward.staff, NOW - timedelta(days=1)),
    )
    plain_connection.commit()
    ward.send([(0, 92)])
    (alert,) = ward.open_alerts("spo2_low")
    run_due(plain_connection, NOW + timedelta(seconds=1))
    plain_connection.commit()
    actions.acknowledge(plain_connection, alert.public_id, ward.staff, NOW + timedelta(minutes=1))
    plain_connection.commit()
    story = load_story(plain_connection, alert.public_id)
    assert story is not None
    told = "\n".join(explain(story, UTC))
    assert "Judged against the patient's own limit: below 93 %." in told
    assert (
        "The patient's own limit, 93, set by Nurse 2026-11-22 08:00:00 UTC, until 2026-11-29 08:00:00 UTC: lives high up."
        in told
    )
    assert "not sent: Nurse took it on; sent again if it worsens or that is taken back (Nurse); lasts" in told
    assert "page to Nurse: " in told
    assert again(ward, alert.public_id).is_same


def test_an_alert_of_a_score_tells_what_it_rests_on(plain_connection: Connection[Any]) -> None:
    ward = Ward(plain_connection, programmes=["post_acute"])
    ward.take(ward.batch([(0, EIGHT, {"spo2": 91, "heart_rate": 112})], NOW), NOW)
    (alert,) = ward.open_alerts("news2_urgent")
    story = load_story(plain_connection, alert.public_id)
    assert story is not None
    told = "\n".join(explain(story, UTC))
    assert "Judged 5 against the limit of post acute: at or above 5." in told
    assert "spo2.points 3" in told
