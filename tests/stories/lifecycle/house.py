"""The house under test: a real database, the committer that carries bytes to judged rows, and the parts that `work` runs.

Everything that a process keeps in its memory is here and can be thrown away; everything else is rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from psycopg import Connection
from psycopg.rows import namedtuple_row
from psycopg_pool import ConnectionPool

from alerts.engine import Engine
from alerts.moments import to_us
from alerts.rules import RuleSet, load_rules
from alerts.sweep import sweep
from api.commands.work import DEADLINES
from care import teams
from care.team import HOURS
from database.pool import connect, open_pool
from ingest.commit import Committer, Outcome
from ingest.message import Message
from messaging.notice import Notice
from messaging.outbox import deliver_due

RULES_FILE: Final = Path(__file__).with_name("rules.toml")
UNITS: Final = {"spo2": "%", "heart_rate": "/min"}


class Rolled(Exception):
    """The transaction is given up on purpose."""


@dataclass
class Outside:
    """The world that pages go to: a webhook that works, or does not."""

    works: bool = True
    delivered: int = 0

    def deliver(self, notice: Notice) -> tuple[bool, str | None]:
        """Take a page."""
        if not self.works:
            return False, "refused"
        self.delivered += 1
        return False, None


class House:
    """One database with a clinic in it, and one process of each sort."""

    def __init__(self, url: str, rules: RuleSet) -> None:
        self.url, self.rules = url, rules
        self.outside = Outside()
        self.seq = 0
        self.owner = connect(url, role=None, autocommit=True)
        names = self.owner.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_migration'"
        )
        self._tables = ", ".join(name for (name,) in names)
        self._pool: ConnectionPool[Connection[Any]] | None = None
        self.conn: Connection[Any]

    # a clinic ------------------------------------------------------------------------------------------------------

    def open(self, now: datetime, *, hours: bool, on_call: bool) -> None:
        """Empty the database and move a clinic in: a coordinator, two on call, a lead, two patients with a device each."""
        self.owner.execute(f"TRUNCATE {self._tables} RESTART IDENTITY CASCADE".encode())
        self.restart()
        self.seq, self.outside = 0, Outside()
        conn = self.conn
        self.staff = [self._add_staff(name, now) for name in ("Cora", "Finn", "Sena", "Lea")]
        coordinator, first, second, lead = self.staff
        team = teams.add_team(conn, name="North", zone="UTC", lead_id=lead, phone="", now=now)
        for member in self.staff:
            teams.add_member(conn, team.id, member, None, now)
        windows = [(1, first, time(0), time(0)), (2, second, time(0), time(0))] if on_call else []
        windows += [(HOURS, None, time(8), time(17))] if hours else []
        for layer, person, starts, ends in windows:
            for weekday in range(7):
                teams.add_window(
                    conn, team.id, layer=layer, staff_id=person, weekday=weekday, starts=starts, ends=ends,
                    from_day=date(2026, 1, 1), until_day=None, by=None, now=now,
                )  # fmt: skip
        self.patients = [self._add_patient(f"R{number}", coordinator, team.id) for number in (1, 2)]
        for number, patient in enumerate(self.patients):
            device = self._one("INSERT INTO device (public_id, kind) VALUES (%s, 'monitor') RETURNING id", f"dev{number}")
            conn.execute(
                "INSERT INTO assignment (device_id, patient_id, during) VALUES (%s, %s, tstzrange('2026-01-01', NULL))",
                (device, patient),
            )
        conn.commit()
        state = msgspec.json.encode({"state": "online", "boot": "b", "first": 1})
        self.take([self.message(number, "state", state, now) for number in range(len(self.patients))], now)

    def _add_staff(self, name: str, now: datetime) -> int:
        key = self._one(
            "INSERT INTO staff (email, name, role) VALUES (%s, %s, 'coordinator') RETURNING id", f"{name}@x.org", name
        )
        self.conn.execute(
            "INSERT INTO staff_address (staff_id, channel, address, code_hash, created_at, verified_at)"
            " VALUES (%s, 'webhook', %s, '', %s, %s)",
            (key, f"https://{name}.example/", now, now),
        )
        return key

    def _add_patient(self, record: str, coordinator: int, team: int) -> int:
        return self._one(
            "INSERT INTO patient (record_number, name, coordinator_id, team_id, emergency_number)"
            " VALUES (%s, 'Somebody', %s, %s, '911') RETURNING id",
            record, coordinator, team,
        )  # fmt: skip

    def _one(self, statement: str, *values: Any) -> int:
        row = self.conn.execute(statement.encode(), values).fetchone()
        assert row is not None
        return int(row[0])

    # processes -----------------------------------------------------------------------------------------------------

    def restart(self) -> None:
        """Throw away all that processes remember, connections too; the pool of deliveries remembers nothing."""
        if self._pool is None:
            self._pool = open_pool(self.url, max_size=2)
        else:
            self.conn.close()
        self.conn = connect(self.url)
        self._committer = Committer(Engine(self.rules))
        self._worker = Engine(self.rules)

    def close(self) -> None:
        """Let go of connections."""
        if self._pool is not None:
            self._pool.close()
            self.conn.close()
            self._pool = None

    # ingest --------------------------------------------------------------------------------------------------------

    def reading(self, patient: int, values: dict[str, float], measured: datetime, now: datetime) -> Message:
        """Return the message of a new measurement."""
        self.seq += 1
        body = {
            "boot": "b", "seq": self.seq, "time": measured.isoformat(), "clock": now.isoformat(),
            "values": {vital: {"value": value, "unit": UNITS[vital]} for vital, value in values.items()},
        }  # fmt: skip
        return self.message(patient, "readings", msgspec.json.encode(body), now)

    @staticmethod
    def message(patient: int, what: str, payload: bytes, now: datetime) -> Message:
        """Return bytes as they arrive from a patient's device."""
        return Message(1, 0, f"wardlight/v1/dev{patient}/{what}".encode(), payload, False, to_us(now))

    def take(self, messages: Sequence[Message], now: datetime, *, crash: bool = False) -> Outcome | None:
        """Commit a batch as ingest does; `crash` loses it with its transaction."""
        try:
            with self.conn.transaction():
                outcome = self._committer.commit(self.conn, messages, now)
                if crash:
                    raise Rolled  # noqa: TRY301 - as a process that dies inside its transaction
        except Rolled:
            self._committer.rolled_back()
            return None
        self._committer.committed(outcome)
        return outcome

    # work ----------------------------------------------------------------------------------------------------------

    def work(self, now: datetime) -> None:
        """Do what the clock asks for by now: doubts and the other parts of the sweep, deadlines, deliveries."""
        assert self._pool is not None
        self.conn.commit()
        sweep(self.conn, self._worker, now)
        for _ in range(100):
            done = sum(part.run_due(self.conn, now) for part in DEADLINES)
            self.conn.commit()
            done += deliver_due(self._pool, {"webhook": self.outside, "console": Outside()}, now, luck=lambda: 0.5)
            if not done:
                return
        raise AssertionError("work does not come to an end")

    def next_due(self) -> datetime | None:
        """Return when the next timer is up."""
        row = self.conn.execute(
            "SELECT least((SELECT min(due_at) FROM doubt), (SELECT min(due_at) FROM outbox WHERE state = 'pending'"
            " AND channel IN ('webhook', 'console')))"
        ).fetchone()
        self.conn.commit()
        found = [row[0] if row else None, *(part.next_due(self.conn) for part in DEADLINES)]
        self.conn.commit()
        return min((due for due in found if due is not None), default=None)

    # looking -------------------------------------------------------------------------------------------------------

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """Return rows with named columns."""
        with self.conn.cursor(row_factory=namedtuple_row) as cursor:
            found = cursor.execute(statement.encode(), values or None).fetchall()
        self.conn.commit()
        return found


def machine_rules(folder: Path) -> RuleSet:
    """Return the rules of the machine, by way of a rule folder."""
    (folder / "rules.toml").write_bytes(RULES_FILE.read_bytes())
    return load_rules(folder)


MINUTE: Final = timedelta(minutes=1)
