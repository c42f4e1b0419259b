"""Ladder: begins, holds back and stops the escalation of an alert, in the transaction that decided it.

Called by triage with the alert's row locked. Takes no step itself: that is the work of the deadlines, which are rows (I10).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from alerts.escalation import queries
from alerts.escalation.crews import load_crews
from alerts.escalation.ladder_data import word_of
from alerts.rule import Severity
from messaging.queries import wake

#: how a ladder stops when a person takes the alert on: it rests, and its owner is asked again where nothing follows
ACKNOWLEDGED: Final = "acknowledged"


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
        wake(conn)


def stop(conn: Connection[Any], alert_ids: Sequence[int], how: str, now: datetime) -> None:
    """End the ladders of alerts that somebody took on, that closed, or whose recheck cleared them.

    One that a person took on and that stays open rests: its owner is asked again where nothing follows.
    """
    if not alert_ids:
        return
    resting = queries.list_resting(conn, alert_ids) if how == ACKNOWLEDGED else []
    if resting:
        crews = load_crews(conn, {team for *_, team in resting}, now)
        waits = {
            key: crews[team].ladder.climbs[word_of(severity, emergency=emergency)].remind
            for key, severity, emergency, team in resting
        }
        queries.rest_escalations(conn, waits, now)
    kept = {key for key, *_ in resting}
    queries.end_escalations(conn, [key for key in alert_ids if key not in kept], how, now)
    queries.withhold_pages(conn, alert_ids, how, now)
