"""The scripts of a production server, run for real: secrets, the login of the database, the watch over the broker."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from database.embedded import EmbeddedServer
from database.migrate import migrate
from database.pool import connect, open_pool
from ingest.broker import ACCOUNTS, DEVICE_ACCESS
from ingest.credentials import hash_secret
from tests.parts import lacking

TOP = Path(__file__).resolve().parents[3]
SCRIPTS = [path for path in sorted((TOP / "deploy").rglob("*")) if path.is_file() and path.read_bytes().startswith(b"#!")]


@pytest.mark.parametrize("script", [*SCRIPTS, TOP / ".ci/run"], ids=lambda path: path.name)
def test_scripts_are_read_by_their_shells(script: Path) -> None:
    shell = "bash" if "bash" in script.read_text().splitlines()[0] else "sh"
    done = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    subprocess.run(["bash", str(TOP / "deploy/make-secrets"), str(tmp_path / "secrets")], check=True, capture_output=True)
    return tmp_path / "secrets"


def test_secrets_are_made_once_and_closed_to_others(secrets: Path) -> None:
    made = {path.name: path.read_text() for path in secrets.iterdir()}
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert made["database_password"] in made["database_url"]
    assert made["database_owner_password"] in made["database_owner_url"]
    assert made["mqtt_ingest_password"] in made["mqtt_url"]
    assert (
        len({made[name] for name in ("database_password", "database_owner_password", "mqtt_ingest_password", "turn_secret")})
        == 4
    )
    (secrets / "turn_secret").unlink()
    subprocess.run(["bash", str(TOP / "deploy/make-secrets"), str(secrets)], check=True, capture_output=True)
    again = {path.name: path.read_text() for path in secrets.iterdir()}
    assert again.pop("turn_secret") != made.pop("turn_secret")
    assert again == made


def test_the_applications_login_is_made_on_the_first_start(secrets: Path, tmp_path: Path) -> None:
    """As the database's image runs it: then migrate, then everything works as that login, and no more than that."""
    server = EmbeddedServer(tmp_path / "data", {"fsync": "off"})
    with server:
        url = server.url()
        given = conninfo_to_dict(url)
        environment = {
            "PATH": f"{server.installation.programs}:/usr/bin:/bin",
            "PGHOST": str(given["host"]),
            "POSTGRES_USER": "postgres",
            "POSTGRES_DB": "wardlight",
            "SECRETS": str(secrets),
        }
        subprocess.run(["sh", str(TOP / "deploy/timescaledb/10-login.sh")], env=environment, check=True, capture_output=True)
        migrate(url)
        password = (secrets / "database_password").read_text()
        with (
            open_pool(make_conninfo("", **given | {"user": "wardlight", "password": password})) as pool,
            pool.connection() as conn,
        ):
            assert conn.execute("SELECT session_user, current_user").fetchone() == ("wardlight", "wardlight_app")
            with pytest.raises(errors.InsufficientPrivilege):
                conn.execute("SET ROLE wardlight_owner")
        with connect(url, role=None) as conn:
            (stored,) = conn.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'wardlight'").fetchone() or ("",)
            assert stored.startswith("SCRAM-SHA-256$")
    server.remove()


def test_the_access_list_is_the_one_that_the_embedded_broker_has() -> None:
    lines = [line for line in (TOP / "deploy/mosquitto/acl").read_text().splitlines() if line and not line.startswith("#")]
    expected = [line for account, rules in ACCOUNTS.items() for line in (f"user {account}", *rules)]
    assert lines == [*expected, *DEVICE_ACCESS]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """Run watch.sh over folders of the test's own and the installed Mosquitto; give the port and the shared password file."""
    if os.geteuid() != 0:
        lacking("only root runs the broker's container script, which gives files to the broker's account")
    if shutil.which("mosquitto_passwd") is None or shutil.which("mosquitto_sub") is None:
        lacking("mosquitto and mosquitto-clients: apt-get install mosquitto mosquitto-clients")
    top = Path(f"/tmp/wardlight-watch-{os.getpid()}")
    for folder in ("data", "config", "secrets"):
        (top / folder).mkdir(parents=True)
    broker = pwd.getpwnam("mosquitto")
    os.chown(top / "data", broker.pw_uid, broker.pw_gid)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (top / "secrets/mqtt_ingest_password").write_text("ingest-secret")
    for name in ("mqtt_certificate", "mqtt_key"):
        (top / "secrets" / name).write_text("only copied here")
    shutil.copy(TOP / "deploy/mosquitto/acl", top / "config/acl")
    # Debian's Mosquitto is 2.0: without the plugin of 2.1, and without TLS, which needs a certificate
    unknown = ("plugin", "listener", "certfile", "keyfile", "tls_version")
    kept = [line for line in (TOP / "deploy/mosquitto/mosquitto.conf").read_text().splitlines() if not line.startswith(unknown)]
    configuration = "\n".join([f"listener {port} 127.0.0.1", *kept, ""]).replace("/mosquitto/", f"{top}/")
    (top / "config/mosquitto.conf").write_text(configuration)
    script = (
        (TOP / "deploy/mosquitto/watch.sh")
        .read_text()
        .replace("/mosquitto/", f"{top}/")
        .replace("/run/secrets", f"{top}/secrets")
    )
    (top / "watch.sh").write_text(script)
    process = subprocess.Popen(["sh", str(top / "watch.sh")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port, top / "credentials/passwords"
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(top)


def is_let_in(port: int, user: str, secret: str) -> bool:
    command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-i", user, "-u", user, "-P", secret]
    return subprocess.run([*command, "-t", "any", "-m", "x"], capture_output=True, check=False).returncode == 0


def within(seconds: float, port: int, user: str, secret: str, expected: bool) -> bool:
    until = time.monotonic() + seconds
    while is_let_in(port, user, secret) is not expected:
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def test_a_device_that_another_container_adds_or_revokes_is_known_at_once(watched: tuple[int, Path]) -> None:
    port, passwords = watched
    assert within(10, port, "ingest", "ingest-secret", expected=True)
    assert not is_let_in(port, "scale-1", "its-secret")
    before = passwords.read_text()
    passwords.write_text(f"{before}scale-1:{hash_secret('its-secret')}\n")
    assert within(5, port, "scale-1", "its-secret", expected=True)
    passwords.write_text(before)
    assert within(5, port, "scale-1", "its-secret", expected=False)
    assert is_let_in(port, "ingest", "ingest-secret")
