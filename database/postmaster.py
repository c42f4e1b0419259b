"""Read what a PostgreSQL server leaves beside its files: postmaster.pid, and whether that process is still it."""

import contextlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

#: a process id that no system gives away (Linux ends at 2²², macOS far below)
_NOBODY = 2**22 + 1


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What postmaster.pid says; lines that are not written yet are empty."""

    #: process id of the server that wrote it, alive or not
    pid: int
    #: folder of its socket, as the server sees it
    socket_dir: str
    #: "starting", "ready", "stopping" or "standby"
    status: str


def read_postmaster(files: Path) -> Postmaster | None:
    """Return what the pid file of a data folder says; None without one, or when it holds no process id."""
    try:
        lines = (files / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        lines += [""] * (8 - len(lines))
        return Postmaster(int(lines[0]), lines[4].strip(), lines[7].strip())
    except (OSError, ValueError):
        return None


def is_serving(pid: int, files: str) -> bool:
    """Return whether the process lives and is the server of these files: a process id may have a new owner since a crash.

    `files` is the data folder as the server was told it.
    """
    if not Path("/proc/self/cmdline").exists():
        shown = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], check=False, capture_output=True, text=True)
        return "postgres" in shown.stdout and files in shown.stdout
    with contextlib.suppress(OSError):
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        return "postgres" in arguments[0] and files in arguments
    return False


def forget_dead(files: Path, socket_dir: Path) -> None:
    """Keep a dead server's process id, which may be a stranger's or a zombie's by now, from stopping the next start.

    Only the id is replaced in postmaster.pid: by the rest of it PostgreSQL knows whether processes of the dead server still
    hold its memory, and refuses to start beside them. Call it only where `is_serving` says no.
    """
    pid_file = files / "postmaster.pid"
    if pid_file.exists():
        lines = pid_file.read_text(encoding="utf-8").splitlines()
        pid_file.write_text("\n".join([str(_NOBODY), *lines[1:], ""]), encoding="utf-8")
    for lock in socket_dir.glob(".s.PGSQL.*.lock"):
        lock.unlink()
