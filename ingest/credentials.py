"""Device credentials: who may speak to the broker, as lines of Mosquitto's password file.

The file is the whole truth about devices at the broker; the broker reads it again when it is told to (`reload`), which also
cuts the live connection of every device whose line is gone or changed. Secrets are handed out once and only their hashes are
written. Never talks to a broker itself: that is `ingest/broker.py`, or the watcher beside a broker in another container.
"""

import base64
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

#: what a device id may look like: it stands in a topic, a user name and a line of the password file
DEVICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

#: user whose secret changes with every version of the file, so that a connection under it proves which version is in force
PROBE = "wardlight-probe"

#: rounds of PBKDF2, as mosquitto_passwd uses; secrets are 128 random bits, which no stretching makes harder to guess
_ROUNDS = 101


class CredentialsError(Exception):
    """A credential cannot be written or did not take effect; the message names it and the way out."""


class Credentials(Protocol):
    """What may be done to the devices that a broker knows. Each call returns when the broker obeys it."""

    def add(self, device_id: str, secret: str) -> None:
        """Let one device in; a device that is already known gets this secret."""

    def add_many(self, secrets_by_device: Mapping[str, str]) -> None:
        """Let many devices in at the price of one."""

    def revoke(self, device_id: str) -> None:
        """Shut a device out and cut its connection; nothing happens when it is unknown."""

    def rotate(self, device_id: str) -> str:
        """Replace a known device's secret, cut its connection and return the new one."""


def new_secret() -> str:
    """Return 128 random bits as text that needs no quoting in a URL."""
    return secrets.token_urlsafe(16)


def hash_secret(secret: str) -> str:
    """Return a secret as Mosquitto's password file holds it (`$7$`: PBKDF2 with SHA-512)."""
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, _ROUNDS)
    return f"$7${_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def check_device_id(device_id: str) -> None:
    """Raise CredentialsError for an id that cannot stand in a topic."""
    if not DEVICE_ID.fullmatch(device_id):
        raise CredentialsError(
            f"{device_id!r} cannot be a device id: use up to 64 letters, digits, '-', '_' and '.', the first a letter or digit"
        )


class PasswordFile:
    """Credentials kept in one password file that several processes may change."""

    def __init__(self, path: Path, reload: Callable[[str], None], reserved: frozenset[str] = frozenset()) -> None:
        """Keep credentials in `path`.

        `reload` is called with the probe's secret after each change and returns when the broker obeys the new file;
        `reserved` are the users that are no device.
        """
        self._path = path
        self._reload = reload
        self._reserved = reserved | {PROBE}

    def add(self, device_id: str, secret: str) -> None:
        """Let one device in; a device that is already known gets this secret."""
        self.add_many({device_id: secret})

    def add_many(self, secrets_by_device: Mapping[str, str]) -> None:
        """Let many devices in at the price of one (10,000 take about a second)."""
        for device_id in secrets_by_device:
            self._check_free(device_id)
        with self._changed() as lines:
            lines.update((device_id, hash_secret(secret)) for device_id, secret in secrets_by_device.items())

    def revoke(self, device_id: str) -> None:
        """Shut a device out and cut its connection; nothing happens when it is unknown."""
        self._check_free(device_id)
        with self._changed() as lines:
            lines.pop(device_id, None)

    def rotate(self, device_id: str) -> str:
        """Replace a known device's secret, cut its connection and return the new one; raises CredentialsError if unknown."""
        self._check_free(device_id)
        secret = new_secret()
        with self._changed() as lines:
            if device_id not in lines:
                raise CredentialsError(f"the broker knows no device {device_id!r}: add it first")
            lines[device_id] = hash_secret(secret)
        return secret

    def known(self) -> frozenset[str]:
        """Return the ids of the devices that are let in."""
        return frozenset(self._read()) - self._reserved

    def set_accounts(self, accounts: Mapping[str, str]) -> None:
        """Write the secrets of the reserved users, as the broker's own start does."""
        with self._changed() as lines:
            lines.update((user, hash_secret(secret)) for user, secret in accounts.items())

    def _check_free(self, device_id: str) -> None:
        check_device_id(device_id)
        if device_id in self._reserved:
            raise CredentialsError(f"{device_id!r} is an account of the broker, not a device: choose another id")

    def _read(self) -> dict[str, str]:
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    @contextmanager
    def _changed(self) -> Iterator[dict[str, str]]:
        """Give the lines to change, then write them and wait until they are in force; one process at a time."""
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lines = self._read()
            before = dict(lines)
            yield lines
            if lines == before:
                return
            probe = new_secret()
            lines[PROBE] = hash_secret(probe)
            self._write(lines)
            self._reload(probe)

    def _write(self, lines: Mapping[str, str]) -> None:
        """Replace the file in one step; it stays readable for whoever owns its folder, which is the broker."""
        new = self._path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o640)
            file.write("".join(f"{user}:{line}\n" for user, line in sorted(lines.items())))
            file.flush()
            os.fsync(file.fileno())
        folder = self._path.parent.stat()
        if os.geteuid() == 0:
            os.chown(new, folder.st_uid, folder.st_gid)
        new.replace(self._path)
