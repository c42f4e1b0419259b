"""A ward for the tests of judging: patients, devices, and readings that take ingest's way from row to judgement."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from psycopg import Connection

from alerts.alert import Alert
from alerts.engine import Engine, Judged
from alerts.moments import to_datetime, to_us
from alerts.queries import list_open
from alerts.rules import RuleSet, load_rules
from devices.batch import Batch
from devices.recording import record
from tests.unit.alerts.readings import EIGHT, MINUTE, make_batch

#: 2026-11-23 08:00 UTC
NOW = to_datetime(EIGHT)


class Ward:
    """Some patients with a device each, and a worker that judges what they send."""

    def __init__(
        self, conn: Connection[Any], patients: int = 1, programmes: Sequence[str] = (), rules: RuleSet | None = None
    ) -> None:
        self.conn = conn
        self.engine = Engine(rules or load_rules())
        self._seq = 0
        self.patients = [
            one
            for (one,) in conn.execute(
                "INSERT INTO patient (record_number, name, programmes)"
                " SELECT 'R' || n, 'Patient ' || n, %s FROM generate_series(1, %s) AS n RETURNING id",
                (list(programmes), patients),
            )
        ]
        self.devices = {patient: self.add_device(f"dev{place}", patient) for place, patient in enumerate(self.patients)}
        row = conn.execute(
            "INSERT INTO staff (email, name, role) VALUES ('n@x.org', 'Nurse', 'coordinator') RETURNING id"
        ).fetchone()
        assert row is not None
        self.staff: int = row[0]
        conn.commit()

    def add_device(self, public_id: str, patient: int, every: timedelta | None = None, at: datetime | None = None) -> int:
        """Add a device, assigned to a patient for as long as anybody looks back."""
        row = self.conn.execute(
            "INSERT INTO device (public_id, kind, expected_every) VALUES (%s, 'pulse_oximeter', %s) RETURNING id",
            (public_id, every),
        ).fetchone()
        assert row is not None
        since = at or datetime(2026, 1, 1, tzinfo=UTC)
        self.conn.execute(
            "INSERT INTO assignment (device_id, patient_id, during) VALUES (%s, %s, tstzrange(%s, NULL))",
            (row[0], patient, since),
        )
        return int(row[0])

    def batch(self, rows: Iterable[tuple[int, int, dict[str, float]]], now: datetime, *, suspect: Iterable[str] = ()) -> Batch:
        """Return (place of the patient, measured_at in µs, values) as a batch received now."""
        given = [(self.patients[place], at, values) for place, at, values in rows]
        made = make_batch(given, suspect=suspect)
        seq = self._seq + 1 + np.arange(len(made), dtype=np.int64)
        self._seq += len(made)
        devices = np.array([self.devices[patient] for patient, _, _ in given], np.int32)
        return replace(made, seq=seq, device_id=devices, received_at=np.full(len(made), to_us(now)))

    def take(self, batch: Batch, now: datetime, engine: Engine | None = None) -> Judged:
        """Record and judge a batch as ingest does, and commit."""
        engine = engine or self.engine
        engine.lock(self.conn, np.unique(batch.patient_id))
        fresh = record(self.conn, batch)
        judged = engine.judge(self.conn, batch.take(fresh), now)
        self.conn.commit()
        engine.committed()
        return judged

    def send(
        self, series: Sequence[tuple[float, float]], *, vital: str = "spo2", delay: float = 0, suspect: bool = False
    ) -> Judged:
        """Send (minutes after eight, value) of the first patient in one batch, `delay` minutes after the last was measured."""
        now = NOW + timedelta(minutes=max(minute for minute, _ in series) + delay)
        rows = [(0, EIGHT + round(minute * MINUTE), {vital: value}) for minute, value in series]
        return self.take(self.batch(rows, now, suspect=[vital] if suspect else []), now)

    def open_alerts(self, *rules: str) -> list[Alert]:
        """Return the open alerts, of some rules."""
        return [alert for alert in list_open(self.conn) if not rules or alert.rule in rules]

    def all_alerts(self, rule: str) -> list[tuple[Any, ...]]:
        """Return (condition, lateness, times, closed?) of every alert of a rule, in order."""
        return self.conn.execute(
            "SELECT condition, lateness, times, closed_at IS NOT NULL FROM alert WHERE rule = %s ORDER BY id", (rule,)
        ).fetchall()

    def states(self) -> list[tuple[Any, ...]]:
        """Return (patient, packed state, judged) of everybody."""
        return self.conn.execute("SELECT patient_id, state, judged FROM patient_state ORDER BY patient_id").fetchall()

    def events(self, alert: Alert) -> list[str]:
        """Return what happened to an alert."""
        return [
            what for (what,) in self.conn.execute("SELECT what FROM alert_event WHERE alert_id = %s ORDER BY id", (alert.id,))
        ]
