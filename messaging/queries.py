"""What `messaging` asks the database.

Every function takes the caller's connection first and never commits.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from database.sql import load_sql
from messaging.contact import Contact
from messaging.notice import Notice, Settlement

SQL: Final = load_sql(__file__)


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


def claim_due(conn: Connection[Any], *, now: datetime, claim: timedelta, limit: int) -> list[Notice]:
    """Return notices that are due and nobody else has, oldest first; they are ours for the length of the claim."""
    values = {"now": now, "claim": claim, "limit": limit}
    with conn.cursor(row_factory=class_row(Notice)) as cursor:
        return sorted(cursor.execute(SQL["claim_due"], values), key=lambda notice: notice.id)


def settle_notice(conn: Connection[Any], notice_id: int, settlement: Settlement, now: datetime) -> None:
    """Write what became of an attempt; a notice that somebody finished meanwhile stays as it is."""
    conn.execute(SQL["settle_notice"], asdict(settlement) | {"id": notice_id, "now": now})


def next_due(conn: Connection[Any]) -> datetime | None:
    """Return when the next notice wants to be delivered, None when none waits."""
    row = conn.execute(SQL["next_due"]).fetchone()
    return None if row is None else row[0]


def withhold_pending(conn: Connection[Any], reason: str, now: datetime) -> int:
    """Withhold every notice that is due, saying why; return how many."""
    return conn.execute(SQL["withhold_pending"], {"reason": reason, "now": now}).rowcount
