"""Where a local server's files lie, and as whom it runs: PostgreSQL refuses to run as root.

Started by root it runs as another account, which must be able to walk to its files. Where it cannot (a clone under /root,
say), no permission of anybody's folder is loosened: the cluster lies elsewhere and `data_dir/cluster` links to it.
"""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

#: the system account made for servers that root starts
ACCOUNT = "wardlight"


class ServerError(Exception):
    """A local server cannot be prepared, started or stopped; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a server runs as, by number."""

    #: user id, never 0
    uid: int
    #: group id
    gid: int


def choose_account(data_dir: Path) -> Account:
    """Return who runs the server of this folder: oneself; for root the owner of the folder, or the account `wardlight`."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    existing = next(path for path in (data_dir, *data_dir.parents) if path.exists())
    owner = existing.stat().st_uid
    if owner != 0:
        try:
            return Account(owner, pwd.getpwuid(owner).pw_gid)
        except KeyError:
            pass  # initdb needs an account with a name
    return _system_account()


def _system_account() -> Account:
    for attempt in (True, False):
        try:
            found = pwd.getpwnam(ACCOUNT)
            return Account(found.pw_uid, found.pw_gid)
        except KeyError:
            if attempt and (useradd := shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")):
                command = [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
                subprocess.run(command, check=False, capture_output=True)
    raise ServerError(
        f"PostgreSQL does not run as root, and the account {ACCOUNT!r} could not be made: useradd --system {ACCOUNT}"
    )


def is_reachable(path: Path, account: Account) -> bool:
    """Return whether the account may walk through every folder above a path; links are followed."""
    for folder in Path(os.path.realpath(path)).parents:
        state = folder.stat()
        if state.st_uid == account.uid:
            needed = stat.S_IXUSR
        elif state.st_gid == account.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if account.uid != 0 and not state.st_mode & needed:
            return False
    return True


def place(data_dir: Path, account: Account, home: Path | None = None) -> Path:
    """Return the folder of the cluster of `data_dir`, made if missing, owned by the account and closed to others.

    It is `data_dir/cluster`, which links elsewhere where `home` says so or the account could not get there.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    link = data_dir / "cluster"
    if link.is_symlink() and not link.exists():
        raise ServerError(f"{link} links to {link.readlink()}, which is gone: restore it, or remove the link and begin empty")
    if not link.exists():
        if home is None and is_reachable(link, account):
            link.mkdir(mode=0o700)
            give(link, account)
        else:
            link.symlink_to(_make_elsewhere(data_dir, account, home))
    cluster = link.resolve()
    owner = cluster.stat().st_uid
    if owner != account.uid and os.geteuid() != 0:
        raise ServerError(f"{cluster} belongs to user {owner}: start it as that user, or choose another WARDLIGHT_DATA_DIR")
    return cluster


def _make_elsewhere(data_dir: Path, account: Account, home: Path | None) -> Path:
    temporary = Path(tempfile.gettempdir()).resolve()
    if home is None:
        home = temporary if data_dir.resolve().is_relative_to(temporary) else Path("/var/lib/wardlight")
    home.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="wardlight-", dir=home))
    give(made, account)
    return made


def give(path: Path, account: Account) -> None:
    """Make the account the owner of a path, where one may."""
    if os.geteuid() == 0:
        os.chown(path, account.uid, account.gid)


def remove_cluster(data_dir: Path) -> None:
    """Delete a stopped cluster and everything it holds, wherever it lies."""
    link = data_dir / "cluster"
    if link.exists():
        shutil.rmtree(link.resolve())
    if link.is_symlink():
        link.unlink()
