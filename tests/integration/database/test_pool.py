"""Connections: whom they act as, what they wait for, and what happens when the server goes away."""

from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from database.embedded import EmbeddedServer
from database.features import detect
from database.migrate import migrate
from database.pool import DatabaseUnreachable, connect, open_pool
from tests.clusters import Cluster


def test_a_connection_acts_as_the_application_in_utc_and_with_limits(database_url: str) -> None:
    with connect(database_url) as conn:
        shown = [
            conn.execute(f"SHOW {name}".encode()).fetchone()
            for name in ("role", "timezone", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        ]
        assert shown == [("wardlight_app",), ("UTC",), ("30s",), ("10s",), ("1min",)]
        conn.rollback()
        conn.autocommit = True
        conn.execute("DISCARD ALL")
        assert conn.execute("SELECT current_user").fetchone() == ("wardlight_app",)


def test_the_owners_connection_has_no_limits(plain_database_url: str) -> None:
    with connect(plain_database_url, role="wardlight_owner") as conn:
        assert conn.execute("SELECT current_user").fetchone() == ("wardlight_owner",)
    with connect(plain_database_url, role=None) as conn:
        assert conn.execute("SHOW statement_timeout").fetchone() == ("0",)


def test_a_pool_gives_such_connections_and_rolls_back_what_raised(plain_database_url: str) -> None:
    insert = "INSERT INTO audit (at, action, object) VALUES (now(), 'tried', 'x')"
    with open_pool(plain_database_url, max_size=2) as pool:
        with pytest.raises(errors.DivisionByZero), pool.connection() as conn:
            conn.execute(insert + "; SELECT 1 / 0")
        with pool.connection() as conn:
            assert conn.execute("SELECT current_user, count(*) FROM audit").fetchone() == ("wardlight_app", 0)


def test_options_in_the_url_are_kept(plain_database_url: str) -> None:
    with connect(plain_database_url + "&options=-c%20work_mem%3D7MB&application_name=probe") as conn:
        assert conn.execute("SHOW work_mem").fetchone() == ("7MB",)
        assert conn.execute("SHOW application_name").fetchone() == ("probe",)
        assert conn.execute("SELECT current_user").fetchone() == ("wardlight_app",)


def test_a_locked_row_is_not_waited_for_for_ever(plain_database_url: str) -> None:
    with connect(plain_database_url) as one, connect(plain_database_url) as two:
        one.execute("SELECT pg_advisory_xact_lock(1)")
        two.execute("SET LOCAL lock_timeout = '100ms'")
        with pytest.raises(errors.LockNotAvailable):
            two.execute("SELECT pg_advisory_xact_lock(1)")


def test_a_database_that_was_not_prepared_says_so(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "data", {"fsync": "off"})
    with server, pytest.raises(DatabaseUnreachable, match="run `wardlight migrate`"):
        open_pool(server.url())
    server.remove()


def test_an_error_names_the_server_and_never_the_password() -> None:
    with pytest.raises(DatabaseUnreachable, match=r"'house' at 127\.0\.0\.1.*WARDLIGHT_DATABASE_URL") as caught:
        open_pool("postgresql://someone:hunter2@127.0.0.1:1/house")
    assert "hunter2" not in str(caught.value)


def test_a_pool_heals_after_the_server_crashed(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "data", {"fsync": "off"})
    try:
        server.start()
        migrate(server.url())
        with open_pool(server.url(), max_size=2) as pool:
            with pool.connection() as conn:
                conn.execute("SELECT 1")
            server.stop("immediate")
            server.start()
            for _ in range(4):
                with pool.connection() as conn:
                    assert conn.execute("SELECT current_user").fetchone() == ("wardlight_app",)
    finally:
        server.remove()


def test_the_edition_is_what_the_cluster_has(cluster: Cluster, database_url: str) -> None:
    with psycopg.connect(database_url) as conn:
        found = detect(conn)
    assert (found.edition == "plain") == (cluster.kind == "plain") == (found.timescaledb_version is None)
    assert int(found.server_version.split(".")[0]) >= 16
