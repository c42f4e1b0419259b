"""`wardlight keep` (hidden): stops what `wardlight up` left behind when it was killed.

It reads from standard input what runs: a line `process <pid>`, `database <kind> <folder>` or `broker <folder>` each, and
`done` when everything was stopped in order. When the input ends without `done`, its parent is gone: it stops the rest itself.
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from api.exits import Code
from ingest.broker import stop_embedded

#: seconds that our own processes have to notice that their parent is gone
_GRACE = 10.0


def keep() -> int:
    """Wait until the parent is done or gone; return the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    processes: list[int] = []
    servers: list[list[str]] = []
    for line in sys.stdin:
        match line.rstrip("\n").split(" ", 2):
            case ["done"]:
                return Code.DONE
            case ["process", pid]:
                processes.append(int(pid))
            case [("database" | "broker") as kind, *rest]:
                servers.append([kind, *rest])
    _await_end(processes)
    for kind, *rest in reversed(servers):
        if kind == "broker":
            stop_embedded(Path(rest[0]))
        else:
            _stop_database(*rest)
    return Code.DONE


def _await_end(processes: list[int]) -> None:
    """Wait for processes that stop by themselves, and end those that do not. None is a child of ours to wait for."""
    deadline = time.monotonic() + _GRACE
    alive = processes
    while alive := [pid for pid in alive if _is_ours(pid)]:
        if time.monotonic() > deadline:
            for pid in alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


def _is_ours(pid: int) -> bool:
    """Say whether this process still leads a session of its own, as each part of a tree does; its id may have a new owner."""
    try:
        return os.getsid(pid) == pid
    except ProcessLookupError:
        return False


def _stop_database(kind: str, folder: str) -> None:
    from api.databases import local_server  # the rest of this process stays small

    local_server(kind, Path(folder)).stop("fast")
