"""What the screens ask the database: open alerts, the people they are about, and what has lately come in.

Every function takes the caller's connection first and never commits. Reads only: whatever a page changes goes through the
room that owns it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row, dict_row

from api.pages.facts import OpenAlert, Person, Series
from database.sql import load_sql
from devices.vitals import COLUMN, VITALS

SQL: Final = load_sql(__file__)

#: how far back a sparkline looks, and how many of a patient's newest measurements it is made of
SPARK_SPAN: Final = timedelta(days=14)
SPARK_LIMIT: Final = 240
#: fewer readings than this in those make it walk on for the one vital
_ENOUGH: Final = 8
#: readings have stopped flowing when our own path was last seen working longer ago than this
PATH_PATIENCE: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Pulse:
    """Whether readings can reach us at all: an empty list means something only while they can."""

    #: when our own path was last seen connected and caught up; None for never
    seen_at: datetime | None
    #: when the last reading of any device arrived; None for never
    last_reading_at: datetime | None
    #: the last sign of life of the process that takes readings in; None for never
    ingest_at: datetime | None
    is_up: bool

    @property
    def trouble(self) -> str:
        """Say what is wrong, where something is."""
        if self.is_up:
            return ""
        if self.ingest_at is None:
            return "No readings are coming in: the process that takes them in has never run."
        if self.seen_at is not None and self.ingest_at - self.seen_at > PATH_PATIENCE:
            return "No readings are coming in: the broker cannot be reached, or a backlog is being worked off."
        return "No readings are coming in: the process that takes them in has stopped."


def load_pulse(conn: Connection[Any], now: datetime) -> Pulse:
    """Return whether readings are flowing."""
    row = conn.execute(SQL["pulse"]).fetchone()
    assert row is not None
    seen_at, last_reading_at, ingest_at = row
    return Pulse(seen_at, last_reading_at, ingest_at, seen_at is not None and now - seen_at <= PATH_PATIENCE)


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


def find_alert(conn: Connection[Any], public_id: str) -> OpenAlert | None:
    """Return the alert with this random id."""
    row = conn.execute(SQL["alert_key"], {"public_id": public_id}).fetchone()
    return load_alerts(conn, [row[0]])[0] if row else None


def load_people(conn: Connection[Any], ids: Sequence[int]) -> dict[int, Person]:
    """Return these patients by key."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(SQL["people"], {"ids": list(ids)}).fetchall()
    return {row["id"]: Person(**{**row, "programmes": tuple(row["programmes"])}) for row in rows}


def count_patients(conn: Connection[Any]) -> int:
    """Return how many patients are looked after."""
    row = conn.execute(SQL["count_patients"]).fetchone()
    assert row is not None
    return int(row[0])


def load_series(conn: Connection[Any], wanted: Mapping[int, Sequence[str | None]], now: datetime) -> dict[int, tuple[Series, ...]]:
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
        found[patient_id] = tuple(_series(conn, patient_id, name, own, since) for name in sorted(vitals - {None}) if name)
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
