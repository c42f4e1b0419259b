"""Deadlines: rechecks that nobody answered, and silences whose time is up. Rows are the timers (I10).

An edge: each call is one transaction of its own. Any number of processes may call it; the patients' locks keep them apart,
and what another has done meanwhile is not done again.
"""

from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.pq import TransactionStatus

from alerts import queries as alerts
from alerts.triage import queries, rechecks
from alerts.triage.dispatch import settle

#: patients in one transaction
AT_ONCE: Final = 500


def next_due(conn: Connection[Any]) -> datetime | None:
    """Return when the next recheck or silence is over, None where there is none."""
    return queries.next_due(conn)


def run_due(conn: Connection[Any], now: datetime) -> int:
    """End what is due, in one transaction; return how many timers there were, AT_ONCE patients' at most. Call until 0."""
    if conn.info.transaction_status != TransactionStatus.IDLE:
        raise ValueError("deadlines open their own transactions: commit or roll back before calling this")
    with conn.transaction():
        patients = queries.list_due(conn, now, AT_ONCE)
        if not patients:
            return 0
        rechecks.lock(conn, patients)
        count = queries.count_due(conn, patients, now)
        queries.end_silences(conn, patients, now)
        overdue = rechecks.overdue(conn, patients, now)
        changed = rechecks.end(conn, overdue, now) if overdue else set()
        changed |= settle(conn, set(patients), now)
        alerts.notify(conn, changed)
        return count
