"""The migration runner on real servers: what it applies, what it refuses, and runners that meet."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from database import migrate as runner
from database.features import detect
from database.migrate import MIGRATIONS, MigrationError, migrate, pending
from database.pool import DatabaseUnreachable, connect
from tests.clusters import Cluster

FIRST = "CREATE TABLE first (id int);"


def folder_of(path: Path, **files: str) -> Path:
    path.mkdir(exist_ok=True)
    for name, text in files.items():
        (path / f"{name}.sql").write_text(text)
    return path


def test_an_empty_database_gets_every_file_once(cluster: Cluster) -> None:
    with cluster.fresh_database(migrated=False) as url:
        applied = migrate(url)
        assert [name for name in applied if "/" not in name] == sorted(path.name for path in MIGRATIONS.glob("*.sql"))
        assert migrate(url) == []
        with connect(url) as conn:
            assert pending(conn) == []


def test_each_edition_gets_its_own_steps(cluster: Cluster) -> None:
    with cluster.fresh_database(migrated=False) as url:
        applied = [name for name in migrate(url) if "/" in name]
        with connect(url) as conn:
            edition = detect(conn).edition
        expected = {"plain": [], "apache": ["timescale/hypertable.sql"]}
        expected["community"] = ["timescale/hypertable.sql", "timescale/community.sql"]
        assert applied == expected[edition]
        assert (edition == "plain") == (cluster.kind == "plain")


def test_everything_belongs_to_the_owner_role(connection: Connection[Any]) -> None:
    owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert owners == [("wardlight_owner",)]


def test_before_the_first_run_everything_is_pending(plain_cluster: Cluster) -> None:
    with plain_cluster.fresh_database(migrated=False) as url, connect(url, role=None) as conn:
        assert pending(conn)[0] == "0001_create_house.sql"


def test_a_failing_file_leaves_nothing_behind_and_names_its_line(plain_cluster: Cluster, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, **{"0001_first": FIRST, "0002_broken": "CREATE TABLE half (id int);\n\nSELECT nonsense;"})
    with plain_cluster.fresh_database(migrated=False) as url:
        with pytest.raises(MigrationError, match=r'0002_broken\.sql, line 3: column "nonsense" does not exist'):
            migrate(url, folder=folder)
        with connect(url, role=None) as conn:
            assert conn.execute("SELECT to_regclass('first')::text, to_regclass('half')::text").fetchone() == ("first", None)
        folder_of(tmp_path, **{"0002_broken": "CREATE TABLE whole (id int);"})
        assert migrate(url, folder=folder) == ["0002_broken.sql"]


def test_a_changed_released_file_is_refused(plain_cluster: Cluster, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, **{"0001_first": FIRST})
    with plain_cluster.fresh_database(migrated=False) as url:
        migrate(url, folder=folder)
        folder_of(tmp_path, **{"0001_first": FIRST + " -- touched"})
        with pytest.raises(MigrationError, match=r"0001_first\.sql is not the file that this database ran"):
            migrate(url, folder=folder)


def test_a_database_of_a_newer_release_is_refused(plain_cluster: Cluster, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, **{"0001_first": FIRST, "0002_second": "CREATE TABLE second (id int);"})
    with plain_cluster.fresh_database(migrated=False) as url:
        migrate(url, folder=folder)
        (folder / "0002_second.sql").unlink()
        with pytest.raises(MigrationError, match="install the newer Wardlight"):
            migrate(url, folder=folder)


def test_runners_that_meet_apply_each_file_once(plain_cluster: Cluster, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, **{"0001_slow": "SELECT pg_sleep(0.3); CREATE TABLE slow (id int);"})
    with plain_cluster.fresh_database(migrated=False) as url, ThreadPoolExecutor(4) as together:
        results = list(together.map(lambda _: migrate(url, folder=folder), range(4)))
    assert sorted(results) == [[], [], [], ["0001_slow.sql"]]


def test_databases_of_one_cluster_share_the_roles(
    plain_cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Roles belong to the cluster: runners in several databases race to create them, and every one gets through."""
    names = ("race_owner", "race_app")
    renamed = {
        name: text.replace("wardlight_owner", names[0]).replace("wardlight_app", names[1]) for name, text in runner.SQL.items()
    }
    monkeypatch.setattr(runner, "SQL", renamed)
    roles = {role.replace("wardlight", "race"): statements for role, statements in runner._ROLES.items()}
    monkeypatch.setattr(runner, "_ROLES", roles)
    folder = folder_of(tmp_path, **{"0001_first": FIRST})
    with (
        plain_cluster.fresh_database(migrated=False) as one,
        plain_cluster.fresh_database(migrated=False) as two,
        plain_cluster.fresh_database(migrated=False) as three,
        ThreadPoolExecutor(3) as together,
    ):
        urls = [one, two, three]
        assert list(together.map(lambda url: migrate(url, folder=folder), urls)) == [["0001_first.sql"]] * 3
    with connect(plain_cluster.server.url("postgres"), role=None, autocommit=True) as conn:
        conn.execute("DROP ROLE race_owner")
        conn.execute("DROP ROLE race_app")


def test_a_login_without_rights_is_told_what_it_needs(plain_cluster: Cluster) -> None:
    with plain_cluster.fresh_database(migrated=False) as url:
        with connect(url, role=None, autocommit=True) as conn:
            conn.execute("CREATE ROLE powerless LOGIN")
        try:
            with pytest.raises(MigrationError, match="GRANT wardlight_owner TO this login"):
                migrate(url.replace("postgres@", "powerless@"))
        finally:
            with connect(url, role=None, autocommit=True) as conn:
                conn.execute("DROP ROLE powerless")


def test_an_absent_server_is_named() -> None:
    with pytest.raises(DatabaseUnreachable, match=r"cannot open the database 'house' at 127\.0\.0\.1"):
        migrate("postgresql://127.0.0.1:1/house")
