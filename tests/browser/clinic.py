"""A small clinic on a believable morning: people, devices, three months of readings, and alerts at every acuity.

Written straight into the tables, so that what a screen shows can be said to the word.
"""

import itertools
import math
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from care.patient import PatientFacts
from care.queries import add_patient
from messaging.contact import Contact
from messaging.queries import save_contact

VITAL_UNITS = {
    "spo2": "%",
    "heart_rate": "/min",
    "systolic_bp": "mm[Hg]",
    "diastolic_bp": "mm[Hg]",
    "body_weight": "kg",
    "body_temperature": "Cel",
    "blood_glucose": "mg/dL",
}


#: sequence numbers of the clinic's measurements, one after the other
SEQUENCE = itertools.count(1)


@dataclass(frozen=True)
class Someone:
    """A patient of the clinic, and the habits of their readings."""

    name: str
    born: date
    sex: str
    programmes: tuple[str, ...]
    zone: str
    #: vital → (usual value, spread, readings a day)
    habits: dict[str, tuple[float, float, int]]


PEOPLE = (
    Someone(
        "Tomás Herrera",
        date(1961, 9, 2),
        "male",
        ("copd",),
        "America/Chicago",
        {"spo2": (92, 1.0, 4), "heart_rate": (79, 4, 4)},
    ),
    Someone(
        "Walter Osei",
        date(1943, 1, 30),
        "male",
        ("post_acute",),
        "America/New_York",
        {"heart_rate": (72, 3, 2), "systolic_bp": (128, 6, 2), "diastolic_bp": (76, 4, 2)},
    ),
    Someone(
        "Ruth Adeyemi",
        date(1948, 3, 4),
        "female",
        ("heart_failure",),
        "America/New_York",
        {
            "body_weight": (80.7, 0.25, 1),
            "systolic_bp": (126, 5, 2),
            "diastolic_bp": (78, 3, 2),
            "heart_rate": (74, 4, 2),
            "spo2": (96, 0.8, 1),
        },
    ),
    Someone(
        "Grace Nakamura",
        date(1955, 5, 19),
        "female",
        ("hypertension",),
        "America/New_York",
        {"systolic_bp": (146, 6, 2), "diastolic_bp": (90, 4, 2), "heart_rate": (70, 4, 2)},
    ),
    Someone(
        "Imogen Achterberg", date(1990, 11, 11), "female", ("diabetes",), "America/Los_Angeles", {"blood_glucose": (132, 24, 4)}
    ),
    Someone(
        "Ruth Adeyemi",
        date(1971, 8, 23),
        "female",
        ("hypertension",),
        "America/New_York",
        {"systolic_bp": (132, 5, 1), "diastolic_bp": (84, 4, 1)},
    ),
    Someone(
        "Piotr Wandycz",
        date(1952, 2, 14),
        "male",
        ("heart_failure", "copd"),
        "America/New_York",
        {"body_weight": (92.4, 0.3, 1), "spo2": (91, 1, 2)},
    ),
    Someone(
        "Leilani Kahale",
        date(1967, 6, 6),
        "female",
        ("heart_failure",),
        "Pacific/Honolulu",
        {"body_weight": (71.2, 0.25, 1), "body_temperature": (36.7, 0.2, 1)},
    ),
    Someone(
        "Bartholomew Vandersteen-Okonkwo",
        date(1939, 12, 24),
        "male",
        ("post_acute", "heart_failure", "diabetes"),
        "America/New_York",
        {"body_weight": (68.0, 0.3, 1), "blood_glucose": (150, 25, 2)},
    ),
    Someone(
        "Ana Lima",
        date(1984, 4, 8),
        "female",
        ("hypertension",),
        "America/New_York",
        {"systolic_bp": (124, 5, 1), "diastolic_bp": (79, 4, 1)},
    ),
)


#: limits as the stored rules hold them: name, vital, operator, limit, programmes, left alone
_LIMITS = (
    ("spo2_emergency", "spo2", "<=", 85, "any", ""),
    ("spo2_low_copd", "spo2", "<", 88, "copd", ""),
    ("spo2_low", "spo2", "<", 90, "any", "copd"),
    ("weight_high", "body_weight", ">", 83, "heart_failure", ""),
    ("systolic_high", "systolic_bp", ">=", 180, "any", ""),
    ("systolic_low", "systolic_bp", "<", 90, "any", ""),
    ("diastolic_high", "diastolic_bp", ">=", 120, "any", ""),
    ("heart_rate_high", "heart_rate", ">", 110, "any", ""),
    ("glucose_low", "blood_glucose", "<", 70, "diabetes", ""),
    ("glucose_high", "blood_glucose", ">", 250, "diabetes", ""),
)
RULES = [
    {
        "name": name,
        "kind": "threshold",
        "vital": vital,
        "op": operator,
        "limit": limit,
        "emergency": "emergency" in name,
        "programmes": [programme],
        "unless": [unless] if unless else [],
    }
    for name, vital, operator, limit, programme, unless in _LIMITS
]


@dataclass(frozen=True)
class Clinic:
    """Keys of what was added, by name."""

    patients: dict[str, tuple[int, str]]
    devices: dict[str, tuple[int, str]]
    ruleset_id: int


def open_clinic(conn: Connection[Any], now: datetime, coordinator_id: int, days: int = 30) -> Clinic:
    """Add everybody with their readings up to now, and a path that is up."""
    dice = random.Random(7)
    patients: dict[str, tuple[int, str]] = {}
    devices: dict[str, tuple[int, str]] = {}
    for number, someone in enumerate(PEOPLE):
        facts = PatientFacts(
            record_number=f"40-{1170 + number}",
            name=someone.name,
            birth_date=someone.born,
            sex=someone.sex,  # type: ignore[arg-type]
            programmes=someone.programmes,
            coordinator_id=coordinator_id if number % 3 else None,
            emergency_number="911",
            address=f"{12 + number} Elm St, Apt {number + 1}, Springfield",
            access_note="key with neighbour" if number % 2 == 0 else "",
        )
        patient = add_patient(conn, facts, now - timedelta(days=days))
        save_contact(
            conn,
            Contact(patient.id, f"+1555555{100 + number:04d}", "es" if number == 0 else "en", "call_or_text", someone.zone),
        )
        name = someone.name if someone.name not in patients else f"{someone.name} ({number})"
        patients[name] = (patient.id, patient.public_id)
        device = f"hub-{number:02d}"
        row = conn.execute(
            """INSERT INTO device (public_id, kind, model, expected_every) VALUES (%s, 'gateway', 'Home hub 2', '12 hours')
               RETURNING id""",
            [device],
        ).fetchone()
        assert row is not None
        devices[name] = (row[0], device)
        conn.execute(
            "INSERT INTO assignment (device_id, patient_id, during) VALUES (%s, %s, tstzrange(%s, NULL))",
            [row[0], patient.id, now - timedelta(days=days)],
        )
        with conn.pipeline():
            newest = _measure(conn, someone, patient.id, row[0], now, days, dice)
        conn.execute(
            """INSERT INTO device_state (device_id, boot, seq, last_received_at, last_measured_at, online, battery, software,
                                         clock_offset)
               VALUES (%s, 'k3f9', 900, %s, %s, true, %s, '2.4.1', %s)""",
            [row[0], newest, newest, 81 - 6 * number, 0.4 * number],
        )
    row = conn.execute(
        "INSERT INTO ruleset (digest, rules, loaded_at) VALUES ('clinic', %s, %s) RETURNING id", [Jsonb(RULES), now]
    ).fetchone()
    assert row is not None
    keep_path_up(conn, now)
    return Clinic(patients, devices, row[0])


def keep_path_up(conn: Connection[Any], now: datetime) -> None:
    """Say that readings are flowing."""
    conn.execute("INSERT INTO path_up (started_at, seen_at) VALUES (%s, %s)", [now - timedelta(hours=9), now])
    conn.execute(
        "INSERT INTO heartbeat (process, instance, at)"
        " SELECT name, 'clinic', %s FROM unnest(ARRAY['ingest', 'work', 'watchdog']) AS name"
        " ON CONFLICT (process, instance) DO UPDATE SET at = excluded.at",
        [now],
    )


def add_reading(
    conn: Connection[Any], device_id: int, patient_id: int, at: datetime, suspect: int = 0, **values: float
) -> None:
    """Store one measurement as ingest would."""
    names = ", ".join(values)
    marks = ", ".join(["%s"] * len(values))
    conn.execute(
        f"""INSERT INTO measurement (device_time, measured_at, received_at, seq, device_id, boot, patient_id, suspect, {names})
            VALUES (%s, %s, %s, %s, %s, 7, %s, %s, {marks})""",  # type: ignore[arg-type]
        [at, at, at + timedelta(seconds=2), next(SEQUENCE), device_id, patient_id, suspect, *values.values()],
    )
    conn.execute(
        "UPDATE device_state SET last_received_at = greatest(last_received_at, %s) WHERE device_id = %s", [at, device_id]
    )


def add_alert(
    conn: Connection[Any],
    clinic: Clinic,
    name: str,
    *,
    rule: str,
    now: datetime,
    severity: str = "medium",
    subject: str | None = None,
    category: str = "clinical",
    emergency: bool = False,
    response: timedelta = timedelta(hours=4),
    ago: timedelta = timedelta(minutes=2),
    since: timedelta = timedelta(minutes=3),
    lateness: str = "live",
    condition: str = "firing",
    **explanation: Any,
) -> str:
    """Open an alert as the engine would, announce it, and return its public id."""
    patient_id, _ = clinic.patients[name]
    opened = now - ago
    told = {
        "rule": rule,
        "version": 1,
        "title": rule.replace("_", " ").capitalize(),
        "source": "engineering default",
        "sources": {"limit": "engineering default"},
        "since": (opened - since).isoformat(),
        "fired_at": opened.isoformat(),
        "lateness": lateness,
        "response_seconds": response.total_seconds(),
        "ruleset": {"id": clinic.ruleset_id, "digest": "clinic"},
        "reason": rule.replace("_", " "),
        "vital": subject,
        "for_seconds": 0,
        "n": 1,
        "hysteresis": 0,
        "max_gap_seconds": 86400,
        "whose_limit": "general limit",
        "counted_from": (opened - since).isoformat(),
        "counted_seconds": since.total_seconds(),
        "not_counted_seconds": 0,
    }
    if times := [reading["measured_at"] for reading in explanation.get("readings", [])]:
        told["fired_at"] = times[-1]
    row = conn.execute(
        """INSERT INTO alert (patient_id, rule, rule_version, ruleset_id, subject, severity, category, emergency, lateness,
                              condition, since, fired_at, opened_at, due_at, resolved_at, explanation, direction, latching)
           VALUES (%s, %s, 1, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id, public_id""",
        [
            patient_id,
            rule,
            clinic.ruleset_id,
            subject,
            severity,
            category,
            emergency,
            lateness,
            condition,
            opened - since,
            opened,
            opened,
            opened + response,
            opened if condition == "resolved" else None,
            Jsonb(told | explanation),
            {"<": "low", ">": "high"}.get(str(explanation.get("operator", ""))[:1]),
            severity == "high",
        ],
    ).fetchone()
    assert row is not None
    conn.execute("INSERT INTO alert_event (alert_id, at, what) VALUES (%s, %s, 'opened')", [row[0], opened])
    conn.execute(
        "INSERT INTO outbox (alert_id, channel, recipient, body, state, reason, due_at, finished_at, created_at)"
        " VALUES (%s, 'in_app', 'worklist', '', 'delivered', 'opened', %s, %s, %s)",
        [row[0], opened, opened, opened],
    )
    conn.execute("SELECT pg_notify('alert_changed', %s)", [str(row[0])])
    return str(row[1])


def readings(vital: str, *pairs: tuple[datetime, float]) -> list[dict[str, Any]]:
    """Return readings as an explanation holds them."""
    return [
        {
            "vital": vital,
            "value": value,
            "unit": VITAL_UNITS[vital],
            "measured_at": at.isoformat(),
            "received_at": at.isoformat(),
            "device": "hub-00",
            "source": 0,
        }
        for at, value in pairs
    ]


def _measure(
    conn: Connection[Any], someone: Someone, patient_id: int, device_id: int, now: datetime, days: int, dice: random.Random
) -> datetime:
    """Measure as people do: together, a little late, sometimes not at all."""
    newest = now - timedelta(days=days)
    most = max(times for _, _, times in someone.habits.values())
    start = datetime.combine((now - timedelta(days=days)).date(), datetime.min.time(), UTC)
    for day in range(days + 1):
        for turn in range(most):
            at = start + timedelta(
                days=day, hours=7 + 14 * turn / max(most - 1, 1), minutes=dice.gauss(0, 14), seconds=dice.uniform(0, 60)
            )
            if (
                at > now - timedelta(minutes=26)
                or dice.random() < 0.05
                or (someone.name == "Walter Osei" and at > now - timedelta(hours=12))
            ):
                continue
            if someone.name == "Ruth Adeyemi" and "body_weight" in someone.habits and at > now - timedelta(days=5, hours=6):
                values = {k: v for k, v in someone.habits.items() if k != "body_weight"}
            else:
                values = someone.habits
            drift = math.sin(day / 3) * 0.5
            taken = {
                v: round(dice.gauss(usual + drift * spread, spread), 1)
                for v, (usual, spread, times) in values.items()
                if turn < times
            }
            if taken:
                add_reading(conn, device_id, patient_id, at, **taken)
                newest = max(newest, at)
    return newest
