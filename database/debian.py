"""A real TimescaleDB beside the project: Debian's PostgreSQL 17 with TimescaleDB (Apache edition), run inside a chroot.

`mmdebstrap` makes the root once, in about half a minute, and it is kept in the user's cache. Needs root, for chroot. Its
clusters lie inside the root, linked from the data folder, so clearing the cache clears them too.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from database.local_server import Installation, LocalServer
from database.placement import Account, ServerError

RELEASE = "trixie"
_MAJOR = "17"
_PACKAGE = f"postgresql-{_MAJOR}-timescaledb"
#: no jobs run by themselves (the scheduler would block the cloning of templates), and nothing is reported home
_SETTINGS = {
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    "timescaledb.max_background_workers": "0",
    "dynamic_shared_memory_type": "mmap",
}


class TimescaleServer(LocalServer):
    """Debian's TimescaleDB over one data folder."""

    def __init__(self, root: Path, data_dir: Path, settings: Mapping[str, str] | None = None) -> None:
        """Find the programs in a prepared root; nothing is started. Raises ServerError unless run by root."""
        if (reason := why_not()) is not None:
            raise ServerError(reason)
        root = root.resolve()
        installation = Installation(
            programs=Path(f"/usr/lib/postgresql/{_MAJOR}/bin"),
            major=_MAJOR,
            account=_account_inside(root),
            chroot=root,
            home=root / "var/lib/wardlight",
        )
        super().__init__(data_dir, installation, _SETTINGS | dict(settings or {}))


def why_not() -> str | None:
    """Return why this machine cannot run a TimescaleServer, or None when it can (once its root is prepared)."""
    if os.geteuid() != 0:
        return "the local TimescaleDB runs by chroot, which needs root: set WARDLIGHT_TEST_DATABASE_URL to a server instead"
    return None


def cached_root(cache_dir: Path) -> Path:
    """Return where the root of this release is, or would be, kept."""
    return cache_dir / f"timescale-{RELEASE}"


def prepare_root(cache_dir: Path, progress: Callable[[str], None] = print) -> Path:
    """Return the root with TimescaleDB, made if the cache has none; an interrupted run leaves no half root behind.

    `progress` is told in a line what takes long. Raises ServerError with the end of mmdebstrap's log.
    """
    root = cached_root(cache_dir)
    if root.exists():
        return root
    if (reason := why_not()) is not None:
        raise ServerError(reason)
    if (mmdebstrap := shutil.which("mmdebstrap")) is None:
        raise ServerError("mmdebstrap is missing, which makes the local TimescaleDB: apt-get install mmdebstrap")
    cache_dir.mkdir(parents=True, exist_ok=True)
    _remove_unfinished(cache_dir)
    unfinished = Path(tempfile.mkdtemp(prefix=f"unfinished-{os.getpid()}-", dir=cache_dir))
    try:
        progress(f"making a root with TimescaleDB in {root} (once, about half a minute, 550 MB)")
        command = [mmdebstrap, "--mode=root", "--variant=apt", f"--include={_PACKAGE}", RELEASE, str(unfinished / "root")]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise ServerError(f"mmdebstrap could not make the root: {done.stderr.strip()[-800:]}")
        (unfinished / "root").chmod(0o755)
        try:
            (unfinished / "root").rename(root)
        except OSError:
            if not root.exists():  # else another run was faster, and its root is as good
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return root


def _remove_unfinished(cache_dir: Path) -> None:
    """Delete what runs that were killed left behind; a run that still lives keeps its own."""
    for left in cache_dir.glob("unfinished-*-*"):
        if not Path(f"/proc/{left.name.split('-')[1]}").exists():
            shutil.rmtree(left, ignore_errors=True)


def _account_inside(root: Path) -> Account:
    """Return the account `postgres` of the root; its numbers mean something else, or nothing, outside."""
    for line in (root / "etc/passwd").read_text(encoding="utf-8").splitlines():
        name, _, uid, gid, *_ = line.split(":")
        if name == "postgres":
            return Account(int(uid), int(gid))
    raise ServerError(f"{root} has no account 'postgres', so it is not a root of ours: remove it, and it is made again")
