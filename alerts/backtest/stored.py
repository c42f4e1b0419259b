"""Stored: history from the database, as a backtest plays it. Reads only, in the caller's transaction."""

from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from alerts.backtest import queries
from alerts.backtest.queries import Known
from alerts.backtest.trial import Material
from alerts.moments import to_us
from devices.recording import load_history

#: rules that learn have this much time before what is counted
WARM_UP: Final = timedelta(days=60)


def load_material(conn: Connection[Any], known: Known, since: datetime, until: datetime) -> Material:
    """Return what came in of these patients until a time, warm-up included; what began since then is counted."""
    history = load_history(conn, known.cohort.patient_id, since - WARM_UP)
    history = history.take(history.received_at < to_us(until))
    return Material(known.cohort, history, queries.list_verdicts(conn, known.cohort, since, until), since, until)
