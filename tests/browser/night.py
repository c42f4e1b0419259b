"""A team around the small clinic: its week with a gap, a hand-over that waits, and ladders that have begun to climb."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from psycopg import Connection

from alerts.escalation import calls, deadlines
from alerts.escalation.ladder import Call, begin
from care import teams
from care.team import HOURS


def open_night(conn: Connection[Any], sam: int, kim: int, now: datetime) -> str:
    """Write it; return the random id of the team. `sam` has a working channel, `kim` none."""
    ada = _one(
        conn, "INSERT INTO staff (email, name, role) VALUES ('ada@clinic.example', 'Dr. Ada Okafor', 'clinician') RETURNING id"
    )
    for one in (sam, ada):
        conn.execute(
            "INSERT INTO staff_address (staff_id, channel, address, code_hash, created_at, verified_at)"
            " VALUES (%s, 'console', '', '', %s, %s)",
            [one, now, now],
        )
    team = teams.add_team(conn, name="North", zone="America/New_York", lead_id=sam, phone="+1 555 555 0100", now=now)
    for member in (sam, kim, ada):
        teams.add_member(conn, team.id, member, sam, now)
    for layer, person, days, starts, ends in (
        (HOURS, None, range(5), time(8), time(18)),
        (1, sam, range(5), time(8), time(20)),
        (1, kim, range(4), time(20), time(8)),
        (1, ada, (5, 6), time(8), time(8)),
        (2, ada, range(7), time(0), time(0)),
    ):
        for day in days:
            teams.add_window(
                conn, team.id, layer=layer, staff_id=person, weekday=day, starts=starts, ends=ends, from_day=date(2026, 1, 1),
                until_day=None, by=sam, now=now,
            )  # fmt: skip
    teams.add_override(
        conn, team.id, layer=1, staff_id=ada, starts_at=now + timedelta(days=1), ends_at=now + timedelta(days=1, hours=8),
        reason="swapped with Sam", by=sam, now=now,
    )  # fmt: skip
    conn.execute("UPDATE patient SET team_id = %s, emergency_contact = 'Tola Adeyemi, daughter, +1 555 555 0199'", [team.id])
    waiting = conn.execute(
        "SELECT id, patient_id, severity FROM alert WHERE closed_at IS NULL AND severity <> 'low' AND acknowledged_at IS NULL"
    ).fetchall()
    began = now - timedelta(minutes=12)
    begin(conn, [Call(key, patient, severity, began, "opened") for key, patient, severity in waiting], began)
    while (due := deadlines.next_due(conn)) is not None and due <= now:
        deadlines.run_due(conn, due.astimezone(UTC))
    conn.execute("UPDATE outbox SET state = 'delivered', attempts = 1, finished_at = due_at WHERE state = 'pending'")
    conn.execute(
        "INSERT INTO outbox (channel, recipient, body, state, reason, due_at, finished_at, attempts, error)"
        " VALUES ('webhook', 'Kim Lindqvist', '', 'dead', 'opened', %s, %s, 1, 'it answers 404')",
        [now, now - timedelta(minutes=40)],
    )
    calls.hand_over(conn, kim, sam, "Systolic still high at noon; call her at two", None, now - timedelta(minutes=5))
    return team.public_id


def _one(conn: Connection[Any], statement: str) -> int:
    row = conn.execute(statement.encode()).fetchone()
    assert row is not None
    return int(row[0])
