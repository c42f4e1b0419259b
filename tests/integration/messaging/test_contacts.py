"""How a patient is reached, in the database."""

from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from care.patient import PatientFacts
from care.queries import add_patient
from messaging import queries
from messaging.contact import Contact


def test_a_contact_is_kept_and_replaced(connection: Connection[Any]) -> None:
    patient = add_patient(connection, PatientFacts("MRN-1", "Ruth Adeyemi"), datetime.now(UTC))
    assert queries.load_contact(connection, patient.id) == Contact(patient.id)
    for contact in (
        Contact(patient.id, "+15555550142", "es-MX", "text", "America/Chicago"),
        Contact(patient.id, None, "en", "none", "UTC"),
    ):
        queries.save_contact(connection, contact)
        assert queries.load_contacts(connection, [patient.id, 999]) == {patient.id: contact}
