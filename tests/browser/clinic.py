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

VITAL_UNITS = {"spo2": "%", "heart_rate": "/min", "systolic_bp": "mm[Hg]", "diastolic_bp": "mm[Hg]", "body_weight": "kg",
               "body_temperature": "Cel", "blood_glucose": "mg/dL"}  # fmt: skip


#: sequence numbers of the clinic's measurements, one after the other
_SEQUENCE = itertools.count(1)


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
    Someone("Tomás Herrera", date(1961, 9, 2), "male", ("copd",), "America/Chicago", {"spo2": (92, 1.0, 4), "heart_rate": (79, 4, 4)}),
    Someone("Walter Osei", date(1943, 1, 30), "male", ("post_acute",), "America/New_York", {"heart_rate": (72, 3, 2), "systolic_bp": (128, 6, 2), "diastolic_bp": (76, 4, 2)}),
    Someone("Ruth Adeyemi", date(1948, 3, 4), "female", ("heart_failure",), "America/New_York", {"body_weight": (80.7, 0.25, 1), "systolic_bp": (126, 5, 2), "diastolic_bp": (78, 3, 2), "heart_rate": (74, 4, 2), "spo2": (96, 0.8, 1)}),
    Someone("Grace Nakamura", date(1955, 5, 19), "female", ("hypertension",), "America/New_York", {"systolic_bp": (146, 6, 2), "diastolic_bp": (90, 4, 2), "heart_rate": (70, 4, 2)}),
    Someone("Imogen Achterberg", date(1990, 11, 11), "female", ("diabetes",), "America/Los_Angeles", {"blood_glucose": (132, 24, 4)}),
    Someone("Ruth Adeyemi", date(1971, 8, 23), "female", ("hypertension",), "America/New_York", {"systolic_bp": (132, 5, 1), "diastolic_bp": (84, 4, 1)}),
    Someone("Piotr Wandycz", date(1952, 2, 14), "male", ("heart_failure", "copd"), "America/New_York", {"body_weight": (92.4, 0.3, 1), "spo2": (91, 1, 2)}),
    Someone("Leilani Kahale", date(1967, 6, 6), "female", ("heart_failure",), "Pacific/Honolulu", {"body_weight": (71.2, 0.25, 1), "body_temperature": (36.7, 0.2, 1)}),
    Someone("Bartholomew Vandersteen-Okonkwo", date(1939, 12, 24), "male", ("post_acute", "heart_failure", "diabetes"), "America/New_York", {"body_weight": (68.0, 0.3, 1), "blood_glucose": (150, 25, 2)}),
    Someone("Ana Lima", date(1984, 4, 8), "female", ("hypertension",), "America/New_York", {"systolic_bp": (124, 5, 1), "diastolic_bp": (79, 4, 1)}),
)  # fmt: skip


@dataclass(frozen=True)
class Clinic:
    """Keys of what was added, by name."""

    patients: dict[str, tuple[int, str]]
    devices: dict[str, tuple[int, str]]
    ruleset_id: int


def open_clinic(conn: Connection[Any], now: datetime, coordinator_id: int, days: int = 40) -> Clinic:
    """Add everybody with their readings up to now, and a path that is up."""
    dice = random.Random(7)
    patients: dict[str, tuple[int, str]] = {}
    devices: dict[str, tuple[int, str]] = {}
    for number, someone in enumerate(PEOPLE):
        facts = PatientFacts(
            record_number=f"40-{1170 + number}", name=someone.name, birth_date=someone.born, sex=someone.sex,  # type: ignore[arg-type]
            programmes=someone.programmes, coordinator_id=coordinator_id if number % 3 else None, emergency_number="911",
            address=f"{12 + number} Elm St, Apt {number + 1}, Springfield", access_note="key with neighbour" if number % 2 == 0 else "",
        )  # fmt: skip
        patient = add_patient(conn, facts, now - timedelta(days=days))
        save_contact(conn, Contact(patient.id, f"+1555555{100 + number:04d}", "es" if number == 0 else "en", "call_or_text", someone.zone))
        name = someone.name if someone.name not in patients else f"{someone.name} ({number})"
        patients[name] = (patient.id, patient.public_id)
        device = f"hub-{number:02d}"
        row = conn.execute(
            "INSERT INTO device (public_id, kind, model, expected_every) VALUES (%s, 'gateway', 'Home hub 2', '12 hours') RETURNING id", [device]
        ).fetchone()
        assert row is not None
        devices[name] = (row[0], device)
        conn.execute(
            "INSERT INTO assignment (device_id, patient_id, during) VALUES (%s, %s, tstzrange(%s, NULL))",
            [row[0], patient.id, now - timedelta(days=days)],
        )
        newest = _measure(conn, someone, patient.id, row[0], now, days, dice)
        conn.execute(
            """INSERT INTO device_state (device_id, boot, seq, last_received_at, last_measured_at, online, battery, software, clock_offset)
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
        "INSERT INTO heartbeat (process, at) VALUES ('ingest', %s) ON CONFLICT (process) DO UPDATE SET at = excluded.at", [now]
    )


def add_reading(conn: Connection[Any], device_id: int, patient_id: int, at: datetime, suspect: int = 0, **values: float) -> None:
    """Store one measurement as ingest would."""
    names = ", ".join(values)
    marks = ", ".join(["%s"] * len(values))
    conn.execute(
        f"""INSERT INTO measurement (device_time, measured_at, received_at, seq, device_id, boot, patient_id, suspect, {names})
            VALUES (%s, %s, %s, %s, %s, 7, %s, %s, {marks})""",  # type: ignore[arg-type]
        [at, at, at + timedelta(seconds=2), next(_SEQUENCE), device_id, patient_id, suspect, *values.values()],
    )
    conn.execute(
        "UPDATE device_state SET last_received_at = greatest(last_received_at, %s) WHERE device_id = %s", [at, device_id]
    )


def add_alert(
    conn: Connection[Any], clinic: Clinic, name: str, *, rule: str, now: datetime, severity: str = "medium", subject: str | None = None,
    category: str = "clinical", emergency: bool = False, response: timedelta = timedelta(hours=4), ago: timedelta = timedelta(minutes=2),
    since: timedelta = timedelta(minutes=3), lateness: str = "live", condition: str = "firing", **explanation: Any,
) -> str:  # fmt: skip
    """Open an alert as the engine would, announce it, and return its public id."""
    patient_id, _ = clinic.patients[name]
    opened = now - ago
    told = {
        "rule": rule, "version": 1, "title": rule.replace("_", " ").capitalize(), "source": "engineering default",
        "sources": {"limit": "engineering default"}, "since": (opened - since).isoformat(), "fired_at": opened.isoformat(), "lateness": lateness,
        "response_seconds": response.total_seconds(), "ruleset": {"id": clinic.ruleset_id, "digest": "clinic"}, "reason": rule.replace("_", " "),
        "vital": subject, "for_seconds": 0, "n": 1, "hysteresis": 0, "max_gap_seconds": 86400, "whose_limit": "general limit",
        "counted_from": (opened - since).isoformat(), "counted_seconds": since.total_seconds(), "not_counted_seconds": 0,
    }  # fmt: skip
    if times := [reading["measured_at"] for reading in explanation.get("readings", [])]:
        told["fired_at"] = times[-1]
    row = conn.execute(
        """INSERT INTO alert (patient_id, rule, rule_version, ruleset_id, subject, severity, category, emergency, lateness, condition,
                              since, fired_at, opened_at, due_at, resolved_at, explanation)
           VALUES (%s, %s, 1, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id, public_id""",
        [
            patient_id, rule, clinic.ruleset_id, subject, severity, category, emergency, lateness, condition, opened - since, opened, opened,
            opened + response, opened if condition == "resolved" else None, Jsonb(told | explanation),
        ],
    ).fetchone()  # fmt: skip
    assert row is not None
    conn.execute("INSERT INTO alert_event (alert_id, at, what) VALUES (%s, %s, 'opened')", [row[0], opened])
    conn.execute("SELECT pg_notify('alert_changed', %s)", [str(row[0])])
    return str(row[1])


def readings(vital: str, *pairs: tuple[datetime, float]) -> list[dict[str, Any]]:
    """Return readings as an explanation holds them."""
    return [
        {"vital": vital, "value": value, "unit": VITAL_UNITS[vital], "measured_at": at.isoformat(), "received_at": at.isoformat(), "device": "hub-00", "source": 0}
        for at, value in pairs
    ]


def open_morning(conn: Connection[Any], clinic: Clinic, now: datetime) -> None:
    """Open what a coordinator finds in the morning."""
    tomas, hub = clinic.patients["Tomás Herrera"][0], clinic.devices["Tomás Herrera"][0]
    for back, value in ((14, 90), (9, 88), (6, 87), (3.6, 85), (2.2, 84), (0.67, 85)):
        add_reading(conn, hub, tomas, now - timedelta(minutes=back), spo2=value, heart_rate=112)
    times = [now - timedelta(minutes=m) for m in (3.6, 2.2, 0.67)]
    add_alert(
        conn, clinic, "Tomás Herrera", rule="spo2_emergency", now=now, severity="high", subject="spo2", emergency=True,
        response=timedelta(minutes=5), ago=timedelta(minutes=3), since=timedelta(seconds=40), kind="threshold", title="Very low oxygen saturation",
        operator="<=", limit=85, unit="%", for_seconds=120, n=2, source="engineering default",
        readings=readings("spo2", *zip(times, (85.0, 84.0, 85.0), strict=True)),
    )  # fmt: skip
    add_alert(
        conn, clinic, "Tomás Herrera", rule="heart_rate_high", now=now, subject="heart_rate", ago=timedelta(minutes=2), kind="threshold",
        title="Fast pulse", operator=">", limit=110, unit="/min", readings=readings("heart_rate", (times[-1], 112.0)),
    )  # fmt: skip
    add_alert(
        conn, clinic, "Walter Osei", rule="silence", now=now, subject=clinic.devices["Walter Osei"][1], response=timedelta(minutes=30),
        ago=timedelta(minutes=14), since=timedelta(hours=13), kind="silence", expected_seconds=43200, device_kind="gateway",
        last_received_at=(now - timedelta(hours=13)).isoformat(), readings=[],
    )  # fmt: skip
    ruth, scale = clinic.patients["Ruth Adeyemi"][0], clinic.devices["Ruth Adeyemi"][0]
    for back, weight in ((5, 80.8), (4, 81.3), (3, 81.9), (2, 82.4), (1, 82.8)):
        add_reading(conn, scale, ruth, now - timedelta(days=back), body_weight=weight)
    add_reading(conn, scale, ruth, now - timedelta(minutes=4), body_weight=83.1)
    add_alert(
        conn, clinic, "Ruth Adeyemi", rule="weight_high", now=now, subject="body_weight", response=timedelta(hours=8), ago=timedelta(minutes=4),
        since=timedelta(0), kind="threshold", title="Weight above the limit", operator=">", limit=83, unit="kg",
        readings=readings("body_weight", (now - timedelta(minutes=4), 83.1)),
    )  # fmt: skip
    grace, cuff = clinic.patients["Grace Nakamura"][0], clinic.devices["Grace Nakamura"][0]
    add_reading(conn, cuff, grace, now - timedelta(minutes=41), systolic_bp=184, diastolic_bp=104, heart_rate=81)
    add_reading(conn, cuff, grace, now - timedelta(minutes=38), systolic_bp=182, diastolic_bp=102, heart_rate=80)
    add_alert(
        conn, clinic, "Grace Nakamura", rule="systolic_high", now=now, severity="high", subject="systolic_bp", response=timedelta(minutes=30),
        ago=timedelta(minutes=38), since=timedelta(minutes=3), kind="threshold", title="High pressure", operator=">=", limit=180, unit="mm[Hg]", n=2,
        readings=readings("systolic_bp", (now - timedelta(minutes=41), 184.0), (now - timedelta(minutes=38), 182.0)),
    )  # fmt: skip
    imogen, meter = clinic.patients["Imogen Achterberg"][0], clinic.devices["Imogen Achterberg"][0]
    add_reading(conn, meter, imogen, now - timedelta(hours=7), blood_glucose=63)
    add_reading(conn, meter, imogen, now - timedelta(minutes=50), blood_glucose=118)
    add_alert(
        conn, clinic, "Imogen Achterberg", rule="glucose_low", now=now, subject="blood_glucose", ago=timedelta(minutes=52), lateness="retrospective",
        response=timedelta(hours=8), condition="resolved", kind="threshold", operator="<", limit=70, unit="mg/dL", title="Low glucose",
        readings=[readings("blood_glucose", (now - timedelta(hours=7), 63.0))[0] | {"received_at": (now - timedelta(minutes=52)).isoformat()}],
    )  # fmt: skip
    add_alert(
        conn, clinic, "Bartholomew Vandersteen-Okonkwo", rule="silence", now=now, severity="low", category="technical", response=timedelta(days=1),
        subject=clinic.devices["Bartholomew Vandersteen-Okonkwo"][1], ago=timedelta(hours=3), since=timedelta(hours=26), kind="silence",
        expected_seconds=43200, device_kind="gateway", last_received_at=(now - timedelta(hours=26)).isoformat(), readings=[],
    )  # fmt: skip


def leave_loose_ends(conn: Connection[Any], clinic: Clinic, now: datetime) -> None:
    """Leave readings that are nobody's, and messages that could not be taken."""
    row = conn.execute(
        "INSERT INTO device (public_id, kind, model, expected_every) VALUES ('scale-77', 'scale', 'Bath 2', '1 day') RETURNING id"
    ).fetchone()
    assert row is not None
    conn.execute("INSERT INTO device_state (device_id, last_received_at, battery) VALUES (%s, %s, 12)", [row[0], now - timedelta(hours=2)])
    ruth = clinic.patients["Ruth Adeyemi"][0]
    conn.execute(
        "INSERT INTO assignment (device_id, patient_id, during) VALUES (%s, %s, tstzrange(%s, %s))",
        [row[0], ruth, now - timedelta(days=90), now - timedelta(days=30)],
    )
    for hours, weight in ((50, 81.2), (26, 81.0), (2, 80.9)):
        conn.execute(
            """INSERT INTO measurement (device_time, measured_at, received_at, seq, device_id, boot, body_weight)
               VALUES (%s, %s, %s, %s, %s, 7, %s)""",
            [*[now - timedelta(hours=hours)] * 3, next(_SEQUENCE), row[0], weight],
        )
    for digest, reason, detail, payload, times in (
        (b"a", "unknown_unit", "body_weight cannot be in 'stones'; it is sent in kg or [lb_av] or [stone_av] or g", b'{"values":{"body_weight":{"value":12,"unit":"stones"}}}', 3),
        (b"b", "bad_json", "", b'{"boot":"k3f9","seq":10', 1),
    ):  # fmt: skip
        conn.execute(
            """INSERT INTO quarantine (digest, topic, payload, reason, detail, readings, times, received_at, last_at)
               VALUES (%s, 'wardlight/v1/scale-77/readings', %s, %s, %s, 1, %s, %s, %s)""",
            [digest, payload, reason, detail, times, now - timedelta(hours=5), now - timedelta(minutes=9)],
        )


RULES = [
    {"name": "spo2_emergency", "kind": "threshold", "vital": "spo2", "op": "<=", "limit": 85, "unit": "%", "emergency": True, "severity": "high", "programmes": ["any"], "unless": []},
    {"name": "spo2_low_copd", "kind": "threshold", "vital": "spo2", "op": "<", "limit": 88, "unit": "%", "emergency": False, "severity": "medium", "programmes": ["copd"], "unless": []},
    {"name": "spo2_low", "kind": "threshold", "vital": "spo2", "op": "<", "limit": 90, "unit": "%", "emergency": False, "severity": "medium", "programmes": ["any"], "unless": ["copd"]},
    {"name": "weight_high", "kind": "threshold", "vital": "body_weight", "op": ">", "limit": 83, "unit": "kg", "emergency": False, "severity": "medium", "programmes": ["heart_failure"], "unless": []},
    {"name": "systolic_high", "kind": "threshold", "vital": "systolic_bp", "op": ">=", "limit": 180, "unit": "mm[Hg]", "emergency": False, "severity": "high", "programmes": ["any"], "unless": []},
    {"name": "systolic_low", "kind": "threshold", "vital": "systolic_bp", "op": "<", "limit": 90, "unit": "mm[Hg]", "emergency": False, "severity": "high", "programmes": ["any"], "unless": []},
    {"name": "diastolic_high", "kind": "threshold", "vital": "diastolic_bp", "op": ">=", "limit": 120, "unit": "mm[Hg]", "emergency": False, "severity": "high", "programmes": ["any"], "unless": []},
    {"name": "heart_rate_high", "kind": "threshold", "vital": "heart_rate", "op": ">", "limit": 110, "unit": "/min", "emergency": False, "severity": "medium", "programmes": ["any"], "unless": []},
    {"name": "glucose_low", "kind": "threshold", "vital": "blood_glucose", "op": "<", "limit": 70, "unit": "mg/dL", "emergency": False, "severity": "medium", "programmes": ["diabetes"], "unless": []},
    {"name": "glucose_high", "kind": "threshold", "vital": "blood_glucose", "op": ">", "limit": 250, "unit": "mg/dL", "emergency": False, "severity": "medium", "programmes": ["diabetes"], "unless": []},
]  # fmt: skip


def _measure(
    conn: Connection[Any], someone: Someone, patient_id: int, device_id: int, now: datetime, days: int, dice: random.Random
) -> datetime:
    """Measure as people do: together, a little late, sometimes not at all."""
    newest = now - timedelta(days=days)
    most = max(times for _, _, times in someone.habits.values())
    start = datetime.combine((now - timedelta(days=days)).date(), datetime.min.time(), UTC)
    for day in range(days + 1):
        for turn in range(most):
            at = start + timedelta(days=day, hours=7 + 14 * turn / max(most - 1, 1), minutes=dice.gauss(0, 14), seconds=dice.uniform(0, 60))
            if at > now - timedelta(minutes=26) or dice.random() < 0.05 or (someone.name == "Walter Osei" and at > now - timedelta(hours=12)):
                continue
            if someone.name == "Ruth Adeyemi" and "body_weight" in someone.habits and at > now - timedelta(days=5, hours=6):
                values = {k: v for k, v in someone.habits.items() if k != "body_weight"}
            else:
                values = someone.habits
            drift = math.sin(day / 3) * 0.5
            taken = {v: round(dice.gauss(usual + drift * spread, spread), 1) for v, (usual, spread, times) in values.items() if turn < times}
            if taken:
                add_reading(conn, device_id, patient_id, at, **taken)
                newest = max(newest, at)
    return newest
