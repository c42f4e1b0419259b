"""What escalation asks the database.

Every function takes the caller's connection first and never commits.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from psycopg import Connection

from database.sql import load_sql

SQL: Final = load_sql(__file__)


def begin_escalations(conn: Connection[Any], calls: Sequence[dict[str, Any]], now: datetime) -> None:
    """Start the ladders of alerts from their first step."""
    conn.execute(SQL["begin_escalations"], {"calls": msgspec.json.encode(calls).decode(), "now": now})


def end_escalations(conn: Connection[Any], alert_ids: Sequence[int], how: str, now: datetime) -> None:
    """End the ladders of alerts that have not ended yet."""
    conn.execute(SQL["end_escalations"], {"alert_ids": list(alert_ids), "how": how, "now": now})
