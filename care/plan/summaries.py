"""Summaries of a patient's plan: what is asked of them now, how they keep to it, and what home pressure and sensor come to.

Reads only. The arithmetic is pure and elsewhere (`care.adherence`, `care.pressure`, `care.glucose`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from care.adherence import Adherence, adherence
from care.glucose import DAYS, GlucoseSummary, summarise
from care.plan import queries
from care.plan.own import Pause, Prescribed, in_force
from care.pressure import HomePressure, Protocol, average


def load_adherence(conn: Connection[Any], patient_id: int, zone: ZoneInfo, now: datetime, days: int = 7) -> list[Adherence]:
    """Return how a patient kept to each prescribed measure over the last whole days."""
    schedules = queries.list_schedules(conn, patient_id)
    return adherences(conn, patient_id, schedules, queries.list_pauses(conn, patient_id), zone, now, days)


def adherences(
    conn: Connection[Any],
    patient_id: int,
    schedules: Sequence[Prescribed],
    pauses: Sequence[Pause],
    zone: ZoneInfo,
    now: datetime,
    days: int = 7,
    unseen: Sequence[tuple[datetime, datetime]] = (),
) -> list[Adherence]:
    """Return the same from schedules and pauses that are loaded already; `unseen` are times in which our path was down."""
    asked = in_force(schedules, now)
    since = now - timedelta(days=days + 2)
    measured = queries.measured_days(conn, patient_id, [one.measure for one in asked], since, zone.key) if asked else {}
    paused = [(one.starts_at, one.ends_at) for one in pauses]
    return [
        adherence(
            one.measure,
            measured[one.measure],
            [(row.starts_at, row.ends_at) for row in schedules if row.measure == one.measure],
            paused,
            unseen=unseen,
            days=days,
            every=one.every,
            zone=zone,
            now=now,
        )
        for one in asked
    ]


def load_home_pressure(
    conn: Connection[Any], patient_id: int, protocol: Protocol, zone: ZoneInfo, now: datetime
) -> HomePressure:
    """Return what the last week's home readings come to by the protocol."""
    readings = queries.list_pressures(conn, patient_id, now - timedelta(days=protocol.days + 1))
    return average(readings, protocol, zone, now)


def load_glucose_summary(conn: Connection[Any], patient_id: int, now: datetime) -> GlucoseSummary | None:
    """Return what the sensor showed over the last two weeks; None where there is none."""
    return summarise(*queries.load_sensor_glucose(conn, patient_id, now - timedelta(days=DAYS), now))
