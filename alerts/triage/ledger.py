"""Ledger: what was not shown or not sent, with reason, owner and end; others who withhold something enter it here too."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection

from alerts.triage import queries
from alerts.triage.orders import Suppressed


def add(conn: Connection[Any], rows: Sequence[Suppressed]) -> None:
    """Enter rows, such as the pages that a storm's digest took the place of."""
    queries.add_suppressed(conn, rows)


def end(conn: Connection[Any], ended: Mapping[int, str], now: datetime) -> None:
    """End the open rows of alerts, by key, each with how."""
    queries.end_suppressed(conn, ended, now)
