"""What `messaging` asks the database.

Every function takes the caller's connection first and never commits.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from database.sql import load_sql
from messaging.contact import Contact

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
