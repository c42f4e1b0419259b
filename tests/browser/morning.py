"""What a coordinator of the clinic finds in the morning: alerts at every acuity, and loose ends."""

from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from tests.browser.clinic import SEQUENCE, Clinic, add_alert, add_reading, readings


def open_morning(conn: Connection[Any], clinic: Clinic, now: datetime) -> None:
    """Open what a coordinator finds in the morning."""
    tomas, hub = clinic.patients["Tomás Herrera"][0], clinic.devices["Tomás Herrera"][0]
    for back, value in ((14, 90), (9, 88), (6, 87), (3.6, 85), (2.2, 84), (0.67, 85)):
        add_reading(conn, hub, tomas, now - timedelta(minutes=back), spo2=value, heart_rate=112)
    times = [now - timedelta(minutes=m) for m in (3.6, 2.2, 0.67)]
    add_alert(
        conn,
        clinic,
        "Tomás Herrera",
        rule="spo2_emergency",
        now=now,
        severity="high",
        subject="spo2",
        emergency=True,
        response=timedelta(minutes=5),
        ago=timedelta(minutes=3),
        since=timedelta(seconds=40),
        kind="threshold",
        title="Very low oxygen saturation",
        operator="<=",
        limit=85,
        unit="%",
        for_seconds=120,
        n=2,
        source="engineering default",
        readings=readings("spo2", *zip(times, (85.0, 84.0, 85.0), strict=True)),
    )
    add_alert(
        conn,
        clinic,
        "Tomás Herrera",
        rule="heart_rate_high",
        now=now,
        subject="heart_rate",
        ago=timedelta(minutes=2),
        kind="threshold",
        title="Fast pulse",
        operator=">",
        limit=110,
        unit="/min",
        readings=readings("heart_rate", (times[-1], 112.0)),
    )
    add_alert(
        conn,
        clinic,
        "Walter Osei",
        rule="silence",
        now=now,
        subject=clinic.devices["Walter Osei"][1],
        response=timedelta(minutes=30),
        ago=timedelta(minutes=14),
        since=timedelta(hours=13),
        kind="silence",
        expected_seconds=43200,
        device_kind="gateway",
        last_received_at=(now - timedelta(hours=13)).isoformat(),
        readings=[],
    )
    ruth, scale = clinic.patients["Ruth Adeyemi"][0], clinic.devices["Ruth Adeyemi"][0]
    for back, weight in ((5, 80.8), (4, 81.3), (3, 81.9), (2, 82.4), (1, 82.8)):
        add_reading(conn, scale, ruth, now - timedelta(days=back), body_weight=weight)
    add_reading(conn, scale, ruth, now - timedelta(minutes=4), body_weight=83.1)
    add_alert(
        conn,
        clinic,
        "Ruth Adeyemi",
        rule="weight_high",
        now=now,
        subject="body_weight",
        response=timedelta(hours=8),
        ago=timedelta(minutes=4),
        since=timedelta(0),
        kind="threshold",
        title="Weight above the limit",
        operator=">",
        limit=83,
        unit="kg",
        readings=readings("body_weight", (now - timedelta(minutes=4), 83.1)),
    )
    grace, cuff = clinic.patients["Grace Nakamura"][0], clinic.devices["Grace Nakamura"][0]
    add_reading(conn, cuff, grace, now - timedelta(minutes=41), systolic_bp=184, diastolic_bp=104, heart_rate=81)
    add_reading(conn, cuff, grace, now - timedelta(minutes=38), systolic_bp=182, diastolic_bp=102, heart_rate=80)
    add_alert(
        conn,
        clinic,
        "Grace Nakamura",
        rule="systolic_high",
        now=now,
        severity="high",
        subject="systolic_bp",
        response=timedelta(minutes=30),
        ago=timedelta(minutes=38),
        since=timedelta(minutes=3),
        kind="threshold",
        title="High pressure",
        operator=">=",
        limit=180,
        unit="mm[Hg]",
        n=2,
        readings=readings("systolic_bp", (now - timedelta(minutes=41), 184.0), (now - timedelta(minutes=38), 182.0)),
    )
    imogen, meter = clinic.patients["Imogen Achterberg"][0], clinic.devices["Imogen Achterberg"][0]
    add_reading(conn, meter, imogen, now - timedelta(hours=7), blood_glucose=63)
    add_reading(conn, meter, imogen, now - timedelta(minutes=50), blood_glucose=118)
    add_alert(
        conn,
        clinic,
        "Imogen Achterberg",
        rule="glucose_low",
        now=now,
        subject="blood_glucose",
        ago=timedelta(minutes=52),
        lateness="retrospective",
        response=timedelta(hours=8),
        condition="resolved",
        kind="threshold",
        operator="<",
        limit=70,
        unit="mg/dL",
        title="Low glucose",
        readings=[
            readings("blood_glucose", (now - timedelta(hours=7), 63.0))[0]
            | {"received_at": (now - timedelta(minutes=52)).isoformat()}
        ],
    )
    add_alert(
        conn,
        clinic,
        "Bartholomew Vandersteen-Okonkwo",
        rule="silence",
        now=now,
        severity="low",
        category="technical",
        response=timedelta(days=1),
        subject=clinic.devices["Bartholomew Vandersteen-Okonkwo"][1],
        ago=timedelta(hours=3),
        since=timedelta(hours=26),
        kind="silence",
        expected_seconds=43200,
        device_kind="gateway",
        last_received_at=(now - timedelta(hours=26)).isoformat(),
        readings=[],
    )


def leave_loose_ends(conn: Connection[Any], clinic: Clinic, now: datetime) -> None:
    """Leave readings that are nobody's, and messages that could not be taken."""
    row = conn.execute(
        """INSERT INTO device (public_id, kind, model, expected_every) VALUES ('scale-77', 'scale', 'Bath 2', '1 day')
           RETURNING id"""
    ).fetchone()
    assert row is not None
    conn.execute(
        "INSERT INTO device_state (device_id, last_received_at, battery) VALUES (%s, %s, 12)",
        [row[0], now - timedelta(hours=2)],
    )
    ruth = clinic.patients["Ruth Adeyemi"][0]
    conn.execute(
        "INSERT INTO assignment (device_id, patient_id, during) VALUES (%s, %s, tstzrange(%s, %s))",
        [row[0], ruth, now - timedelta(days=90), now - timedelta(days=30)],
    )
    for hours, weight in ((50, 81.2), (26, 81.0), (2, 80.9)):
        conn.execute(
            """INSERT INTO measurement (device_time, measured_at, received_at, seq, device_id, boot, body_weight)
               VALUES (%s, %s, %s, %s, %s, 7, %s)""",
            [*[now - timedelta(hours=hours)] * 3, next(SEQUENCE), row[0], weight],
        )
    for digest, reason, detail, payload, times in (
        (
            b"a",
            "unknown_unit",
            "body_weight cannot be in 'stones'; it is sent in kg or [lb_av] or [stone_av] or g",
            b'{"values":{"body_weight":{"value":12,"unit":"stones"}}}',
            3,
        ),
        (b"b", "bad_json", "", b'{"boot":"k3f9","seq":10', 1),
    ):
        conn.execute(
            """INSERT INTO quarantine (digest, topic, payload, reason, detail, readings, times, received_at, last_at)
               VALUES (%s, 'wardlight/v1/scale-77/readings', %s, %s, %s, 1, %s, %s, %s)""",
            [digest, payload, reason, detail, times, now - timedelta(hours=5), now - timedelta(minutes=9)],
        )
