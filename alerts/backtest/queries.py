"""What a backtest asks the database: whose history, and what people said of past alerts.

Every function takes the caller's connection first and never commits; nothing here writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from psycopg import Connection
from psycopg.rows import class_row

from alerts.backtest.cohort import Cohort
from alerts.backtest.compare import Verdict
from alerts.backtest.scorecard import Scored, Watched
from alerts.queries import load_own
from database.sql import load_sql

SQL: Final = load_sql(__file__)


@dataclass(frozen=True, slots=True)
class Known:
    """The patients of a backtest."""

    cohort: Cohort
    #: key → what the outside sees
    public_id: dict[int, str]
    #: key → what the clinic calls them
    record_number: dict[int, str]


def list_cohort(conn: Connection[Any], patients: Sequence[str] | None = None) -> Known:
    """Return these patients, by public id or record number; None is everybody but the synthetic."""
    wanted = {"patients": None if patients is None else list(patients)}
    rows = conn.execute(SQL["list_cohort"], wanted).fetchall()
    keys = np.array([row[0] for row in rows], np.int32)
    limited = tuple(row[0] for row in conn.execute(SQL["list_limited"], {"patient_ids": keys}))
    limits, references = load_own(conn, keys, keys, {name: place for place, name in enumerate(limited)})
    cohort = Cohort(keys, [tuple(row[3]) for row in rows], [row[4] for row in rows], limits, limited, references)
    return Known(cohort, {row[0]: row[1] for row in rows}, {row[0]: row[2] for row in rows})


def list_verdicts(conn: Connection[Any], cohort: Cohort, since: datetime, until: datetime) -> list[Verdict]:
    """Return what people said of alerts that opened in a time."""
    with conn.cursor(row_factory=class_row(Verdict)) as cursor:
        wanted = {"patient_ids": cohort.patient_id, "since": since, "until": until}
        return cursor.execute(SQL["list_verdicts"], wanted).fetchall()


def count_measurements(conn: Connection[Any], cohort: Cohort, since: datetime, until: datetime) -> int:
    """Return how many measurements of a time there are to play."""
    wanted = {"patient_ids": cohort.patient_id, "since": since, "until": until}
    row = conn.execute(SQL["count_measurements"], wanted).fetchone()
    assert row is not None
    return int(row[0])


def list_scored(conn: Connection[Any], since: datetime, until: datetime) -> list[Scored]:
    """Return what counts of the alerts that opened in a time, those of synthetic patients left out."""
    with conn.cursor(row_factory=class_row(Scored)) as cursor:
        return cursor.execute(SQL["list_scored"], {"since": since, "until": until}).fetchall()


def list_watched(conn: Connection[Any], since: datetime, until: datetime) -> dict[int, Watched]:
    """Return everybody but the synthetic, with the days of a time since they were first measured, by key."""
    rows = conn.execute(SQL["list_watched"], {"since": since, "until": until})
    return {patient: Watched(programmes, days) for patient, programmes, days in rows}
