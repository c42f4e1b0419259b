"""What the application's role may do, on each edition: deny by default, and nothing measured is rewritten or deleted."""

from typing import Any

import psycopg
import pytest
from psycopg import Connection, errors

from database.pool import connect, open_pool

MEASURE = """
INSERT INTO measurement (device_time, measured_at, received_at, seq, device_id, boot, heart_rate)
VALUES ('2026-11-23 08:00Z', '2026-11-23 08:00Z', '2026-11-23 08:00Z', 1, 1, 1, 71)
"""

#: what the application may do to nothing that was measured, decided or recorded
FORBIDDEN = (
    "DELETE FROM measurement",
    "TRUNCATE measurement",
    "UPDATE measurement SET device_time = now()",
    "UPDATE measurement SET measured_at = now()",
    "UPDATE measurement SET received_at = now()",
    "UPDATE measurement SET flags = NULL",
    "DROP TABLE measurement",
    "ALTER TABLE measurement ADD COLUMN more int",
    "DELETE FROM correction",
    "UPDATE correction SET reason = ''",
    "DELETE FROM alert",
    "DELETE FROM alert_event",
    "UPDATE alert_event SET note = ''",
    "DELETE FROM quarantine",
    "DELETE FROM outbox",
    "DELETE FROM audit",
    "UPDATE audit SET action = ''",
    "DELETE FROM patient",
    "UPDATE ruleset SET rules = '{}'",
    "DELETE FROM schema_migration",
    "UPDATE schema_migration SET checksum = ''",
    "CREATE TABLE mine (id int)",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
)


@pytest.fixture
def measured(connection: Connection[Any]) -> Connection[Any]:
    connection.execute(MEASURE)
    connection.commit()
    return connection


def is_refused(conn: Connection[Any], statement: str) -> bool:
    """Return whether the statement fails for want of a privilege; whatever it does is undone."""
    try:
        with conn.transaction(force_rollback=True):
            conn.execute(statement.encode())
    except errors.InsufficientPrivilege:
        return True
    return False


def test_the_application_may_neither_delete_rewrite_nor_define(measured: Connection[Any]) -> None:
    assert [statement for statement in FORBIDDEN if not is_refused(measured, statement)] == []
    assert not is_refused(measured, "UPDATE measurement SET patient_id = 5")


@pytest.mark.parametrize("change", ["heart_rate = 72", "heart_rate = NULL", "heart_rate = NULL, suspect = 1"])
def test_a_measured_value_is_never_rewritten(measured: Connection[Any], change: str) -> None:
    with pytest.raises(errors.IntegrityConstraintViolation, match="never rewritten"):
        measured.execute(f"UPDATE measurement SET {change}".encode())


def test_a_missing_value_may_be_filled_in_and_a_patient_given(measured: Connection[Any]) -> None:
    measured.execute("UPDATE measurement SET spo2 = 97, suspect = 2")
    measured.execute("UPDATE measurement SET patient_id = 5, heart_rate = 71")
    assert measured.execute("SELECT heart_rate, spo2, suspect, patient_id FROM measurement").fetchone() == (71, 97, 2, 5)


def test_chunks_are_no_way_round(measured: Connection[Any]) -> None:
    chunks = measured.execute("SELECT tableoid::regclass::text FROM measurement").fetchall()
    for (chunk,) in chunks:
        with pytest.raises(errors.InsufficientPrivilege):
            measured.execute(f"DELETE FROM {chunk}".encode())
        measured.rollback()


def test_the_applications_own_login_is_no_more_than_its_role(database_url: str) -> None:
    """In production the login is only a member of wardlight_app: it works, and cannot become the owner."""
    with connect(database_url, role=None, autocommit=True) as conn:
        name = f"login_{conn.info.dbname}"
        conn.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'only-for-this-test' IN ROLE wardlight_app".encode())
    given = psycopg.conninfo.conninfo_to_dict(database_url)
    url = psycopg.conninfo.make_conninfo("", **given | {"user": name, "password": "only-for-this-test"})
    try:
        with open_pool(url, max_size=1) as pool, pool.connection() as conn:
            assert conn.execute("SELECT current_user, session_user").fetchone() == ("wardlight_app", name)
            with pytest.raises(errors.InsufficientPrivilege):
                conn.execute("SET ROLE wardlight_owner")
    finally:
        with connect(database_url, role=None, autocommit=True) as conn:
            conn.execute(f"DROP ROLE {name}".encode())


def test_neither_role_is_privileged(connection: Connection[Any]) -> None:
    query = """
        SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolcanlogin
        FROM pg_roles WHERE rolname IN ('wardlight_owner', 'wardlight_app') ORDER BY 1
    """
    assert connection.execute(query).fetchall() == [
        ("wardlight_app", False, False, False, False, False),
        ("wardlight_owner", False, False, False, False, True),
    ]
