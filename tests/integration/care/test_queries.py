"""Patients and staff in the database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from care import queries
from care.patient import PatientFacts, RecordNumberTaken
from care.staff import EmailTaken, LastAdministrator, Staff

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RUTH = PatientFacts("MRN-1", "Ruth Adeyemi", date(1948, 3, 2), "female", ("heart_failure", "copd"), address="12 Example Street")


def _staff(conn: Connection[Any], email: str, *, is_administrator: bool = False) -> Staff:
    role: Any = "administrator" if is_administrator else "coordinator"
    return queries.add_staff(conn, email=email, name=email, role=role, zone="UTC", now=NOW)


def test_a_patient_comes_back_as_written(connection: Connection[Any]) -> None:
    sam = _staff(connection, "sam@clinic.example")
    added = queries.add_patient(connection, RUTH, NOW)
    assert (added.name, added.birth_date, added.programmes, added.created_at) == (
        "Ruth Adeyemi",
        RUTH.birth_date,
        RUTH.programmes,
        NOW,
    )
    assert queries.find_patient(connection, added.public_id) == added
    assert queries.find_patient_by_record_number(connection, "MRN-1") == added
    assert queries.load_patients(connection, [added.id, 999]) == {added.id: added}
    edited = queries.edit_patient(connection, added.public_id, PatientFacts("MRN-1", "Ruth A.", coordinator_id=sam.id), NOW)
    assert (edited.coordinator, edited.coordinator_name) == (sam.public_id, "sam@clinic.example")
    assert (edited.name, edited.birth_date, edited.programmes, edited.id) == ("Ruth A.", None, (), added.id)


def test_a_taken_record_number_leaves_the_transaction_usable(connection: Connection[Any]) -> None:
    queries.add_patient(connection, RUTH, NOW)
    with pytest.raises(RecordNumberTaken):
        queries.add_patient(connection, RUTH, NOW)
    assert len(queries.list_patients(connection, limit=9)) == 1
    with pytest.raises(LookupError):
        queries.edit_patient(connection, "nobody", PatientFacts("MRN-9", "x"), NOW)


def test_staff_are_found_whatever_the_case(connection: Connection[Any]) -> None:
    sam = _staff(connection, "Sam@Clinic.example")
    assert queries.find_staff_by_email(connection, "sam@clinic.EXAMPLE") == sam == queries.find_staff(connection, sam.public_id)
    with pytest.raises(EmailTaken):
        _staff(connection, "sam@clinic.example")
    queries.save_preferences(connection, sam.id, zone="America/Chicago", units="us", glucose_unit="mmol/L")
    [listed] = queries.list_staff(connection)
    assert (listed.zone, listed.units, listed.glucose_unit) == ("America/Chicago", "us", "mmol/L")


def test_two_administrators_cannot_disable_each_other(pool: ConnectionPool[Connection[Any]]) -> None:
    with pool.connection() as conn:
        both = [_staff(conn, f"{name}@clinic.example", is_administrator=True) for name in ("one", "two")]

    def disable(staff: Staff) -> bool:
        try:
            with pool.connection() as conn:
                queries.disable_staff(conn, staff.id, NOW)
        except LastAdministrator:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(disable, both))
    assert sorted(done) == [False, True]
    with pool.connection() as conn:
        queries.enable_staff(conn, both[0].id)
        queries.enable_staff(conn, both[1].id)
        queries.disable_staff(conn, both[0].id, NOW)
        assert [staff.disabled_at for staff in queries.list_staff(conn)] == [NOW, None]
