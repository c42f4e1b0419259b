"""The embedded server: durable by default, found again, recovered, and harmless to what is not its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from database.embedded import EmbeddedServer, reachable_programs, wheel_package
from database.local_server import LocalServer
from database.placement import ServerError, choose_account, is_reachable
from tests.parts import lacking


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    made = EmbeddedServer(tmp_path / "data")
    made.start()
    yield made
    made.remove()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give a folder that every account reaches, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def ask(server: LocalServer, query: str, database: str = "wardlight") -> object:
    with psycopg.connect(server.url(database), autocommit=True) as conn:
        cursor = conn.execute(query.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def pid_of(server: EmbeddedServer) -> int:
    return int((server.cluster / "pgdata/postmaster.pid").read_text().split()[0])


def test_it_is_durable_private_and_runs_as_nobody_special(server: EmbeddedServer) -> None:
    shown = "SELECT current_setting('fsync') || current_setting('synchronous_commit') || current_setting('full_page_writes')"
    assert ask(server, shown) == "ononon"
    assert ask(server, "SELECT current_setting('listen_addresses')") == ""
    assert (server.cluster / "socket").stat().st_mode & 0o777 == 0o700
    assert server.cluster.stat().st_mode & 0o777 == 0o700
    assert server.cluster.stat().st_uid != 0


def test_text_of_every_language_folds_its_case(server: EmbeddedServer) -> None:
    assert ask(server, "SELECT lower('ÅSA ÖZ')") == "åsa öz"


def test_a_database_is_made_when_it_is_asked_for_and_can_be_a_copy(server: EmbeddedServer) -> None:
    ask(server, "CREATE TABLE kept (id int)", "one")
    server.create_database("two", template="one")
    assert ask(server, "SELECT count(*) FROM kept", "two") == 0
    server.drop_database("two")
    assert ask(server, "SELECT count(*) FROM pg_database WHERE datname = 'two'", "one") == 0


def test_a_second_object_adopts_the_running_server(server: EmbeddedServer) -> None:
    pid = pid_of(server)
    other = EmbeddedServer(server.data_dir)
    other.start()
    assert pid_of(other) == pid
    assert ask(other, "SELECT 1") == 1
    other.stop()
    assert not server.is_running()
    server.start()
    assert ask(server, "SELECT 1") == 1


def test_starters_that_meet_start_one_server(tmp_path: Path) -> None:
    servers = [EmbeddedServer(tmp_path / "data") for _ in range(3)]
    try:
        with ThreadPoolExecutor(3) as together:
            list(together.map(lambda one: one.start(), servers))
        assert len({pid_of(one) for one in servers}) == 1
    finally:
        servers[0].remove()


@pytest.mark.parametrize("how", ["immediate", "kill"])
def test_what_was_committed_survives_a_crash(server: EmbeddedServer, how: str) -> None:
    ask(server, "CREATE TABLE kept (id int)")
    ask(server, "INSERT INTO kept SELECT generate_series(1, 1000)")
    if how == "immediate":
        server.stop("immediate")
    else:
        os.kill(pid_of(server), signal.SIGKILL)
    server.start()
    assert ask(server, "SELECT count(*) FROM kept") == 1000


def test_a_stale_pid_file_with_a_living_stranger_in_it_does_no_harm(server: EmbeddedServer) -> None:
    server.stop()
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        (server.cluster / "pgdata/postmaster.pid").write_text(
            f"{stranger.pid}\n{server.cluster}\n1\n5432\n/tmp\n\n1 1\nready\n"
        )
        assert not server.is_running()
        server.start()
        assert ask(server, "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_interrupted_first_start_is_begun_again(tmp_path: Path) -> None:
    made = EmbeddedServer(tmp_path / "data")
    half = made.cluster / "pgdata.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("16\n")
    with made:
        assert ask(made, "SELECT 1") == 1
    made.remove()


def test_settings_are_postgresqls_own(tmp_path: Path) -> None:
    made = EmbeddedServer(tmp_path / "data", {"fsync": "off", "max_connections": "17"})
    with made:
        assert ask(made, "SELECT current_setting('fsync') || current_setting('max_connections')") == "off17"
    made.remove()


def test_a_setting_it_refuses_is_shown_from_its_log(tmp_path: Path) -> None:
    made = EmbeddedServer(tmp_path / "data", {"shared_buffers": "nonsense"})
    with pytest.raises(ServerError, match=r'(?s)did not start.*invalid value for parameter "shared_buffers"'):
        made.start()
    made.remove()


def test_files_of_another_version_are_refused(server: EmbeddedServer) -> None:
    server.stop()
    (server.cluster / "pgdata/PG_VERSION").write_text("12\n")
    with pytest.raises(ServerError, match="made by PostgreSQL 12, and this is 16"):
        server.start()


def test_a_long_path_is_no_obstacle(tmp_path: Path, open_folder: Path) -> None:
    long = tmp_path / ("a" * 60) / ("b" * 60)
    made = EmbeddedServer(long)
    made.installation = replace(made.installation, home=open_folder / ("c" * 90))
    with made:
        assert len(str(made.cluster / "socket")) > 107
        assert ask(made, "SELECT 1") == 1
        assert ask(EmbeddedServer(long), "SELECT 1") == 1
    made.remove()


def test_stopping_twice_is_stopping(server: EmbeddedServer) -> None:
    server.stop()
    server.stop()
    with pytest.raises(ServerError, match="does not run: start it first"):
        server.url()


def test_programs_out_of_reach_are_copied_once(tmp_path: Path, open_folder: Path) -> None:
    """As where the virtual environment lies under /root."""
    if os.geteuid() != 0:
        lacking("only root starts it as somebody else")
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    for part in (wheel_package(), wheel_package().with_name(f"{wheel_package().name}.libs")):
        shutil.copytree(part, hidden / part.name)
    account = choose_account(tmp_path)
    cache = open_folder / "cache"
    programs = reachable_programs(hidden / wheel_package().name, account, cache)
    assert programs.is_relative_to(cache)
    assert is_reachable(programs / "postgres", account)
    assert reachable_programs(hidden / wheel_package().name, account, cache) == programs
    assert len(list(cache.iterdir())) == 1
    server = EmbeddedServer(tmp_path / "data")
    server.installation = replace(server.installation, programs=programs)
    with server:
        assert ask(server, "SELECT 1") == 1
    server.remove()
