"""The demonstration's team covers every patient, is made once, and pages nobody for the past."""

from datetime import UTC, datetime, timedelta

from alerts.escalation.ladder import Call, begin
from api.accounts import open_account
from api.demo_team import gather_team, leave_past
from api.routes.coverage import load_coverage
from care.patient import PatientFacts
from care.queries import add_patient
from care.teams import list_teams
from database.pool import connect
from tests.house import CHEAP

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


def test_the_demo_is_covered_and_its_past_pages_nobody(plain_database_url: str) -> None:
    with connect(plain_database_url) as conn:
        staff, _ = open_account(
            conn, CHEAP, email="d@x.org", name="Demo", role="administrator", zone="America/New_York", by=None, now=NOW
        )
        patient = add_patient(conn, PatientFacts("1", "Ruth", coordinator_id=staff.id), NOW)
        gather_team(conn, staff, NOW)
        gather_team(conn, staff, NOW + timedelta(days=1))
        assert len(list_teams(conn)) == 1
        conn.execute("INSERT INTO ruleset (digest, rules, loaded_at) VALUES ('x', '[]', now())")
        for rule, at in (("old", NOW - timedelta(days=2)), ("new", NOW)):
            row = conn.execute(
                "INSERT INTO alert (patient_id, rule, rule_version, ruleset_id, severity, category, lateness, condition, since,"
                " fired_at, opened_at, due_at, explanation)"
                " SELECT %s, %s, 1, id, 'high', 'clinical', 'live', 'firing', %s, %s, %s, %s, '{}' FROM ruleset RETURNING id",
                (patient.id, rule, at, at, at, at),
            ).fetchone()
            assert row is not None
            begin(conn, [Call(row[0], patient.id, "high", at, "opened")], at)
        leave_past(conn, NOW - timedelta(hours=3), NOW)
        assert conn.execute("SELECT ended_at IS NULL FROM escalation ORDER BY alert_id").fetchall() == [(False,), (True,)]
        told = load_coverage(conn, NOW)
        assert told.lacks == [] and {one.cover.owner for one in told.alerts} == {"Demo"}
        conn.rollback()
