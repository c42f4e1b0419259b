"""What `wardlight up` has running over a data folder, written down so that other commands find it.

`replay` or `device add` in a second terminal need no settings while the first one holds `make up`. The note holds secrets and
is readable by its owner alone; settings that were given always win over it.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, TextIO

from api.exits import NotReady
from api.settings import Settings

_NOTE = "up.json"
_LOCK = "up.lock"

#: seconds in which what a killed tree left is cleared away, or one that is just starting has said where it runs
CLEARING: Final = 30.0


@dataclass(frozen=True, slots=True)
class Running:
    """The parts of one running tree."""

    #: process id of `wardlight up`
    pid: int
    #: URL of the database, as its owner
    database_url: str
    #: URL of the broker, as the account of ingest
    mqtt_url: str
    #: address of the screens
    http_url: str


def find_running(data_dir: Path) -> Running | None:
    """Return what runs over this folder; None when nothing does, whatever an old note says."""
    try:
        with (data_dir / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None  # nobody holds it
    except FileNotFoundError:
        return None
    except BlockingIOError:
        try:
            running = Running(**json.loads((data_dir / _NOTE).read_text()))
            os.kill(running.pid, 0)
        except (FileNotFoundError, json.JSONDecodeError, ProcessLookupError):
            return None  # still starting, or killed and being cleared away
        return running


def note_running(data_dir: Path, running: Running) -> None:
    """Write down what runs, readable by us alone."""
    note = data_dir / _NOTE
    note.unlink(missing_ok=True)
    with os.fdopen(os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(running), file)


@contextmanager
def only_one(data_dir: Path) -> Iterator[int | None]:
    """Hold the folder while a tree runs over it; gives the descriptor of the lock, None when another tree holds it.

    Whoever inherits the descriptor holds the folder too. What a killed tree left is waited for until it is cleared away.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / _LOCK).open("a") as lock:
        deadline = time.monotonic() + CLEARING
        while not (held := _try_lock(lock)) and find_running(data_dir) is None and time.monotonic() < deadline:
            time.sleep(0.1)
        if not held:
            yield None
            return
        try:
            yield lock.fileno()
        finally:
            (data_dir / _NOTE).unlink(missing_ok=True)


def _try_lock(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def with_running(settings: Settings) -> Settings:
    """Return the settings with what runs in their data folder filled in where nothing was set."""
    if settings.database_url and settings.mqtt_url:
        return settings
    running = find_running(settings.data_dir)
    if running is None:
        return settings
    return replace(
        settings, database_url=settings.database_url or running.database_url, mqtt_url=settings.mqtt_url or running.mqtt_url
    )


def need_database(settings: Settings) -> Settings:
    """Return settings that name a database; raises NotReady with the way out where there is none."""
    found = with_running(settings)
    if not found.database_url:
        raise NotReady(
            "no database: set WARDLIGHT_DATABASE_URL (postgresql://user:secret@host/wardlight), "
            f"or start one with `wardlight up` over the same WARDLIGHT_DATA_DIR ({settings.data_dir})"
        )
    return found


def need_broker(settings: Settings) -> Settings:
    """Return settings that name a broker; raises NotReady with the way out where there is none."""
    found = with_running(settings)
    if not found.mqtt_url:
        raise NotReady(
            "no broker: set WARDLIGHT_MQTT_URL (mqtt://ingest:secret@host:1883), "
            f"or start one with `wardlight up` over the same WARDLIGHT_DATA_DIR ({settings.data_dir})"
        )
    return found
