"""Silence on the real database: only time in which our own path was up counts, and a heard device ends it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from alerts import actions
from alerts.alert import Alert
from alerts.queries import list_open
from alerts.silence import resolve_silence
from alerts.sweep import Swept, sweep
from database.pool import connect
from tests.integration.alerts.ward import NOW, Ward


def hours(count: float) -> datetime:
    """Return the time so many hours after eight."""
    return NOW + timedelta(hours=count)


@pytest.fixture
def ward(connection: Connection[Any]) -> Ward:
    """Give a patient with a device that is due every hour, last heard at eight."""
    made = Ward(connection)
    connection.execute("UPDATE device SET expected_every = '1 hour'")
    connection.execute("INSERT INTO device_state (device_id, last_received_at) SELECT id, %s FROM device", (NOW,))
    connection.commit()
    return made


def path_was_up(ward: Ward, *spans: tuple[float, float]) -> None:
    for start, end in spans:
        ward.conn.execute("INSERT INTO path_up (started_at, seen_at) VALUES (%s, %s)", (hours(start), hours(end)))
    ward.conn.commit()


def swept(ward: Ward, at: float) -> Swept:
    return sweep(ward.conn, ward.engine, hours(at))


def only(ward: Ward) -> Alert:
    (alert,) = list_open(ward.conn)
    ward.conn.commit()
    return alert


def test_a_device_that_misses_its_schedule_opens_one_alert(ward: Ward) -> None:
    path_was_up(ward, (-1, 5))
    assert swept(ward, 2).silent == 0
    assert swept(ward, 2.01).silent == 1
    assert swept(ward, 3).silent == 0
    alert = only(ward)
    assert (alert.rule, alert.subject, alert.severity, alert.category) == ("device_silent", "dev0", "low", "adherence")
    assert (alert.since, alert.fired_at) == (NOW, hours(2.01))
    assert alert.explanation["expected_seconds"] == 3600 and alert.explanation["device_kind"] == "pulse_oximeter"
    assert ward.conn.execute("SELECT silent FROM device_state").fetchone() == (True,)
    rows = ward.conn.execute("SELECT channel, state FROM outbox ORDER BY id").fetchall()
    assert rows == [("in_app", "delivered")]
    why = ward.conn.execute("SELECT what, kind, ended_at FROM suppression").fetchall()
    assert why == [("sent", "low", None)]
    ward.conn.commit()


def test_i14_nobody_is_called_silent_for_a_time_in_which_our_path_was_down(ward: Ward) -> None:
    path_was_up(ward, (-1, 0.5))
    assert swept(ward, 48).silent == 0  # down for two days: not the device's silence
    path_was_up(ward, (48, 49))
    assert swept(ward, 49).silent == 0  # an hour and a half of it counts by now
    path_was_up(ward, (48, 49), (48.2, 49.2))  # a second worker beside the first adds nothing
    assert swept(ward, 49.4).silent == 0
    path_was_up(ward, (49.2, 49.8))
    assert swept(ward, 49.8).silent == 1
    why = only(ward).explanation
    assert why["counted_seconds"] == pytest.approx(2.3 * 3600)
    assert why["not_counted_seconds"] == pytest.approx(47.5 * 3600)


def test_i14_a_path_that_is_not_seen_alive_counts_for_nothing(ward: Ward) -> None:
    path_was_up(ward, (-1, 0.1))
    assert swept(ward, 12).silent == 0


def test_the_first_reading_ends_the_silence(ward: Ward) -> None:
    path_was_up(ward, (-1, 9))
    swept(ward, 3)
    alert = only(ward)
    device = ward.devices[ward.patients[0]]
    assert resolve_silence(ward.conn, [device], hours(4)) == [alert.id]
    assert not list_open(ward.conn)
    assert ward.events(alert) == ["opened", "resolved", "closed"]
    assert ward.conn.execute("SELECT silent FROM device_state").fetchone() == (False,)
    ward.conn.execute("UPDATE device_state SET last_received_at = %s", (hours(4),))
    ward.conn.commit()
    assert swept(ward, 5).silent == 0
    assert swept(ward, 6.1).silent == 1


def test_a_resolved_silence_is_counted_anew(ward: Ward) -> None:
    path_was_up(ward, (-1, 9))
    swept(ward, 3)
    actions.resolve(ward.conn, only(ward).public_id, ward.staff, "unreachable", "will call again", hours(3))
    ward.conn.commit()
    assert swept(ward, 4).silent == 0
    assert swept(ward, 5.1).silent == 1


def test_in_heart_failure_silence_is_clinical(ward: Ward) -> None:
    ward.conn.execute("UPDATE patient SET programmes = '{heart_failure}'")
    path_was_up(ward, (-1, 9))
    swept(ward, 3)
    assert (only(ward).rule, only(ward).category, only(ward).severity) == ("device_silent_heart_failure", "clinical", "medium")


def test_a_device_never_heard_is_silent_from_its_assignment_on(ward: Ward) -> None:
    path_was_up(ward, (-1, 9))
    ward.add_device("never", ward.patients[0], timedelta(hours=2), hours(1))
    ward.add_device("free", ward.patients[0], None, hours(1))
    ward.conn.execute("UPDATE device_state SET last_received_at = %s", (hours(8),))
    ward.conn.commit()
    assert swept(ward, 4.9).silent == 0
    assert swept(ward, 5.1).silent == 1
    assert (only(ward).subject, only(ward).since) == ("never", hours(1))
    assert "since it was assigned" in only(ward).explanation["reason"]


def test_only_one_sweeps_at_a_time(ward: Ward, database_url: str) -> None:
    with connect(database_url) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('wardlight sweep', 0))")
        assert swept(ward, 3).was_busy
    assert not swept(ward, 3).was_busy
    ward.conn.execute("SELECT 1")
    with pytest.raises(ValueError, match="its own transactions"):
        swept(ward, 3)
    ward.conn.rollback()
