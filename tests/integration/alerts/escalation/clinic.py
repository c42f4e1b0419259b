"""A clinic for the tests of escalation: a team, its people and patients, and alerts that open without any reading."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from psycopg import Connection

from alerts.escalation import deadlines
from alerts.escalation.ladder import Call, begin, stop
from care import teams
from care.team import HOURS, Team

#: a Monday, 8:00 UTC
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Clinic:
    """A team North (UTC) with a coordinator, two on call, a lead, and as many patients as wanted."""

    def __init__(self, conn: Connection[Any], patients: int = 1, *, hours: bool = False, on_call: bool = True) -> None:
        self.conn = conn
        self._number = itertools.count(1)
        self.ruleset = self._one("INSERT INTO ruleset (digest, rules, loaded_at) VALUES ('x', '[]', now()) RETURNING id")
        self.coordinator = self.add_staff("Cora")
        self.first = self.add_staff("Finn")
        self.second = self.add_staff("Sena")
        self.lead = self.add_staff("Lea")
        self.team: Team = teams.add_team(conn, name="North", zone="UTC", lead_id=self.lead, phone="", now=NOW)
        for member in (self.coordinator, self.first, self.second, self.lead):
            teams.add_member(conn, self.team.id, member, None, NOW)
        for layer, person in ((1, self.first), (2, self.second)) if on_call else ():
            for weekday in range(7):
                self.add_window(layer, person, weekday, time(0), time(0))
        for weekday in range(5) if hours else ():
            self.add_window(HOURS, None, weekday, time(8), time(17))
        self.patients = [self.add_patient(self.coordinator) for _ in range(patients)]
        conn.commit()

    def add_staff(self, name: str, *channels: str) -> int:
        """Add somebody with a verified address on each channel; by default a webhook."""
        key = self._one(
            "INSERT INTO staff (email, name, role) VALUES (%s, %s, 'coordinator') RETURNING id", f"{name}@x.org", name
        )
        for channel in channels or ("webhook",):
            self.conn.execute(
                "INSERT INTO staff_address (staff_id, channel, address, code_hash, created_at, verified_at)"
                " VALUES (%s, %s, %s, '', %s, %s)",
                (key, channel, f"https://{name}.example/", NOW, NOW),
            )
        return key

    def add_patient(self, coordinator: int | None) -> int:
        """Add a patient of the team."""
        number = next(self._number)
        return self._one(
            "INSERT INTO patient (record_number, name, coordinator_id, team_id, emergency_number)"
            " VALUES (%s, 'Ruth', %s, %s, '911') RETURNING id",
            f"R{number}", coordinator, self.team.id,
        )  # fmt: skip

    def add_window(self, layer: int, person: int | None, weekday: int, starts: time, ends: time) -> None:
        """Put somebody on call every week."""
        teams.add_window(
            self.conn, self.team.id, layer=layer, staff_id=person, weekday=weekday, starts=starts, ends=ends,
            from_day=date(2026, 1, 1), until_day=None, by=None, now=NOW,
        )  # fmt: skip

    def open(self, patient: int | None = None, severity: str = "high", *, emergency: bool = False, at: datetime = NOW) -> int:
        """Open an alert and begin its ladder."""
        patient = patient or self.patients[0]
        key = self._one(
            "INSERT INTO alert (patient_id, rule, rule_version, ruleset_id, severity, category, emergency, lateness, condition,"
            " since, fired_at, opened_at, due_at, explanation)"
            " VALUES (%s, %s, 1, %s, %s, 'clinical', %s, 'live', 'firing', %s, %s, %s, %s, '{}') RETURNING id",
            patient, f"rule{next(self._number)}", self.ruleset, severity, emergency, at, at, at, at,
        )  # fmt: skip
        begin(self.conn, [Call(key, patient, severity, at, f"opened with severity {severity}")], at)  # type: ignore[arg-type]
        self.conn.commit()
        return key

    def acknowledge(self, alert: int, staff: int, at: datetime) -> None:
        """Take an alert on."""
        self.conn.execute("UPDATE alert SET acknowledged_at = %s, acknowledged_by = %s WHERE id = %s", (at, staff, alert))
        stop(self.conn, [alert], "acknowledged", at)
        self.conn.commit()

    def close(self, alert: int, at: datetime) -> None:
        """Close an alert."""
        self.conn.execute("UPDATE alert SET closed_at = %s WHERE id = %s", (at, alert))
        stop(self.conn, [alert], "closed", at)
        self.conn.commit()

    def run(self, at: datetime) -> int:
        """Take what is due, as `work` does."""
        total = 0
        while done := deadlines.run_due(self.conn, at):
            total += done
            self.conn.commit()
        self.conn.commit()
        return total

    def run_until(self, until: datetime) -> None:
        """Sleep from deadline to deadline."""
        while (due := deadlines.next_due(self.conn)) is not None and due <= until:
            self.run(due)

    def rows(self, alert: int | None = None) -> list[tuple[Any, ...]]:
        """Return (channel, recipient, state, reason) of the outbox."""
        where = "WHERE alert_id = %s" if alert else "WHERE %s::bigint IS NULL"
        return self.conn.execute(
            f"SELECT channel, recipient, state, reason FROM outbox {where} ORDER BY id".encode(), (alert,)
        ).fetchall()

    def paged(self, alert: int) -> list[tuple[int, str]]:
        """Return (minutes after NOW, who) of every page about an alert."""
        rows = self.conn.execute(
            "SELECT page_alert.at, staff.name FROM page_alert JOIN page ON page.id = page_id JOIN staff ON staff.id = staff_id"
            " WHERE alert_id = %s ORDER BY page_alert.at, staff.name",
            (alert,),
        )
        return [(round((at - NOW) / MINUTE), name) for at, name in rows]

    def due(self, alert: int) -> int | None:
        """Return the minutes after NOW at which its ladder goes on."""
        row = self.conn.execute("SELECT due_at FROM escalation WHERE alert_id = %s", (alert,)).fetchone()
        return None if row is None or row[0] is None else round((row[0] - NOW) / MINUTE)

    def _one(self, statement: str, *values: Any) -> int:
        row = self.conn.execute(statement.encode(), values).fetchone()
        assert row is not None
        return int(row[0])
