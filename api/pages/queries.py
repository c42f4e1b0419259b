"""What the screens ask the database: open alerts, the people they are about, and what has lately come in.

Every function takes the caller's connection first and never commits. Reads only: whatever a page changes goes through the
room that owns it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row, dict_row

from api.pages.facts import Mark, OpenAlert, Person, Reader, Series
from api.pages.timeline import CorrectionRow, EventRow, Happening, OtherRow, tell
from database.sql import load_sql
from devices.measurement import MeasurementKey
from devices.vitals import COLUMN, VITALS

SQL: Final = load_sql(__file__)

#: how far back a sparkline looks, and how many of a patient's newest measurements it is made of
SPARK_SPAN: Final = timedelta(days=14)
SPARK_LIMIT: Final = 240
#: fewer readings than this in those make it walk on for the one vital
_ENOUGH: Final = 8


def list_open_marks(conn: Connection[Any]) -> dict[int, str]:
    """Return every open alert's key with a mark that differs whenever its row was written."""
    return {row[0]: row[1] for row in conn.execute(SQL["open_marks"])}


def load_alerts(conn: Connection[Any], ids: Sequence[int]) -> list[OpenAlert]:
    """Return these alerts, closed ones too."""
    if not ids:
        return []
    with conn.cursor(row_factory=class_row(OpenAlert)) as cursor:
        return cursor.execute(SQL["alerts_by_key"], {"ids": list(ids)}).fetchall()


def list_open_alerts_of(conn: Connection[Any], patient_id: int) -> list[OpenAlert]:
    """Return the open alerts of one patient."""
    return load_alerts(conn, [row[0] for row in conn.execute(SQL["open_alerts_of"], {"patient_id": patient_id})])


def list_cleared(conn: Connection[Any], since: datetime, limit: int) -> list[OpenAlert]:
    """Return the clinical alerts that went away by themselves since then, the latest first."""
    found = [row[0] for row in conn.execute(SQL["cleared"], {"since": since, "limit": limit})]
    return sorted(load_alerts(conn, found), key=lambda alert: found.index(alert.id))


def count_cleared(conn: Connection[Any], since: datetime) -> int:
    """Return how many those are."""
    row = conn.execute(SQL["count_cleared"], {"since": since}).fetchone()
    return 0 if row is None else int(row[0])


def find_alert(conn: Connection[Any], public_id: str) -> OpenAlert | None:
    """Return the alert with this random id."""
    row = conn.execute(SQL["alert_key"], {"public_id": public_id}).fetchone()
    return load_alerts(conn, [row[0]])[0] if row else None


def load_newest(conn: Connection[Any], alert: OpenAlert, now: datetime) -> Series | None:
    """Return what has lately come in of an open alert's vital, to say where it stands now; None where nothing has."""
    if alert.vital is None or alert.closed_at is not None:
        return None
    found = load_series(conn, {alert.patient_id: [alert.subject]}, now).get(alert.patient_id, ())
    return next((series for series in found if series.vital == alert.subject), None)


def load_people(conn: Connection[Any], ids: Sequence[int]) -> dict[int, Person]:
    """Return these patients by key."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(SQL["people"], {"ids": list(ids)}).fetchall()
    return {row["id"]: Person(**{**row, "programmes": tuple(row["programmes"])}) for row in rows}


def load_names(conn: Connection[Any], public_ids: Sequence[str]) -> dict[str, str]:
    """Return the names of these patients by public id."""
    return dict(conn.execute(SQL["names_by_public_id"], {"public_ids": list(public_ids)}).fetchall())


def count_patients(conn: Connection[Any]) -> int:
    """Return how many patients are looked after."""
    row = conn.execute(SQL["count_patients"]).fetchone()
    assert row is not None
    return int(row[0])


def load_series(
    conn: Connection[Any], wanted: Mapping[int, Sequence[str | None]], now: datetime
) -> dict[int, tuple[Series, ...]]:
    """Return what has lately come in of the wanted vitals, by patient; None wants whichever the patient measures most.

    Suspect readings and those marked wrong are left out: a sparkline shows what is believed.
    """
    since = now - SPARK_SPAN
    rows: dict[int, list[tuple[Any, ...]]] = {}
    parameters = {"ids": list(wanted), "since": since, "limit": SPARK_LIMIT}
    for row in conn.execute(SQL["recent_measurements"], parameters):
        rows.setdefault(row[0], []).append(row)
    found: dict[int, tuple[Series, ...]] = {}
    for patient_id, names in wanted.items():
        own = rows.get(patient_id, [])
        vitals = {name if name in COLUMN else _most_measured(own) for name in names}
        found[patient_id] = tuple(_series(conn, patient_id, name, own, since) for name in sorted(filter(None, vitals)))
    return found


def _series(conn: Connection[Any], patient_id: int, name: str, rows: Sequence[tuple[Any, ...]], since: datetime) -> Series:
    column = COLUMN[name]
    decimals = VITALS[column].decimals
    points = [
        (row[1], round(row[3 + column], decimals))
        for row in rows
        if row[3 + column] is not None and not (row[2] | row[-1]) >> column & 1
    ]
    if len(points) < _ENOUGH and len(rows) == SPARK_LIMIT:
        parameters = {"patient_id": patient_id, "vital": name, "column": column, "since": since, "limit": SPARK_LIMIT}
        walked = conn.execute(SQL["recent_of_vital"], parameters).fetchall()
        points = [(at, round(value, decimals)) for at, value in reversed(walked)]
    return Series(name, tuple(at for at, _ in points), tuple(value for _, value in points))


def _most_measured(rows: Sequence[tuple[Any, ...]]) -> str | None:
    counts = [sum(row[3 + column] is not None for row in rows) for column in range(len(VITALS))]
    return VITALS[counts.index(max(counts))].name if rows and max(counts) else None


@dataclass(frozen=True, slots=True)
class Namesake:
    """Another patient this one could be mistaken for."""

    public_id: str
    name: str
    birth_date: date | None
    record_number: str


def load_rules(conn: Connection[Any]) -> list[dict[str, Any]]:
    """Return the rules in force as they are stored; [] before any were loaded."""
    row = conn.execute(SQL["rules_in_force"]).fetchone()
    return list(row[0]) if row else []


def list_namesakes(conn: Connection[Any], patient_id: int) -> list[Namesake]:
    """Return patients with the same name, or the same family name and initial."""
    with conn.cursor(row_factory=class_row(Namesake)) as cursor:
        return cursor.execute(SQL["namesakes"], {"patient_id": patient_id}).fetchall()


def list_marks(conn: Connection[Any], patient_id: int) -> dict[tuple[str, str], Mark]:
    """Return who marked which reading wrong, by (measurement key, vital)."""
    found: dict[tuple[str, str], Mark] = {}
    for device, device_time, seq, boot, vital, who, reason, marked_at in conn.execute(
        SQL["marks_of"], {"patient_id": patient_id}
    ):
        found[str(MeasurementKey(device, device_time, seq, boot)), VITALS[vital].name] = Mark(who, reason, marked_at)
    return found


def load_timeline(
    conn: Connection[Any], patient_id: int, reader: Reader, *, now: datetime, days: int, limit: int
) -> list[Happening]:
    """Return what happened to a patient within so many days, newest first."""
    given = {"patient_id": patient_id, "since": now - timedelta(days=days), "now": now, "limit": limit}
    with conn.cursor(row_factory=class_row(EventRow)) as cursor:
        events = cursor.execute(SQL["alert_events_of"], given).fetchall()
    with conn.cursor(row_factory=class_row(CorrectionRow)) as cursor:
        corrections = cursor.execute(SQL["corrections_of"], given).fetchall()
    with conn.cursor(row_factory=class_row(OtherRow)) as cursor:
        others = cursor.execute(SQL["others_of"], given).fetchall()
    return tell(events, corrections, others, reader, limit)


def load_alert_story(conn: Connection[Any], alert_id: int, reader: Reader) -> list[Happening]:
    """Return what happened to one alert, newest first."""
    with conn.cursor(row_factory=class_row(EventRow)) as cursor:
        return tell(cursor.execute(SQL["alert_events"], {"alert_id": alert_id}).fetchall(), (), (), reader, 200)


def load_worst(conn: Connection[Any], patient_ids: Sequence[int]) -> dict[int, str]:
    """Return the acuity of each patient's worst open alert, by key; patients without one are missing."""
    return {row[0]: row[1] for row in conn.execute(SQL["worst_open"], {"ids": list(patient_ids)})}


def list_holders(conn: Connection[Any], now: datetime) -> dict[int, list[tuple[str, str, int | None]]]:
    """Return whom each device measures now: (public id, name, user slot) by the device's key."""
    found: dict[int, list[tuple[str, str, int | None]]] = {}
    for device_id, public_id, name, slot in conn.execute(SQL["holders"], {"now": now}):
        found.setdefault(device_id, []).append((public_id, name, slot))
    return found
