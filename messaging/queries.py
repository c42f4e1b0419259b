"""What `messaging` asks the database.

Every function takes the caller's connection first and never commits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from database.sql import load_sql
from messaging.contact import Contact
from messaging.notice import Notice, Planned, State

SQL: Final = load_sql(__file__)

#: what a device is told
DEVICE_COMMAND: Final = "device_command"
#: channels that another process delivers than the one that delivers all others: what a device is told goes out with MQTT
ELSEWHERE: Final = (DEVICE_COMMAND,)


def save_contact(conn: Connection[Any], contact: Contact) -> None:
    """Keep how a patient is reached, in place of what was known before."""
    conn.execute(SQL["save_contact"], asdict(contact))


def load_contact(conn: Connection[Any], patient_id: int) -> Contact:
    """Return how a patient is reached; where nobody wrote it down, a contact without a phone."""
    return load_contacts(conn, [patient_id]).get(patient_id, Contact(patient_id))


def load_contacts(conn: Connection[Any], patient_ids: Sequence[int]) -> dict[int, Contact]:
    """Return the known contacts of these patients, by key."""
    with conn.cursor(row_factory=class_row(Contact)) as cursor:
        rows = cursor.execute(SQL["load_contacts"], {"patient_ids": list(patient_ids)})
        return {contact.patient_id: contact for contact in rows}


def add_notices(conn: Connection[Any], planned: Iterable[tuple[int | None, Planned]], now: datetime) -> None:
    """Write the notices of some alerts, by key, to the outbox."""
    rows = list(planned)
    if rows:
        notices = msgspec.json.encode([{"alert_id": alert, "notice": notice} for alert, notice in rows]).decode()
        conn.execute(SQL["add_notices"], {"notices": notices, "now": now})
        if any(notice.state == "pending" for _, notice in rows):
            wake(conn)


def wake(conn: Connection[Any]) -> None:
    """Let `work` look what is due once this transaction commits."""
    conn.execute(SQL["wake"])


def claim(
    conn: Connection[Any], now: datetime, lease: timedelta, limit: int, only: Sequence[str] | None = None
) -> list[Notice]:
    """Take the oldest due rows for oneself, while the lease lasts: of some channels, or all that nobody else delivers."""
    values = {"now": now, "until": now + lease, "limit": limit}
    with conn.cursor(row_factory=class_row(Notice)) as cursor:
        return cursor.execute(SQL["claim_notices"], values | _channels(only)).fetchall()


def finish(conn: Connection[Any], notice_id: int, state: State, error: str | None, now: datetime) -> None:
    """Settle a claimed row."""
    conn.execute(SQL["finish_notice"], {"id": notice_id, "state": state, "error": error, "now": now})


def postpone(conn: Connection[Any], notice_id: int, error: str, due_at: datetime) -> None:
    """Try a claimed row again later."""
    conn.execute(SQL["postpone_notice"], {"id": notice_id, "error": error, "due_at": due_at})


def list_notices(conn: Connection[Any], alert_id: int) -> list[Notice]:
    """Return the notices about an alert, oldest first."""
    with conn.cursor(row_factory=class_row(Notice)) as cursor:
        return cursor.execute(SQL["list_notices"], {"alert_id": alert_id}).fetchall()


def next_due(conn: Connection[Any], only: Sequence[str] | None = None) -> datetime | None:
    """Return when the next notice of these channels wants to be delivered, None when none waits."""
    row = conn.execute(SQL["next_due"], _channels(only)).fetchone()
    return None if row is None else row[0]


def _channels(only: Sequence[str] | None) -> dict[str, Any]:
    return {"channels": list(ELSEWHERE if only is None else only), "is_only": only is not None}


def withhold_pending(conn: Connection[Any], reason: str, now: datetime) -> int:
    """Withhold every notice that is due, saying why; return how many."""
    return conn.execute(SQL["withhold_pending"], {"reason": reason, "now": now}).rowcount


def list_dead(conn: Connection[Any], since: datetime, limit: int) -> list[Notice]:
    """Return the notices that were given up since then, latest first."""
    with conn.cursor(row_factory=class_row(Notice)) as cursor:
        return cursor.execute(SQL["list_dead"], {"since": since, "limit": limit}).fetchall()


def revive(conn: Connection[Any], notice_id: int, now: datetime) -> bool:
    """Try a dead notice again from the start; return whether it was dead."""
    is_revived = conn.execute(SQL["revive"], {"id": notice_id, "now": now}).rowcount == 1
    if is_revived:
        wake(conn)
    return is_revived
