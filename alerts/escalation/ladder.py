"""Ladder: begins, holds back and stops the escalation of an alert, in the transaction that decided it.

Called by triage with the alert's row locked. Takes no step itself: that is the work of the deadlines, which are rows (I10).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from alerts.escalation import queries
from alerts.rule import Severity


@dataclass(frozen=True, slots=True)
class Call:
    """An alert that somebody is to be told of."""

    #: key of the alert
    alert_id: int
    #: key of the patient
    patient_id: int
    #: how severe it is now
    severity: Severity
    #: the first step is taken no sooner than this; later than now while a recheck runs
    due_at: datetime
    #: why it begins, or begins again: "opened", "promoted", "worse", …
    reason: str


def begin(conn: Connection[Any], calls: Sequence[Call], now: datetime) -> None:
    """Start the ladder of each alert from its first step, also one that was stopped before: worse is new (I13)."""
    if calls:
        queries.begin_escalations(conn, [asdict(call) for call in calls], now)


def stop(conn: Connection[Any], alert_ids: Sequence[int], how: str, now: datetime) -> None:
    """End the ladders of alerts that somebody took on, that closed, or whose recheck cleared them."""
    if alert_ids:
        queries.end_escalations(conn, alert_ids, how, now)
