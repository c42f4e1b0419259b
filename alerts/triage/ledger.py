"""Ledger: what was not shown or not sent, with reason, owner and end; others who withhold something enter it here too (I9)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from psycopg import Connection
from psycopg.rows import class_row

from alerts.rule import Severity
from alerts.triage import queries
from alerts.triage.orders import Suppressed

#: sorts of suppression → what a page calls them
KINDS: Final = {
    "silenced": "silenced by a person",
    "inhibited": "muted by a more severe alert",
    "gateway": "explained by its silent gateway",
    "recheck": "waits for a second measurement",
    "cleared": "cleared by a recheck",
    "flapping": "flapping, held open as one",
    "again": "fired again, sent before",
    "acknowledged": "taken on",
    "low": "shown only",
    "retrospective": "old news",
    "over": "over before anybody could be told",
    "merged": "told in one message for many",
}


#: what ends those that have no time of their own
ENDS: Final = {
    "inhibited": "that one closes",
    "gateway": "the gateway is heard",
    "acknowledged": "it worsens or closes",
    "low": "it closes",
    "retrospective": "somebody has seen it",
    "cleared": "it fires again or closes",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the ledger with what it is about."""

    #: random id of the alert, and of the patient
    alert: str
    patient: str
    patient_id: int
    #: what the rule is called
    title: str
    severity: Severity
    emergency: bool
    #: what did not happen: "sent", or "shown" for neither shown as a row of its own nor sent
    what: Literal["shown", "sent"]
    #: which sort, see KINDS
    kind: str
    #: why
    reason: str
    #: who answers for it: a person, a rule, another alert
    owner: str
    starts_at: datetime
    #: when it ends by itself; null where something has to happen first
    ends_at: datetime | None
    #: when it ended and how; null while it lasts
    ended_at: datetime | None
    ended_how: str | None


def add(conn: Connection[Any], rows: Sequence[Suppressed]) -> None:
    """Enter rows, such as the pages that a storm's digest took the place of."""
    queries.add_suppressed(conn, rows)


def end(conn: Connection[Any], ended: Mapping[int, str], now: datetime) -> None:
    """End the open rows of alerts, by key, each with how."""
    queries.end_suppressed(conn, ended, now)


def list_entries(
    conn: Connection[Any],
    *,
    is_current: bool,
    since: datetime,
    limit: int,
    patient_id: int | None = None,
    kind: str | None = None,
    alert_id: int | None = None,
) -> list[Entry]:
    """Return what lasts, the soonest end first; or what ended since then, latest first."""
    given = {"since": since, "limit": limit, "patient_id": patient_id, "kind": kind, "alert_id": alert_id}
    statement = queries.SQL["entries"] + " " + queries.SQL["entries_current" if is_current else "entries_ended"]
    with conn.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(statement, given).fetchall()


def count_entries(conn: Connection[Any], since: datetime) -> dict[str, tuple[int, int]]:
    """Return, for each sort, how many rows last and how many ended since then."""
    return {kind: (current, ended) for kind, current, ended in conn.execute(queries.SQL["count_entries"], {"since": since})}
