"""The machine: what a figure was found on, since only ratios of one run can be compared."""

import importlib.metadata
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

_PACKAGES = ("paho-mqtt", "numpy", "psycopg", "msgspec")
_PAGE = 8192


def describe(postgres: str, mosquitto: str) -> dict[str, Any]:
    """Return the machine and the versions that matter."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "postgres": postgres,
        "mosquitto": mosquitto,
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def fsyncs_per_second(folder: Path, seconds: float = 0.5) -> float:
    """Return how often a page can be written over and made durable in a second, one after the other."""
    path = folder / "fsync-probe"
    sync = os.fsync if sys.platform == "darwin" else os.fdatasync
    handle = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.write(handle, b"\0" * _PAGE)
        os.fsync(handle)
        count, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds:
            os.pwrite(handle, os.urandom(_PAGE), 0)
            sync(handle)
            count += 1
    finally:
        os.close(handle)
        path.unlink()
    return count / spent


def memory_of(pid: int) -> tuple[int, int] | None:
    """Return (resident, proportional) bytes of a process, None where it is gone or the system cannot tell."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    sizes = {line.partition(":")[0]: int(line.split()[1]) * 1024 for line in lines[1:]}
    return sizes["Rss"], sizes["Pss"]


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
