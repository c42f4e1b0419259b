"""The local TimescaleDB: its root is made whole or not at all, and its server lives like the embedded one."""

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from database.debian import TimescaleServer, cached_root, prepare_root, why_not
from database.placement import ServerError
from tests.clusters import CACHE, Cluster
from tests.parts import lacking


@pytest.fixture(autouse=True)
def as_root() -> None:
    if (reason := why_not()) is not None:
        lacking(reason)


@pytest.fixture
def server(timescale_cluster: Cluster, tmp_path: Path) -> Iterator[TimescaleServer]:
    """Give a durable server of the test's own over the root that the session's cluster has prepared."""
    if not cached_root(CACHE).exists():
        lacking("WARDLIGHT_TEST_DATABASE_URL names a server, so no local root was made")
    made = TimescaleServer(cached_root(CACHE), tmp_path / "data")
    made.start()
    yield made
    made.remove()


def ask(server: TimescaleServer, query: str) -> object:
    with psycopg.connect(server.url(), autocommit=True) as conn:
        cursor = conn.execute(query.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def test_what_was_committed_survives_a_crash(server: TimescaleServer) -> None:
    assert ask(server, "SELECT current_setting('fsync')") == "on"
    ask(server, "CREATE EXTENSION timescaledb")
    ask(server, "CREATE TABLE kept AS SELECT generate_series(1, 1000)")
    server.stop("immediate")
    assert not server.is_running()
    server.start()
    assert ask(server, "SELECT count(*) FROM kept") == 1000
    assert ask(server, "SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'") == 1


def test_a_second_object_adopts_it_and_nothing_listens_on_a_network(server: TimescaleServer) -> None:
    other = TimescaleServer(cached_root(CACHE), server.data_dir)
    other.start()
    assert ask(other, "SELECT current_setting('listen_addresses')") == ""
    assert other.cluster == server.cluster
    assert server.cluster.is_relative_to(cached_root(CACHE).resolve())
    other.stop()
    assert not server.is_running()


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the path of a stand-in for mmdebstrap, first on the PATH; the test writes it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder / "mmdebstrap"


def write(script: Path, text: str) -> None:
    script.write_text(f'#!/bin/sh\nfor root; do :; done\nmkdir -p "$root/etc"\n{text}\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)


def test_a_run_that_fails_leaves_no_root(tmp_path: Path, pretend: Path) -> None:
    write(pretend, 'echo "E: no network" >&2; exit 1')
    with pytest.raises(ServerError, match="could not make the root: E: no network"):
        prepare_root(tmp_path / "cache", lambda _: None)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_run_that_was_killed_is_cleared_away_by_the_next(tmp_path: Path, pretend: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = tmp_path / "cache" / f"unfinished-{dead.pid}-x"
    (left / "root/etc").mkdir(parents=True)
    going_on = tmp_path / "cache" / f"unfinished-{os.getpid()}-x"
    going_on.mkdir()
    write(pretend, 'echo "postgres:x:100:102::/:/bin/sh" > "$root/etc/passwd"')
    said: list[str] = []
    root = prepare_root(tmp_path / "cache", said.append)
    assert root == cached_root(tmp_path / "cache")
    assert sorted((tmp_path / "cache").iterdir()) == sorted([root, going_on])
    assert len(said) == 1
    assert TimescaleServer(root, tmp_path / "data").installation.account.uid == 100


def test_a_prepared_root_is_used_as_it_is(tmp_path: Path, pretend: Path) -> None:
    write(pretend, "exit 1")
    cached_root(tmp_path).mkdir()
    assert prepare_root(tmp_path, pytest.fail) == cached_root(tmp_path)


def test_without_mmdebstrap_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError, match="apt-get install mmdebstrap"):
        prepare_root(tmp_path / "cache")


def test_who_is_not_root_is_told_what_else_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("database.debian.os.geteuid", lambda: 1000)
    with pytest.raises(ServerError, match="WARDLIGHT_TEST_DATABASE_URL"):
        TimescaleServer(tmp_path, tmp_path / "data")
