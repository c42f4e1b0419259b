"""Reassigned: measurements that changed hands are judged for whoever has them now, and what they show of the past is told.

For assignments made, ended or corrected after the fact, and for answers to "whose is this?". In the caller's transaction, after
the devices' state rows were locked; never commits.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from psycopg import Connection

from alerts.engine import Engine, Judged
from alerts.moments import to_us
from devices.device import Reassigned
from devices.recording import load_history


def judge_reassigned(conn: Connection[Any], engine: Engine, changes: Sequence[Reassigned], now: datetime) -> Judged:
    """Judge everybody again whose measurements these changes moved; new to their patient, they may open retrospective items."""
    touched = np.unique(np.array([patient for changed in changes for patient in changed.patients], np.int32))
    if not len(touched):
        return Judged()
    engine.lock(conn, touched)
    history = load_history(conn, touched)
    gained = np.zeros(len(history), bool)
    for changed in changes:
        assignment, least, most = changed.assignment, np.iinfo(np.int64).min, np.iinfo(np.int64).max
        since = least if assignment.starts_at is None else to_us(assignment.starts_at)
        until = most if assignment.ends_at is None else to_us(assignment.ends_at)
        gained |= (
            (history.device_id == assignment.device_id)
            & (history.patient_id == assignment.patient_id)
            & (history.measured_at >= since)
            & (history.measured_at < until)
        )
    return engine.rejudge(conn, touched, now, fresh=history.take(gained))
