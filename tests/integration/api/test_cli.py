"""The command line as its callers see it: exit codes, what is printed, what is changed. Each command is a real process."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from api.passwords import Passwords
from api.queries import find_credentials
from api.tokens import hash_token
from database.pool import connect
from tests.clusters import Cluster

ROOT = Path(__file__).parents[3]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Give `wardlight` with nothing set but its data folder."""

    def call(*arguments: str, settings: Mapping[str, str] | None = None, typed: str = "") -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WARDLIGHT_")}
        environment |= {"WARDLIGHT_DATA_DIR": str(tmp_path / "var"), "NO_COLOR": "1", "COLUMNS": "200", **(settings or {})}
        command = [sys.executable, "-m", "api", *arguments]
        return subprocess.run(
            command, check=False, cwd=ROOT, env=environment, input=typed, capture_output=True, text=True, timeout=60
        )

    return call


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "says"),
    [
        (["--help"], {}, 0, "Run it"),
        (["replay", "--help"], {}, 0, "Send recorded readings"),
        (["fly"], {}, 2, "No such command 'fly'"),
        (["user", "add"], {}, 2, "Missing"),
        (["user", "add", "a@b.c", "--name", "A", "--role", "king"], {}, 2, "write one of: administrator, coordinator"),
        (["token", "create", "x", "--scope", "all"], {}, 2, "write one of: metrics, api"),
        (["replay", "/nowhere.csv"], {}, 2, "does not exist"),
        (["rules", "backtest", "/nowhere.csv"], {}, 2, "does not exist"),
        (["rules", "backtest", "--answers", "late"], {}, 2, "write 'on time' or 'never'"),
        (["rules", "backtest"], {}, 3, "set WARDLIGHT_DATABASE_URL"),
        (["migrate"], {"WARDLIGHT_DATABASE_POOL": "3"}, 2, "nobody knows the setting WARDLIGHT_DATABASE_POOL"),
        (["migrate"], {"WARDLIGHT_HTTP_PORT": "x"}, 2, "write a whole number"),
        (["migrate"], {}, 3, "set WARDLIGHT_DATABASE_URL"),
        (["serve"], {}, 3, "set WARDLIGHT_DATABASE_URL"),
        (["ingest"], {}, 3, "set WARDLIGHT_DATABASE_URL"),
        (["work"], {}, 3, "set WARDLIGHT_DATABASE_URL"),
        (["migrate"], {"WARDLIGHT_DATABASE_URL": "postgresql://127.0.0.1:1/x"}, 3, "wardlight doctor"),
        (["up", "--database", "oracle"], {}, 1, "write one of embedded, timescale"),
    ],
)
def test_the_exit_code_says_what_kind_of_trouble_it_is(
    run: Run, arguments: list[str], settings: dict[str, str], code: int, says: str
) -> None:
    done = run(*arguments, settings=settings)
    assert done.returncode == code, done.stderr
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_migrate_twice_changes_nothing_the_second_time(run: Run, plain_cluster: Cluster) -> None:
    with plain_cluster.fresh_database(migrated=False) as url:
        first = run("migrate", settings={"WARDLIGHT_DATABASE_URL": url})
        assert first.returncode == 0, first.stderr
        assert "applied 0001_create_house.sql" in first.stdout
        second = run("migrate", settings={"WARDLIGHT_DATABASE_URL": url})
        assert second.stdout == "the database is up to date\n"


@pytest.mark.parametrize("command", ["serve", "ingest", "work"])
def test_nothing_runs_on_a_database_that_was_not_prepared(run: Run, plain_cluster: Cluster, command: str) -> None:
    with plain_cluster.fresh_database(migrated=False) as url:
        done = run(command, settings={"WARDLIGHT_DATABASE_URL": url, "WARDLIGHT_MQTT_URL": "mqtt://a:b@127.0.0.1:1"})
        assert done.returncode == 3, done.stderr
        assert "wardlight migrate" in done.stderr


def test_a_new_user_signs_in_with_the_password_that_is_printed(run: Run, plain_database_url: str) -> None:
    settings = {"WARDLIGHT_DATABASE_URL": plain_database_url}
    done = run("user", "add", "ada@clinic.example", "--name", "Ada", "--role", "administrator", settings=settings)
    assert done.returncode == 0, done.stderr
    given = done.stdout.strip().rpartition(" ")[2]
    with connect(plain_database_url) as conn:
        found = find_credentials(conn, "ada@clinic.example")
    assert found is not None
    assert Passwords().verify(found[1], given).is_right
    again = run("user", "add", "Ada@clinic.example", "--name", "Ada", settings=settings)
    assert again.returncode == 1
    assert "already signs in" in again.stderr


def test_a_password_may_come_from_standard_input_and_is_not_printed(run: Run, plain_database_url: str) -> None:
    settings = {"WARDLIGHT_DATABASE_URL": plain_database_url}
    add = ("user", "add", "bo@clinic.example", "--name", "Bo", "--password-stdin")
    assert "12 to 256 characters" in run(*add, settings=settings, typed="short\n").stderr
    done = run(*add, settings=settings, typed="correct horse battery\n")
    assert done.returncode == 0, done.stderr
    assert "correct" not in done.stdout


def test_a_token_is_printed_once_and_kept_as_a_hash(run: Run, plain_database_url: str) -> None:
    settings = {"WARDLIGHT_DATABASE_URL": plain_database_url}
    token = run("token", "create", "prometheus", settings=settings).stdout.strip()
    with connect(plain_database_url) as conn:
        assert conn.execute("SELECT name, scope FROM api_token WHERE token_hash = %s", (hash_token(token),)).fetchall() == [
            ("prometheus", "metrics")
        ]
    refused = run("token", "create", "x", "--scope", "api", settings=settings)
    assert refused.returncode == 1
    assert "--for EMAIL" in refused.stderr


def test_doctor_says_what_it_found_and_how_to_mend_what_is_missing(run: Run, plain_cluster: Cluster) -> None:
    with plain_cluster.fresh_database(migrated=False) as url:
        before = run(
            "doctor", "--json", settings={"WARDLIGHT_DATABASE_URL": url, "WARDLIGHT_MQTT_URL": "mqtt://a:b@127.0.0.1:1"}
        )
        assert before.returncode == 3
        found = {one["name"]: one for one in json.loads(before.stdout)}
        assert found["Database"]["state"] == "missing"
        assert found["Database"]["mend"] == "wardlight migrate"
        assert found["Broker"]["state"] == "missing"
        assert "127.0.0.1:1" in found["Broker"]["what"]
        run("migrate", settings={"WARDLIGHT_DATABASE_URL": url})
        after = run("doctor", settings={"WARDLIGHT_DATABASE_URL": url})
        assert "✓ Database  PostgreSQL" in after.stdout
        assert "plain: everything works" in after.stdout


def test_doctor_names_the_edition_of_timescale(run: Run, timescale_cluster: Cluster) -> None:
    with timescale_cluster.fresh_database() as url:
        found = {
            one["name"]: one for one in json.loads(run("doctor", "--json", settings={"WARDLIGHT_DATABASE_URL": url}).stdout)
        }
    assert found["Database"]["state"] == "fine"
    assert "TimescaleDB 2." in found["Database"]["what"]
    assert "apache: measurements lie in a hypertable" in found["Database"]["what"]


def test_doctor_changes_nothing(run: Run, tmp_path: Path) -> None:
    run("doctor")
    assert not (tmp_path / "var").exists()


def test_doctor_keeps_secrets_to_itself(run: Run) -> None:
    settings = {
        "WARDLIGHT_DATABASE_URL": "postgresql://me:hunter2@127.0.0.1:1/x",
        "WARDLIGHT_MQTT_URL": "mqtt://me:hunter2@127.0.0.1:1",
    }
    done = run("doctor", settings=settings)
    assert "hunter2" not in done.stdout + done.stderr


def test_a_port_that_is_taken_is_said(run: Run, plain_database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", settings={"WARDLIGHT_DATABASE_URL": plain_database_url, "WARDLIGHT_HTTP_PORT": port})
    assert done.returncode == 3
    assert "set WARDLIGHT_HTTP_PORT" in done.stderr


def test_rules_are_tested_without_a_database(run: Run, tmp_path: Path) -> None:
    shipped = run("rules", "test")
    assert shipped.returncode == 0, shipped.stderr
    assert shipped.stdout.splitlines()[-1].endswith("all hold")
    mine = tmp_path / "mine.toml"
    mine.write_text('[[case]]\nname = "falls"\nevery = "5m"\nseries.spo2 = "97 84 97"\nfires = []\n')
    failed = run("rules", "test", str(mine))
    assert failed.returncode == 1
    assert "spo2_emergency fired at Mon 23 Nov 08:05 (5m), which nothing says it should" in failed.stdout
    assert "1 of 1 fail" in failed.stdout
    mine.write_text('[[case]]\nname = "falls"\nevery = "5m"\nseries.spo2 = "97 eighty"\nfires = []\n')
    refused = run("rules", "test", str(mine))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "mine.toml: case 'falls': series.spo2: 'eighty' is no part of a series" in refused.stderr
    own = tmp_path / "rules"
    own.mkdir()
    (own / "own.toml").write_text("rule = 1")
    assert run("rules", "test", str(mine), "--rules", str(own)).returncode == 2
