"""The watch against a real database and over HTTP: who lives, what was not judged or routed, and whom no list shows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from alerts.escalation import queries as escalation
from api import queries as api_queries
from api.enrolment import DeviceSecrets
from api.watch import queries
from api.watch.fault import Fault
from api.watch.pace import Pace
from api.watch.synthetic import DEVICE, WatchSecrets, enrol_synthetic
from care.queries import list_patients, search_patients
from database.heartbeat import beat, forget_heartbeats, list_heartbeats, new_instance, say_goodbye
from database.pool import connect
from devices.queries import list_devices
from tests.house import House

PACE = Pace()
SECRETS = WatchSecrets(DeviceSecrets(b"key"))


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def conn(plain_database_url: str) -> Iterator[Connection[Any]]:
    with connect(plain_database_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def synthetic(conn: Connection[Any]) -> int:
    """Give the key of the synthetic patient."""
    enrol_synthetic(conn, SECRETS, now())
    row = conn.execute("SELECT id FROM patient WHERE proves_path").fetchone()
    assert row is not None
    return int(row[0])


def add_patient(conn: Connection[Any], name: str = "Ann Example") -> int:
    row = conn.execute("INSERT INTO patient (record_number, name) VALUES (%s, %s) RETURNING id", [name, name]).fetchone()
    assert row is not None
    return int(row[0])


def add_alert(conn: Connection[Any], patient: int, age: float, rule: str = "fever", condition: str = "firing") -> int:
    conn.execute("INSERT INTO ruleset (digest, rules, loaded_at) VALUES ('x', '[]', now()) ON CONFLICT DO NOTHING")
    at = now() - timedelta(seconds=age)
    row = conn.execute(
        "INSERT INTO alert (patient_id, rule, rule_version, ruleset_id, subject, severity, category, lateness, condition,"
        " since, fired_at, opened_at, due_at, explanation)"
        " SELECT %s, %s, 1, max(id), 'heart_rate', 'low', 'technical', 'live', %s, %s, %s, %s, %s, %s FROM ruleset"
        " RETURNING id",
        [patient, rule, condition, at, at, at, at, Jsonb({"kind": "threshold", "title": "Fever"})],
    ).fetchone()
    assert row is not None
    conn.execute("INSERT INTO alert_event (alert_id, at, what) VALUES (%s, %s, 'opened')", [row[0], at])
    return int(row[0])


def measure(conn: Connection[Any], patient: int, count: int) -> None:
    conn.execute(
        "INSERT INTO measurement (device_time, measured_at, received_at, seq, device_id, boot, patient_id, heart_rate)"
        " SELECT now(), now(), now(), n, 7, 1, %s, 72 FROM generate_series(1, %s) AS n",
        [patient, count],
    )


def test_a_heartbeat_knows_whether_who_wrote_it_is_still_connected(conn: Connection[Any], plain_database_url: str) -> None:
    instance = new_instance("work", now())
    with connect(plain_database_url, autocommit=True) as theirs:
        beat(theirs, instance, now(), {"tried": 1})
        assert [(one.instance, one.is_connected) for one in list_heartbeats(conn, now())] == [(instance.name, True)]
    deadline = now() + timedelta(seconds=10)
    while list_heartbeats(conn, now())[0].is_connected:
        assert now() < deadline
    say_goodbye(conn, instance, now())
    assert list_heartbeats(conn, now())[0].ended_at is not None
    old = new_instance("work", now())
    beat(conn, old, now() - timedelta(days=8), {})
    assert forget_heartbeats(conn, now() - timedelta(days=7)) == 1


def test_i12_an_alert_is_routed_by_a_notice_a_ladder_or_a_suppression_and_by_nothing_else(conn: Connection[Any]) -> None:
    patient = add_patient(conn)
    noticed, laddered, muted, lost = (add_alert(conn, patient, 90, rule) for rule in ("a", "b", "c", "d"))
    add_alert(conn, patient, 30, "young")
    conn.execute(
        "INSERT INTO outbox (alert_id, channel, recipient, body, state, reason, due_at)"
        " VALUES (%s, 'in_app', 'x', '', 'withheld', 'why', now())",
        [noticed],
    )
    conn.execute(
        "INSERT INTO escalation (alert_id, patient_id, severity, reason, began_at) VALUES (%s, %s, 'low', 'opened', now())",
        [laddered, patient],
    )
    conn.execute(
        "INSERT INTO suppression (alert_id, patient_id, what, kind, reason, owner, starts_at)"
        " VALUES (%s, %s, 'sent', 'silence', 'why', 'x', now())",
        [muted, patient],
    )
    seen = queries.load_seen(conn, PACE, now())
    assert seen.unrouted == 1 and seen.unrouted_since is not None
    (row,) = queries.list_unrouted(conn, PACE, now())
    assert (row.title, row.name) == ("Fever", "Ann Example")
    conn.execute("UPDATE alert SET closed_at = now(), condition = 'resolved' WHERE id = %s", [lost])
    assert queries.load_seen(conn, PACE, now()).unrouted == 1, "closing does not explain it"


def test_i12_readings_that_were_not_judged_are_counted_and_listed(conn: Connection[Any]) -> None:
    patient = add_patient(conn)
    measure(conn, patient, 5)
    conn.execute("INSERT INTO patient_state (patient_id, judged) VALUES (%s, 3)", [patient])
    conn.execute("INSERT INTO unjudged VALUES (%s, 'ValueError', %s)", [patient, now() - timedelta(seconds=90)])
    assert queries.load_seen(conn, PACE, now()).unjudged == 1
    (row,) = queries.list_unjudged(conn)
    assert (row.name, row.readings) == ("Ann Example", 2)


def test_i12_the_ledger_finds_readings_that_nobody_noted_as_unjudged(conn: Connection[Any]) -> None:
    first, second, third = (add_patient(conn, name) for name in ("A", "B", "C"))
    for patient, stored, judged in ((first, 4, 4), (second, 4, 3), (third, 2, None)):
        measure(conn, patient, stored)
        if judged is not None:
            conn.execute("INSERT INTO patient_state (patient_id, judged) VALUES (%s, %s)", [patient, judged])
    assert queries.audit_judged(conn, 0, 2, 100) == (second, [(second, 3, 4)])
    assert queries.audit_judged(conn, second, 2, 100) == (None, [(third, 0, 2)]), "whoever has no state was never judged"
    assert queries.audit_judged(conn, 0, 9, 4) == (None, [(third, 0, 2)]), "counting very many would cost too much"


def test_faults_are_held_once_and_ended_and_what_was_over_is_written_once(conn: Connection[Any]) -> None:
    began = now() - timedelta(minutes=2)
    work, death = Fault("work", "", began, "gone"), Fault("restarted", "serve a", began, "died", began + timedelta(seconds=3))
    for _ in range(2):
        queries.save_faults(conn, [work, death], now())
    assert [fault.kind for fault in queries.load_seen(conn, PACE, now()).known] == ["work"]
    queries.save_faults(conn, [], now())
    assert queries.load_seen(conn, PACE, now()).known == ()
    past = queries.list_past_faults(conn, now() - timedelta(hours=1))
    assert sorted(fault.kind for fault in past) == ["restarted", "work"]


def test_what_a_watchdog_that_died_left_open_is_nobodys_word(conn: Connection[Any]) -> None:
    queries.save_faults(conn, [Fault("broker", "", now(), "x")], now() - timedelta(minutes=2))
    assert queries.list_open_faults(conn, PACE, now()) == []


def test_the_synthetic_patient_is_made_once(conn: Connection[Any], synthetic: int) -> None:
    enrol_synthetic(conn, SECRETS, now())
    assert conn.execute("SELECT count(*) FROM patient").fetchone() == (1,)
    assert conn.execute("SELECT count(*) FROM api_token WHERE scope = 'watch'").fetchone() == (1,)
    assert conn.execute("SELECT count(*) FROM assignment").fetchone() == (1,)


def test_no_list_shows_the_synthetic_patient_and_nothing_counts_it(
    house: House, coordinator: httpx.Client, conn: Connection[Any], synthetic: int
) -> None:
    add_patient(conn)
    add_alert(conn, synthetic, 10)
    conn.execute("UPDATE device_state SET readings_stored = 9, last_received_at = now()")
    assert [patient.name for patient in list_patients(conn, limit=10)] == ["Ann Example"]
    assert search_patients(conn, "Synthetic", limit=10) == []
    assert list_devices(conn, limit=10) == []
    assert api_queries.count_readings(conn).devices == 0
    assert api_queries.count_open_alerts(conn) == []
    assert queries.load_seen(conn, PACE, now()).last_reading_at is None
    assert coordinator.get("/api/v1/alerts").json() == []
    assert escalation.list_open_owners(conn) == [], "it needs no owner (I11)"
    assert len(escalation.list_uncoordinated(conn, 10)) == 1
    for path in ("/", "/worklist/rows", "/patients", "/devices"):
        page = coordinator.get(path, headers={"Accept": "text/html"}).text
        assert "Synthetic" not in page and DEVICE not in page, path
    assert "1 looked after" in coordinator.get("/patients", headers={"Accept": "text/html"}).text


def test_no_route_can_make_a_person_vanish(coordinator: httpx.Client, conn: Connection[Any]) -> None:
    facts = {"record_number": "1", "name": "Ann Example", "programmes": ["watch"], "proves_path": True}
    assert coordinator.post("/api/v1/patients", json=facts).status_code == 422
    assert conn.execute("SELECT count(*) FROM patient WHERE proves_path").fetchone() == (0,)


def test_the_watchdogs_token_opens_the_synthetic_alerts_and_nothing_else(
    house: House, conn: Connection[Any], synthetic: int
) -> None:
    add_alert(conn, add_patient(conn), 10)
    add_alert(conn, synthetic, 10, "watch")
    staff, _ = house.add_staff()
    with house.visitor(headers={"Authorization": f"Bearer {SECRETS.token}"}) as watchdog, house.programme(staff) as programme:
        (found,) = watchdog.get("/api/v1/watch/alerts").json()
        assert (found["alert"]["rule"], found["alert"]["condition"]) == ("watch", "firing")
        for path in ("/api/v1/alerts", "/api/v1/patients", "/api/v1/me", "/metrics"):
            assert watchdog.get(path).status_code == 401, path
        for path in ("/api/v1/watch/alerts", "/api/v1/watch/events"):
            assert programme.get(path).status_code == 401
        with watchdog.stream("GET", "/api/v1/watch/events") as stream:
            lines = stream.iter_lines()
            assert next(line for line in lines if line) == "event: refresh"
            conn.execute("SELECT pg_notify('alert_changed', '41')")
            assert next(line for line in lines if line == "data: 41")


def test_metrics_say_what_is_wrong(house: House, conn: Connection[Any], synthetic: int) -> None:
    add_alert(conn, add_patient(conn), 90)
    with house.visitor() as client:
        text = client.get("/metrics").text
    assert "wardlight_unrouted_alerts 1.0" in text
    assert 'wardlight_faults{kind="unrouted"} 1.0' in text
    assert 'wardlight_faults{kind="ingest"} 1.0' in text, "it has never run"
