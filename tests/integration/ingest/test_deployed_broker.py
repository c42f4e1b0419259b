"""The production broker's files, run for real: its watcher lets devices in and out, its limits are the embedded one's."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import broker as embedded
from ingest.broker import watched_credentials
from ingest.credentials import CredentialsError, new_secret
from ingest.mosquitto import get_mosquitto
from ingest.probe import is_let_in

DEPLOY = Path(__file__).parents[3] / "deploy/mosquitto"
INGEST = "a secret of ingest"


@pytest.fixture
def deployed(mosquitto: None, tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """Run deploy/mosquitto/start on a free port; gives the shared folder and the port."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    shared, own, accounts = (tmp_path / name for name in ("shared", "own", "secrets"))
    for folder in (shared, own, accounts):
        folder.mkdir()
    (accounts / "mqtt_ingest").write_text(INGEST)
    text = (DEPLOY / "mosquitto.conf").read_text()
    tls, plain = text.index("listener 8883"), text.index("allow_anonymous")
    text = (
        (text[:tls] + text[plain:])
        .replace("listener 1883", f"listener {port} 127.0.0.1")
        .replace("user mosquitto", "user root")
    )
    for inside, outside in (("/mosquitto/own", own), ("/mosquitto/config", DEPLOY), ("/mosquitto/data", tmp_path)):
        text = text.replace(inside, str(outside))
    (tmp_path / "mosquitto.conf").write_text(text)
    program = get_mosquitto(embedded.program_cache()).program
    environment = os.environ | {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "SHARED": str(shared),
        "OWN": str(own),
        "CONFIG": str(tmp_path / "mosquitto.conf"),
        "ACCOUNTS": str(accounts),
    }
    process = subprocess.Popen([DEPLOY / "start"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while is_let_in("127.0.0.1", port, "ingest", INGEST) is None:
        assert time.monotonic() < deadline and process.poll() is None, "it did not start"
        time.sleep(0.02)
    yield shared, port
    process.terminate()
    assert process.wait(10) == 0


def test_the_watcher_lets_devices_in_and_out(deployed: tuple[Path, int]) -> None:
    shared, port = deployed
    devices = watched_credentials(shared / "passwords", f"mqtt://ingest:x@127.0.0.1:{port}")
    secret = new_secret()
    began = time.monotonic()
    devices.add("a1", secret)
    assert is_let_in("127.0.0.1", port, "a1", secret)
    assert is_let_in("127.0.0.1", port, "ingest", INGEST)
    devices.revoke("a1")
    assert is_let_in("127.0.0.1", port, "a1", secret) is False
    assert time.monotonic() - began < 5


def test_a_broker_that_takes_up_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.probe.WITHIN", 0.2)
    with pytest.raises(CredentialsError, match=r"the broker at 127\.0\.0\.1:1 did not take it up"):
        watched_credentials(tmp_path / "passwords", "mqtt://127.0.0.1:1").add("a1", "secret")


def test_both_brokers_give_the_same_access() -> None:
    said = [line for line in (DEPLOY / "acl").read_text().splitlines() if line and not line.startswith("#")]
    accounts = [line for user, lines in embedded.ACCOUNTS.items() for line in (f"user {user}", *lines)]
    assert said == [*accounts, *embedded.DEVICE_ACCESS]


def test_both_brokers_have_the_same_limits() -> None:
    def limits(text: str) -> set[str]:
        names = ("max_", "queue_", "autosave", "use_username", "allow_anonymous", "persistence true", "set_tcp")
        return {line for line in text.splitlines() if line.startswith(names)}

    assert limits((DEPLOY / "mosquitto.conf").read_text()) == limits(
        embedded._CONFIGURATION.format(port=1, autosave=10, user="x")
    )
