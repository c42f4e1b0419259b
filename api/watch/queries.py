"""What the watch asks the database, and the faults it writes down.

Every function takes the caller's connection first and never commits.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row, dict_row

from api.watch.fault import Fault
from api.watch.judge import Seen
from api.watch.pace import Pace
from database.heartbeat import list_heartbeats
from database.sql import load_sql

SQL: Final = load_sql(__file__)

#: most rows of a list
MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A patient whose newest readings were stored and could not be judged."""

    public_id: str
    name: str
    #: since when
    since: datetime
    #: measurements beyond those that were judged
    readings: int


@dataclass(frozen=True, slots=True)
class Unrouted:
    """An alert that no notice, ladder or suppression explains."""

    public_id: str
    #: when it opened
    since: datetime
    severity: str
    #: what a nurse calls it
    title: str
    #: random id and name of the patient
    patient: str
    name: str


@dataclass(frozen=True, slots=True)
class SyntheticAlert:
    """An alert of the synthetic patient."""

    #: key, as announcements carry it
    id: int
    public_id: str
    #: "firing" or "resolved"
    condition: str
    opened_at: datetime
    closed_at: datetime | None
    #: when it last began to fire
    fired_at: datetime | None


def load_seen(conn: Connection[Any], pace: Pace, now: datetime) -> Seen:
    """Return what the database says at this moment."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(SQL["seen"], {"now": now, "limit": timedelta(seconds=pace.limit)}).fetchone()
    assert row is not None
    return Seen(beats=tuple(list_heartbeats(conn, now)), known=tuple(list_open_faults(conn, pace, now)), **row)


def list_open_faults(conn: Connection[Any], pace: Pace, now: datetime) -> list[Fault]:
    """Return what a watchdog that lives holds to be wrong; what one that died left open is nobody's word any more."""
    with conn.cursor(row_factory=class_row(Fault)) as cursor:
        return cursor.execute(SQL["list_faults"], {"since": now - timedelta(seconds=pace.patience * 2)}).fetchall()


def list_unjudged(conn: Connection[Any]) -> list[Unjudged]:
    """Return the patients whose readings wait to be judged, those who wait longest first."""
    with conn.cursor(row_factory=class_row(Unjudged)) as cursor:
        return cursor.execute(SQL["list_unjudged"], {"most": MOST}).fetchall()


def list_unrouted(conn: Connection[Any], pace: Pace, now: datetime) -> list[Unrouted]:
    """Return the alerts that nothing explains the routing of, the oldest first."""
    with conn.cursor(row_factory=class_row(Unrouted)) as cursor:
        values = {"now": now, "limit": timedelta(seconds=pace.limit), "most": MOST}
        return cursor.execute(SQL["list_unrouted"], values).fetchall()


def audit_judged(conn: Connection[Any], after: int, patients: int, most: int) -> tuple[int | None, list[tuple[int, int, int]]]:
    """Hold the ledger of the next few patients: (where to go on or None at the end, [(patient, judged, stored) that differ]).

    Who has `most` measurements or more is left out, since counting them would cost too much.
    """
    rows = conn.execute(SQL["audit_judged"], {"after": after, "patients": patients, "most": most}).fetchall()
    differing = [(key, judged, stored) for key, judged, stored in rows if stored < most and judged != stored]
    return (rows[-1][0] if len(rows) == patients else None), differing


def list_synthetic_alerts(conn: Connection[Any]) -> list[SyntheticAlert]:
    """Return the newest alerts of the synthetic patient, the newest first."""
    with conn.cursor(row_factory=class_row(SyntheticAlert)) as cursor:
        return cursor.execute(SQL["list_synthetic_alerts"]).fetchall()


def mark_synthetic(conn: Connection[Any], patient_id: int) -> None:
    """Make a patient the synthetic one, whom no list shows and nothing counts; there is at most one."""
    conn.execute(SQL["mark_synthetic"], {"patient_id": patient_id})


def list_past_faults(conn: Connection[Any], since: datetime) -> list[Fault]:
    """Return what was wrong and is over, the latest first."""
    with conn.cursor(row_factory=class_row(Fault)) as cursor:
        return cursor.execute(SQL["list_past_faults"], {"since": since, "most": MOST}).fetchall()


def save_faults(conn: Connection[Any], faults: Sequence[Fault], now: datetime) -> None:
    """Hold these open, end all others, and write down those that are over already, each once."""
    held = [fault for fault in faults if fault.ended_at is None]
    keys = {"kinds": [fault.kind for fault in held], "parts": [fault.part for fault in held]}
    conn.execute(SQL["end_faults"], keys | {"now": now})
    for fault in held:
        conn.execute(SQL["hold_fault"], asdict(fault) | {"now": now})
    for fault in faults:
        if fault.ended_at is not None:
            conn.execute(SQL["add_past_fault"], asdict(fault) | {"now": now})
