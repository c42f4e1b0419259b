"""The engine on the real database: episodes become alerts, lateness, latching, rebuild, doubts, and rules that raise."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

import alerts.judgement
from alerts.engine import Engine
from alerts.moments import to_datetime
from alerts.rules import RuleSet, load_rules
from alerts.sweep import sweep
from devices.recording import load_history
from tests.integration.alerts.ward import NOW, Ward
from tests.unit.alerts.readings import EIGHT, MINUTE

HOUR = 60


def test_a_breach_opens_an_alert_that_explains_itself(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    ward.send([(0, 96)])
    judged = ward.send([(1, 84)])
    assert len(judged.opened) == 2 and judged.judged_rows == 1
    alert, milder = ward.open_alerts()
    assert (alert.rule, milder.rule, alert.emergency, alert.severity) == ("spo2_emergency", "spo2_low", True, "high")
    assert alert.since == alert.fired_at == NOW + timedelta(minutes=1)
    assert alert.due_at - alert.opened_at == timedelta(minutes=5)
    why = alert.explanation
    assert why["reason"] == "SpO₂ 84 %, at or below 85 %"
    assert (why["kind"], why["operator"], why["limit"], why["unit"], why["version"]) == ("threshold", "<=", 85.0, "%", 2)
    assert [(one["value"], one["device"]) for one in why["readings"]] == [(84.0, "dev0")]
    assert "emergency band" in why["source"] and why["ruleset"]["digest"] == ward.engine.rules.digest


def test_latching_high_waits_for_a_person_and_medium_closes_itself(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    ward.send([(0, 84)])
    ward.send([(1, 96)])
    assert [alert.rule for alert in ward.open_alerts()] == ["spo2_emergency"]
    assert ward.all_alerts("spo2_low") == [("resolved", "live", 1, True)]
    assert ward.all_alerts("spo2_emergency") == [("resolved", "live", 1, False)]
    ward.send([(2, 84)])
    (alert,) = ward.open_alerts("spo2_emergency")
    assert (alert.times, alert.condition) == (2, "firing")
    assert ward.events(alert) == ["opened", "resolved", "fired again"]
    assert ward.all_alerts("spo2_low") == [("firing", "live", 2, False)]


def test_i5_late_readings_that_are_the_newest_are_judged_live_for_twelve_hours(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    ward.send([(0, 84)], delay=6 * HOUR)
    (alert,) = ward.open_alerts("spo2_emergency")
    assert (alert.lateness, alert.emergency) == ("late", True)
    ward.send([(7 * HOUR, 84)])
    (alert,) = ward.open_alerts("spo2_emergency")
    assert alert.lateness == "live" and ward.events(alert) == ["opened", "promoted", "worsened"]  # there still after a gap


def test_i5_older_news_is_retrospective_until_a_live_reading_promotes_it(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    ward.send([(0, 84)], delay=13 * HOUR)
    (alert,) = ward.open_alerts("spo2_emergency")
    assert (alert.lateness, alert.emergency, alert.condition) == ("retrospective", False, "firing")
    assert alert.due_at - alert.opened_at == timedelta(hours=8)
    ward.send([(14 * HOUR, 84)])
    (alert,) = ward.open_alerts("spo2_emergency")
    assert (alert.lateness, alert.emergency) == ("live", True)
    assert alert.due_at == NOW + timedelta(hours=14, minutes=5)


def test_i5_an_episode_that_newer_readings_contradict_opens_an_item_due_the_same_shift(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    ward.send([(0, 96)])
    ward.send([(60, 97)])
    judged = ward.send([(30, 84), (31, 84), (40, 96)], delay=25)
    assert judged.rebuilt == 1
    assert [(alert.rule, alert.lateness, alert.condition) for alert in ward.open_alerts()] == [
        ("spo2_emergency", "retrospective", "resolved"),
        ("spo2_low", "retrospective", "resolved"),
    ]
    (alert,) = ward.open_alerts("spo2_emergency")
    assert (alert.since, alert.fired_at, alert.resolved_at) == tuple(NOW + timedelta(minutes=at) for at in (30, 30, 40))
    assert alert.due_at == alert.opened_at + timedelta(hours=8) and not alert.emergency
    assert len(alert.explanation["readings"]) == 1
    rows = connection.execute(
        "SELECT channel, state, reason FROM outbox WHERE alert_id = %s ORDER BY id", (alert.id,)
    ).fetchall()
    assert [row[:2] for row in rows] == [("in_app", "delivered")] and "retrospective" in rows[0][2]
    why = connection.execute("SELECT what, kind FROM suppression WHERE alert_id = %s", (alert.id,)).fetchall()
    assert why == [("sent", "retrospective")]
    # readings of an episode that an alert has told of already open nothing more
    ward.send([(35, 84)], delay=30)
    assert len(ward.all_alerts("spo2_emergency")) == 1


def test_i5_a_backlog_that_is_over_in_one_batch_is_retrospective_too(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    ward.send([(0, 96)])
    ward.send([(60, 84), (90, 96), (100, 96)], delay=60)
    assert ward.all_alerts("spo2_low") == [("resolved", "retrospective", 1, False)]
    ward.send([(200, 84), (201, 96)])  # a moment's dip, seen at once
    assert ward.all_alerts("spo2_low") == [("resolved", "retrospective", 2, False)]


def test_out_of_order_readings_end_what_they_contradict(connection: Connection[Any]) -> None:
    rule = replace(load_rules().by_name["spo2_low"], for_=timedelta(minutes=10), max_gap=timedelta(hours=1), readings=2)
    ward = Ward(connection, rules=RuleSet((rule,)))
    ward.send([(0, 88)])
    ward.send([(12, 88)])
    (alert,) = ward.open_alerts()
    ward.send([(6, 97)], delay=10)
    assert ward.all_alerts("spo2_low") == [("resolved", "live", 1, True)]
    assert ward.events(alert) == ["opened", "resolved", "closed"]
    ward.send([(24, 88)])
    assert ward.all_alerts("spo2_low") == [("firing", "live", 2, False)]


def test_i6_rebuild_gives_the_same_state_and_changes_no_alert(connection: Connection[Any]) -> None:
    ward = Ward(connection, patients=30, programmes=["heart_failure", "diabetes"])
    rng = np.random.default_rng(11)
    for step in range(12):
        now = NOW + timedelta(minutes=10 * step)
        rows = [
            (
                int(place),
                EIGHT + 10 * step * MINUTE - int(rng.integers(0, 25)) * MINUTE,
                {"spo2": float(rng.integers(83, 97)), "heart_rate": float(rng.integers(38, 155))},
            )
            for place in rng.permutation(30)[:20]
        ]
        ward.take(ward.batch(rows, now, suspect=["spo2"] if step % 5 == 4 else []), now)
    before, alerts = ward.states(), ward.open_alerts()
    assert sum(row[2] for row in before) == 12 * 20
    again = Engine(load_rules())
    judged = again.rejudge(connection, ward.patients, NOW + timedelta(hours=3))
    connection.commit()
    assert ward.states() == before
    assert ward.open_alerts() == alerts and not judged.opened and not judged.resolved


ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60), st.integers(83, 93)), min_size=1, max_size=25)


@given(rows=ROWS, data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_i6_any_order_and_cut_of_arrival_ends_in_the_same_state(
    plain_connection: Connection[Any], rows: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    connection = plain_connection
    connection.execute("SET ROLE NONE")
    connection.execute("TRUNCATE patient, staff, device, measurement CASCADE")
    connection.execute("SET ROLE wardlight_app")
    rule = replace(load_rules().by_name["spo2_low"], for_=timedelta(minutes=5), max_gap=timedelta(minutes=20), readings=2)
    ward = Ward(
        connection, patients=3, rules=RuleSet((rule, load_rules().by_name["spo2_emergency"], load_rules().by_name["doubt"]))
    )
    now = NOW + timedelta(hours=2)
    batch = ward.batch([(place, EIGHT + minute * MINUTE, {"spo2": float(value)}) for place, minute, value in rows], now)
    doubtful = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))), bool) & (
        batch.values[:, 1] < 86
    )
    batch = replace(batch, suspect=np.where(doubtful, 2, 0).astype(np.int32))
    order = np.array(data.draw(st.permutations(range(len(rows)))))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(rows)), max_size=5)) | {len(rows)})
    start = 0
    for cut in cuts:
        ward.take(batch.take(order[start:cut]), now, Engine(ward.engine.rules) if data.draw(st.booleans()) else None)
        start = cut
    arrived = ward.states()
    connection.execute("UPDATE patient_state SET ruleset_id = NULL, version = version + 1")
    Engine(ward.engine.rules).rejudge(connection, ward.patients, now)
    rebuilt = ward.states()
    assert [row[1:] for row in rebuilt if row[2]] == [row[1:] for row in arrived if row[2]]
    connection.commit()


def test_i2_counts_of_judged_measurements_equal_the_rows(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    batch = ward.batch([(0, EIGHT, {"spo2": 84})], NOW)
    assert ward.take(batch, NOW).judged_rows == 1
    assert ward.take(batch, NOW).judged_rows == 0
    ward.send([(5, 85)])
    ward.send([(3, 85)])
    assert [row[2] for row in ward.states()] == [3]


def test_i7_one_open_alert_for_a_condition_however_often_it_is_seen(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    for minute in range(6):
        ward.send([(minute, 84 if minute % 2 else 95)])
    ward.send([(2.5, 84)])
    assert len(ward.open_alerts("spo2_emergency")) == 1
    rows = connection.execute(
        "SELECT count(*) FROM alert WHERE closed_at IS NULL GROUP BY patient_id, rule, subject HAVING count(*) > 1"
    ).fetchall()
    assert not rows


def test_i7_an_alert_that_somebody_else_opened_is_joined(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    ward.send([(0, 96)])
    ward.send([(1, 84)])
    (alert,) = ward.open_alerts("spo2_emergency")
    # the state forgets, as a restored backup would
    connection.execute("UPDATE patient_state SET state = '', version = version + 1")
    connection.commit()
    ward.send([(2, 84)])
    assert [one.id for one in ward.open_alerts("spo2_emergency")] == [alert.id]


def test_i9_every_notice_says_why(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    ward.send([(0, 84)])
    ward.send([(1, 96)])
    ward.send([(2, 84)])
    (alert,) = ward.open_alerts("spo2_emergency")
    rows = connection.execute(
        "SELECT channel, state, reason, body FROM outbox WHERE alert_id = %s ORDER BY id", (alert.id,)
    ).fetchall()
    assert [row[:2] for row in rows] == [("in_app", "delivered")] * 2
    not_sent = connection.execute("SELECT kind, reason FROM suppression WHERE alert_id = %s", (alert.id,)).fetchall()
    assert [kind for kind, _ in not_sent] == ["again"]
    assert all(row[2] for row in rows)
    assert {row[3] for row in rows} == {f"alert {alert.public_id} {what}, severity high" for what in ("opened", "fired again")}


def test_a_storm_opens_every_alert_with_its_readings_and_tells_in_pieces(
    connection: Connection[Any], database_url: str
) -> None:
    ward = Ward(connection, patients=500)
    ward.take(ward.batch([(place, EIGHT, {"heart_rate": 70.0}) for place in range(500)], NOW), NOW)
    connection.execute("LISTEN alert_changed")
    connection.commit()
    later = NOW + timedelta(minutes=1)
    rows = [(place, EIGHT + MINUTE, {"spo2": 84.0, "systolic_bp": 70.0, "heart_rate": 160.0}) for place in range(500)]
    judged = ward.take(ward.batch(rows, later), later)
    assert len(judged.opened) == 500 * 4
    assert all(alert.explanation["readings"] for alert in ward.open_alerts())
    told = list(connection.notifies(timeout=0.5))
    assert all(len(note.payload) < 8000 for note in told)
    assert sorted(int(key) for note in told for key in note.payload.split(",")) == sorted(judged.opened)


def test_doubt_opens_after_its_time_unless_a_clean_reading_lifts_it(connection: Connection[Any]) -> None:
    ward = Ward(connection, patients=2)
    ward.send([(0, 96)])
    ward.send([(10, 45)], suspect=True)
    assert not ward.open_alerts()
    ((due,),) = connection.execute("SELECT due_at FROM doubt").fetchall()
    assert due == NOW + timedelta(minutes=25)
    connection.commit()
    assert sweep(connection, ward.engine, NOW + timedelta(minutes=24)).doubts == 0
    assert sweep(connection, ward.engine, NOW + timedelta(minutes=26)).doubts == 1
    assert sweep(connection, ward.engine, NOW + timedelta(minutes=27)).doubts == 0
    (alert,) = ward.open_alerts()
    assert (alert.rule, alert.subject, alert.fired_at) == ("doubt", "spo2", NOW + timedelta(minutes=10))
    assert alert.explanation["reason"].startswith("Oxygen saturation 45 % is hardly possible")
    ward.send([(28, 96)])
    assert not ward.open_alerts()
    ward.send([(30, 45)], suspect=True)
    ward.send([(31, 96)])
    assert connection.execute("SELECT count(*) FROM doubt").fetchone() == (0,)


def test_a_correction_takes_back_what_the_wrong_reading_set_off(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    ward.send([(0, 96)])
    ward.send([(1, 84)])
    connection.execute(
        "INSERT INTO correction (device_id, device_time, seq, boot, vital, patient_id, marked_by, marked_at, reason)"
        " SELECT device_id, device_time, seq, boot, 1, patient_id, %s, %s, 'sensor off' FROM measurement WHERE spo2 = 84",
        (ward.staff, NOW),
    )
    ward.engine.rejudge(connection, ward.patients, NOW + timedelta(minutes=2))
    connection.commit()
    ward.engine.committed()
    assert [(alert.rule, alert.condition) for alert in ward.open_alerts()] == [("spo2_emergency", "resolved")]
    assert [row[2] for row in ward.states()] == [2]


def test_changed_programmes_and_rules_are_noticed_and_judged_anew(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    ward.send([(0, 89)])
    assert [alert.rule for alert in ward.open_alerts()] == ["spo2_low"]
    connection.execute("UPDATE patient SET programmes = '{copd}'")
    connection.commit()
    assert sweep(connection, ward.engine, NOW + timedelta(minutes=1)).rebuilt == 1
    assert not ward.open_alerts()
    tighter = replace(load_rules().by_name["spo2_low_copd"], limit=90.0)
    other = Ward.__new__(Ward)
    other.__dict__.update(ward.__dict__)
    other.engine = Engine(RuleSet((tighter,)))
    judged = other.send([(2, 89)])
    assert judged.rebuilt == 1 and [alert.rule for alert in ward.open_alerts()] == ["spo2_low_copd"]
    withdrawn = Engine(RuleSet((load_rules().by_name["fever"],)))
    withdrawn.rejudge(connection, ward.patients, NOW + timedelta(minutes=3))
    connection.commit()
    assert not ward.open_alerts()


def test_claimed_readings_open_what_they_show_of_the_past(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    ward.send([(0, 84), (1, 97)])
    ward.conn.execute("SET ROLE NONE")
    ward.conn.execute("TRUNCATE outbox, escalation, suppression, recheck, silence")
    ward.conn.execute("DELETE FROM alert_event")
    ward.conn.execute("DELETE FROM alert")
    ward.conn.execute("DELETE FROM patient_state")
    ward.conn.execute("SET ROLE wardlight_app")
    claimed = load_history(connection, ward.patients)
    ward.engine.rejudge(connection, ward.patients, NOW + timedelta(hours=2), claimed)
    connection.commit()
    assert ward.all_alerts("spo2_emergency") == [("resolved", "retrospective", 1, False)]


def test_a_rule_that_raises_costs_no_reading_and_says_so(connection: Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    ward = Ward(connection, patients=8)
    rows = [(place, EIGHT, {"spo2": 95.0, "heart_rate": 70.0}) for place in range(8)]
    ward.take(ward.batch(rows, NOW), NOW)
    sound = alerts.judgement.evaluate
    raising = ward.patients[3]

    def unsound(*given: Any, **named: Any) -> Any:
        if raising in given[4].patient_id:
            raise ZeroDivisionError
        return sound(*given, **named)

    monkeypatch.setattr("alerts.judgement.evaluate", unsound)
    monkeypatch.setattr("alerts.rebuild.evaluate", unsound)
    later = NOW + timedelta(minutes=1)
    judged = ward.take(ward.batch([(place, EIGHT + MINUTE, {"spo2": 84.0}) for place in range(8)], later), later)
    assert judged.unjudged == 1 and connection.execute("SELECT count(*) FROM measurement").fetchone() == (16,)
    assert len(ward.open_alerts("spo2_emergency")) == 7
    (technical,) = ward.open_alerts("unjudged")
    assert (technical.patient_id, technical.subject, technical.category) == (raising, None, "technical")
    assert connection.execute("SELECT patient_id, reason FROM unjudged").fetchall() == [(raising, "ZeroDivisionError")]
    ward.take(ward.batch([(3, EIGHT + 2 * MINUTE, {"spo2": 84.0})], later), later)
    assert sweep(connection, ward.engine, later).unjudged == 1
    assert len(ward.open_alerts("unjudged")) == 1
    monkeypatch.undo()
    connection.commit()
    assert sweep(connection, ward.engine, later + timedelta(minutes=1)).rebuilt == 1
    assert not ward.open_alerts("unjudged") and len(ward.open_alerts("spo2_emergency")) == 8
    assert connection.execute("SELECT count(*) FROM unjudged").fetchone() == (0,)
    assert [row[2] for row in ward.states()] == [2, 2, 2, 3, 2, 2, 2, 2]


def test_a_rolled_back_batch_leaves_the_cache_honest(connection: Connection[Any]) -> None:
    ward = Ward(connection)
    ward.send([(0, 96)])
    batch = ward.batch([(0, EIGHT + MINUTE, {"spo2": 84})], NOW)
    ward.engine.lock(connection, ward.patients)
    ward.engine.judge(connection, batch, NOW)
    connection.rollback()
    ward.engine.rolled_back()
    assert len(ward.take(batch, NOW).opened) == 2
    stranger = Engine(ward.engine.rules)
    ward.take(ward.batch([(0, EIGHT + 2 * MINUTE, {"spo2": 96})], NOW), NOW, stranger)
    ward.send([(3, 96)])
    assert to_datetime(EIGHT) == NOW and [row[2] for row in ward.states()] == [4]
    assert ward.all_alerts("spo2_low") == [("resolved", "live", 1, True)]
