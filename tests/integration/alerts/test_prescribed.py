"""What was prescribed and does not come: per measure, against the patient's own schedule, pauses and our own path left out."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection

from alerts import actions
from alerts.alert import Alert
from alerts.explain import explain
from alerts.queries import find_story, list_open
from alerts.sweep import Swept, sweep
from care.plan import enrol as plan
from care.plan import queries
from care.programme_files import load_programmes
from tests.integration.alerts.test_silence import hours, path_was_up
from tests.integration.alerts.ward import NOW, Ward

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def ward(connection: Connection[Any]) -> Ward:
    """Give a patient who is asked for weight and saturation once a day since eight, and weighed in at eight."""
    made = Ward(connection)
    for measure in ("body_weight", "spo2"):
        queries.set_own_schedule(connection, made.patients[0], measure, DAY, [], by=made.staff, reason="", now=NOW - DAY)
    connection.commit()
    made.send([(0, 80)], vital="body_weight")
    made.send([(0, 96)])
    return made


def swept(ward: Ward, at: float) -> Swept:
    return sweep(ward.conn, ward.engine, hours(at))


def silent(ward: Ward) -> list[Alert]:
    found = [alert for alert in list_open(ward.conn) if alert.explanation["kind"] == "silence"]
    ward.conn.commit()
    return sorted(found, key=lambda alert: alert.subject or "")


def measure(ward: Ward, hour: float, vital: str = "spo2", value: float = 96) -> None:
    ward.send([(hour * 60, value)], vital=vital)


def test_each_measure_is_judged_by_itself_whatever_the_device_sends(ward: Ward) -> None:
    path_was_up(ward, (-30, 90))
    for hour in (24, 47, 60):
        measure(ward, hour)
    assert swept(ward, 47.9).missing == 0
    assert swept(ward, 48.1).missing == 1
    assert swept(ward, 49).missing == 0
    (alert,) = silent(ward)
    assert (alert.subject, alert.rule, alert.category, alert.since) == ("body_weight", "device_silent", "adherence", NOW)
    why = alert.explanation
    assert (why["measure_title"], why["cause"], why["expected_seconds"]) == ("Weight", "unknown", 86400)
    assert why["reason"].startswith("No weight since 2026-11-23 08:00 UTC; it is due every 1 day; why is not known")


def test_a_gateway_that_is_online_never_hides_a_silent_sensor(ward: Ward) -> None:
    path_was_up(ward, (-30, 90))
    gateway = ward.add_device("gate", ward.patients[0], HOUR)
    ward.conn.execute("UPDATE device SET kind = 'gateway' WHERE id = %s", (gateway,))
    ward.conn.execute(
        "INSERT INTO device_state (device_id, online, last_received_at) VALUES (%s, true, %s)"
        " ON CONFLICT (device_id) DO UPDATE SET online = true, last_received_at = excluded.last_received_at",
        (gateway, hours(50)),
    )
    ward.conn.commit()
    assert swept(ward, 50).missing == 2
    assert [alert.subject for alert in silent(ward)] == ["body_weight", "spo2"]


def test_i14_our_own_outage_does_not_count_and_a_pause_begins_anew(ward: Ward) -> None:
    path_was_up(ward, (-30, 10))
    assert swept(ward, 100).missing == 0
    path_was_up(ward, (100, 139))
    queries.add_pause(ward.conn, ward.patients[0], "travel", hours(101), hours(110), by=ward.staff, note="", now=hours(100))
    ward.conn.commit()
    assert swept(ward, 139).missing == 0  # 10 h before and 39 h after, but it is counted anew from the end of the pause
    path_was_up(ward, (139, 160))
    assert swept(ward, 157.9).missing == 0
    assert swept(ward, 158.1).missing == 2
    assert silent(ward)[0].explanation["counted_seconds"] == pytest.approx(48.1 * 3600)


def test_a_reading_ends_it_and_it_is_counted_anew(ward: Ward) -> None:
    path_was_up(ward, (-30, 200))
    swept(ward, 49)
    weight, _ = silent(ward)
    measure(ward, 50, "body_weight", 80)
    swept(ward, 50.1)
    assert [alert.subject for alert in silent(ward)] == ["spo2"]
    assert ward.events(weight)[-2:] == ["resolved", "closed"]
    ward.conn.commit()
    assert swept(ward, 97).missing == 0
    assert swept(ward, 98.2).missing == 1


def test_an_old_reading_that_arrives_late_does_not_end_it(ward: Ward) -> None:
    path_was_up(ward, (-30, 200))
    swept(ward, 100)
    ward.send([(30 * 60, 80)], vital="body_weight", delay=71 * 60)
    swept(ward, 101)
    assert len(silent(ward)) == 2


def test_what_a_person_resolved_is_counted_anew(ward: Ward) -> None:
    path_was_up(ward, (-30, 200))
    swept(ward, 49)
    actions.resolve(ward.conn, silent(ward)[0].public_id, ward.staff, "unreachable", "", hours(49))
    ward.conn.commit()
    assert swept(ward, 60).missing == 0
    assert swept(ward, 97.1).missing == 1


def test_nobody_paused_is_called_silent_and_a_pause_ends_what_was_open(ward: Ward) -> None:
    path_was_up(ward, (-30, 400))
    swept(ward, 49)
    assert len(silent(ward)) == 2
    queries.add_pause(ward.conn, ward.patients[0], "hospital", hours(50), hours(250), by=ward.staff, note="", now=hours(50))
    ward.conn.commit()
    swept(ward, 51)
    assert silent(ward) == []
    assert swept(ward, 249).missing == 0
    assert swept(ward, 297).missing == 0
    # counted anew from the end of the pause
    assert swept(ward, 298.1).missing == 2


def test_a_reading_ends_a_pause(ward: Ward) -> None:
    path_was_up(ward, (-30, 400))
    queries.add_pause(ward.conn, ward.patients[0], "hospital", hours(10), hours(250), by=ward.staff, note="", now=hours(10))
    ward.conn.commit()
    measure(ward, 20)
    swept(ward, 21)
    assert queries.list_pauses(ward.conn, ward.patients[0])[0].ended_how == "reading"
    ward.conn.commit()
    swept(ward, 69)
    assert [alert.subject for alert in silent(ward)] == ["body_weight", "spo2"]


def test_what_is_not_asked_any_more_is_not_missed(ward: Ward) -> None:
    path_was_up(ward, (-30, 200))
    swept(ward, 49)
    queries.set_own_schedule(ward.conn, ward.patients[0], "spo2", None, [], by=ward.staff, reason="enough", now=hours(50))
    ward.conn.commit()
    swept(ward, 50.1)
    assert [alert.subject for alert in silent(ward)] == ["body_weight"]
    plan.leave_in_peace(ward.conn, ward.patients[0], "deceased", by=ward.staff, reason="", now=hours(51))
    ward.conn.commit()
    swept(ward, 51.1)
    assert silent(ward) == []
    assert swept(ward, 150).missing == 0


def test_in_heart_failure_it_is_clinical_and_tells_why(ward: Ward) -> None:
    path_was_up(ward, (-30, 200))
    template = load_programmes()["heart_failure"]
    plan.enrol(ward.conn, ward.patients[0], template, by=ward.staff, reason="", now=NOW)
    ward.conn.execute("UPDATE device_state SET battery = 3, online = false")
    ward.conn.commit()
    swept(ward, 49)
    weight = next(alert for alert in silent(ward) if alert.subject == "body_weight")
    assert (weight.rule, weight.category, weight.severity) == ("device_silent_heart_failure", "clinical", "medium")
    story = find_story(ward.conn, weight.public_id)
    assert story is not None
    told = "\n".join(explain(story, hours(0).tzinfo))  # type: ignore[arg-type]
    assert "A reading is due every 1 day" in told and "Why silent" in told


def test_a_device_is_left_to_the_prescription_that_says_it_as_soon(ward: Ward) -> None:
    path_was_up(ward, (-30, 200))
    device = ward.devices[ward.patients[0]]
    ward.conn.execute("UPDATE device SET expected_every = '1 day'")
    ward.conn.execute(
        "INSERT INTO device_state (device_id, last_received_at) VALUES (%s, %s)"
        " ON CONFLICT (device_id) DO UPDATE SET last_received_at = excluded.last_received_at",
        (device, NOW),
    )
    ward.conn.commit()
    done = swept(ward, 49)
    assert (done.silent, done.missing) == (0, 2)
    ward.conn.execute("UPDATE device SET expected_every = '1 hour'")
    ward.conn.commit()
    assert swept(ward, 50).silent == 1
    queries.add_pause(ward.conn, ward.patients[0], "travel", hours(51), hours(99), by=ward.staff, note="", now=hours(51))
    ward.conn.commit()
    swept(ward, 51.1)
    assert silent(ward) == []
    assert ward.conn.execute("SELECT silent FROM device_state").fetchone() == (False,)
    ward.conn.commit()
