"""The embedded broker: a real Mosquitto on loopback for `wardlight up` and the tests.

Writes its configuration, accounts and access list under one folder, starts it, and lets devices in and out of it while it runs.
A production broker is configured by `deploy/`; the same `ingest/credentials.py` writes its password file.
Carries readings and never looks at one.
"""

import json
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from ingest.credentials import PROBE, PasswordFile, new_secret
from ingest.mosquitto import Mosquitto, get_mosquitto
from ingest.mqtt import BrokerAddress
from ingest.probe import await_file, is_let_in

#: accounts that are no device, and the access-list lines of each
ACCOUNTS: Final[Mapping[str, Sequence[str]]] = {
    "ingest": (
        "topic read wardlight/#",
        "topic read home/#",
        "topic write wardlight/v1/+/ack",
        "topic write wardlight/v1/+/command",
    ),
    "theengs": ("topic readwrite home/#",),
}

#: what every device may do, %u being its own id; also what `deploy/mosquitto/acl` must say
DEVICE_ACCESS: Final = (
    "pattern write wardlight/v1/%u/readings",
    "pattern write wardlight/v1/%u/state",
    "pattern read wardlight/v1/%u/ack",
    "pattern read wardlight/v1/%u/command",
)

# Each limit is spelled out because Mosquitto's own defaults lose readings silently at this rate:
# 1000 queued messages overflow without a word, 20 in flight cap acknowledgement after commit at 400 messages a second,
# message_size_limit drops a message yet acknowledges it. The client id is always the user name, so that no client
# can take over another's session.
_CONFIGURATION = """\
listener {port} 127.0.0.1
allow_anonymous false
use_username_as_clientid true
password_file passwords
acl_file acl
persistence true
persistence_location ./
persistence_file mosquitto.db
autosave_interval {autosave}
queue_qos0_messages true
max_queued_messages 2000000
max_queued_bytes 0
max_inflight_messages 20000
max_inflight_bytes 0
max_packet_size 307200
set_tcp_nodelay true
connection_messages false
log_dest file mosquitto.log
log_type error
log_type warning
log_type notice
user {user}
"""

_START_SECONDS = 10.0
_STOP_SECONDS = 30.0


class BrokerError(Exception):
    """The broker did not start; the message quotes its last words."""


class EmbeddedBroker:
    """One Mosquitto whose data live in one folder; `start` again on that folder goes on where it stopped."""

    def __init__(
        self, data_dir: Path, port: int = 0, *, autosave_seconds: int = 10, accounts: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """Prepare a broker; port 0 takes a free one. `accounts` adds users that are no device, with access-list lines each."""
        self._dir = data_dir.absolute()
        self._autosave = autosave_seconds
        self._accounts = {**ACCOUNTS, **(accounts or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._mosquitto: Mosquitto | None = None
        self._given_port = port
        self.port = port

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop it."""
        self.stop()

    @property
    def credentials(self) -> PasswordFile:
        """The devices that this broker lets in."""
        return embedded_credentials(self._dir, frozenset(self._accounts))

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def url(self, user: str = "ingest", secret: str | None = None) -> str:
        """Return the address for an account, or for a device with its secret."""
        secret = self._secrets()[user] if secret is None else secret
        return f"mqtt://{user}:{quote(secret, safe='')}@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start and wait until it lets its accounts in; raises BrokerError or MosquittoMissing."""
        if self.pid:
            return
        self._mosquitto = self._mosquitto or get_mosquitto(program_cache())
        user = _unprivileged_user()
        self._dir.mkdir(parents=True, exist_ok=True)
        for attempt in range(5):
            if not self.port:
                self.port = _free_port()
            self._write_files(user)
            self._process = self._spawn(user)
            if self._await_ready():
                return
            if self._given_port or attempt == 4:
                break
            self.port = 0
        raise BrokerError(f"Mosquitto did not start on 127.0.0.1:{self.port}: {self.last_words()}")

    def stop(self) -> None:
        """Stop it in order: what it holds is written to its folder first."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a crash would: what it took since its last autosave is gone."""
        self._end(signal.SIGKILL)

    def last_words(self) -> str:
        """Return the end of its log."""
        log = self._dir / "mosquitto.log"
        lines = log.read_bytes()[-2000:].decode(errors="replace").splitlines()[-3:] if log.exists() else []
        return " / ".join(lines) or "it said nothing"

    def restart(self) -> None:
        """Stop and start it on the same port."""
        self.stop()
        self.start()

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        (self._dir / "broker.json").unlink(missing_ok=True)

    def _secrets(self) -> dict[str, str]:
        """Return the accounts' secrets, made once and kept for whoever may read the folder's owner files."""
        path = self._dir / "accounts.json"
        kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        if missing := set(self._accounts) - set(kept):
            kept |= {account: new_secret() for account in missing}
            path.touch(mode=0o600)
            path.write_text(json.dumps(kept))
        return kept

    def _write_files(self, user: str) -> None:
        access = [line for account, lines in self._accounts.items() for line in (f"user {account}", *lines, "")]
        (self._dir / "acl").write_text("\n".join([*access, *DEVICE_ACCESS, ""]))
        configuration = _CONFIGURATION.format(port=self.port, autosave=self._autosave, user=user)
        (self._dir / "mosquitto.conf").write_text(configuration)
        for name in ("acl", "mosquitto.conf"):
            (self._dir / name).chmod(0o640)
        if os.geteuid() == 0:
            owner = pwd.getpwnam(user)
            for path in (self._dir, *(self._dir / name for name in ("acl", "mosquitto.conf", "mosquitto.db", "mosquitto.log"))):
                if path.exists():
                    os.chown(path, owner.pw_uid, owner.pw_gid)
        self.credentials.set_accounts(self._secrets())

    def _spawn(self, user: str) -> subprocess.Popen[bytes]:
        """Start the program inside its folder, so that no folder above it needs to be open to the unprivileged user."""
        assert self._mosquitto is not None
        root = os.geteuid() == 0
        process = subprocess.Popen(
            [*_with_parent(), str(self._mosquitto.program), "-c", "mosquitto.conf"],
            cwd=self._dir,
            env=self._mosquitto.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=user if root else None,
            group=pwd.getpwnam(user).pw_gid if root else None,
            extra_groups=[] if root else None,
            start_new_session=True,
        )
        (self._dir / "broker.json").write_text(json.dumps({"pid": process.pid, "port": self.port}))
        return process

    def _await_ready(self) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while self.pid and time.monotonic() < deadline:
            if is_let_in("127.0.0.1", self.port, PROBE, "") is not None:  # a refusal is an answer too
                return True
            time.sleep(0.02)
        self.kill()
        return False


def program_cache() -> Path:
    """Return the folder that Mosquitto is unpacked into where it is not installed."""
    return Path.home() / ".cache/wardlight/mosquitto"


def embedded_credentials(data_dir: Path, accounts: frozenset[str] = frozenset(ACCOUNTS)) -> PasswordFile:
    """Return the devices of the embedded broker in this folder, whichever process runs it; changes reach it live."""

    def reload(probe: str) -> None:
        try:
            running = json.loads((data_dir / "broker.json").read_text())
        except FileNotFoundError:
            return  # not running: it reads the file when it starts
        if not _is_mosquitto(running["pid"]):
            return  # it crashed and left its note behind
        os.kill(running["pid"], signal.SIGHUP)
        await_file(
            lambda user, secret: is_let_in("127.0.0.1", running["port"], user, secret), probe, f"the broker in {data_dir}"
        )

    return PasswordFile(data_dir / "passwords", reload, accounts)


def watched_credentials(path: Path, mqtt_url: str, ca_file: str = "") -> PasswordFile:
    """Return the devices of a broker elsewhere, which watches this password file and reads it again when it changes."""
    address = BrokerAddress.parse(mqtt_url, ca_file)
    tls = ssl.create_default_context(cafile=ca_file or None) if address.tls else None

    def reload(probe: str) -> None:
        where = f"the broker at {address.host}:{address.port}"
        await_file(lambda user, secret: is_let_in(address.host, address.port, user, secret, tls), probe, where)

    return PasswordFile(path, reload, frozenset(ACCOUNTS))


def stop_embedded(data_dir: Path) -> None:
    """Stop the broker of this folder, whoever started it; nothing happens when none runs."""
    try:
        pid: int = json.loads((data_dir / "broker.json").read_text())["pid"]
    except FileNotFoundError:
        return
    deadline = time.monotonic() + _STOP_SECONDS
    while _is_mosquitto(pid) and time.monotonic() < deadline:
        os.kill(pid, signal.SIGTERM)
        time.sleep(0.1)
    (data_dir / "broker.json").unlink(missing_ok=True)


def _unprivileged_user() -> str:
    """Return the user that Mosquitto runs as: root steps down to Debian's `mosquitto`, else to `nobody`."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "mosquitto" if "mosquitto" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_mosquitto(pid: int) -> bool:
    """Say whether this process is a Mosquitto, so that a stale note never sends a signal to a stranger."""
    said = subprocess.run(["ps", "-p", str(pid), "-o", "comm="], capture_output=True, text=True, check=False).stdout
    return said.strip().rpartition("/")[2] == "mosquitto"


def _with_parent() -> list[str]:
    """Return what has Linux end a program together with the thread that starts it; `wardlight keep` does so everywhere else."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return [setpriv, "--pdeathsig", "TERM"] if setpriv else []
