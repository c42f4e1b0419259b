"""The blows that fall on a running house, one component after the other, and how soon the outside was told of each."""

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from database.pool import connect
from tests.stories.house import House, until
from tests.stories.watchdog.outside import Outside

Say = Callable[[str], None]

KILL, STOP = "SIGKILL", "SIGSTOP"
COMPONENTS: Final = ("ingest", "work", "serve", "broker", "database", "watchdog")
#: seconds in which each must be told, at the pace of life
LIMIT: Final = 120.0
#: a service that expects a call a minute and waits half a minute more
RAISES_AFTER: Final = 90.0


@dataclass(frozen=True)
class Blow:
    """One signal to one component."""

    what: str
    component: str


@dataclass(frozen=True)
class Told:
    """What came of a blow."""

    blow: Blow
    #: seconds until the outside knew
    seconds: float
    #: what it was told, "silence" where the calls stopped
    how: str


ALL: Final = tuple(Blow(what, component) for component in COMPONENTS for what in (KILL, STOP))


def settings_for(outside: Outside, pace: float) -> dict[str, str]:
    """Return what the house is told of its watch."""
    return {"WARDLIGHT_WATCHDOG_URL": outside.url, "WARDLIGHT_WATCH_PACE": str(pace)}


def strike(house: House, outside: Outside, blow: Blow, pace: float, say: Say) -> Told:
    """Wait until all is well, strike, wait until it is told, and put right what a stopped process left."""
    limit = LIMIT / pace
    since = time.monotonic()
    # a whole period in which nothing was wrong: then what is told next is about this blow
    until(lambda: _is_well(outside, since), LIMIT + 4 * limit, [call.text for call in outside.calls])
    pids = _pids(house, blow.component)
    struck = time.monotonic()
    for pid in pids:
        _send(pid, signal.SIGSTOP if blow.what == STOP else signal.SIGKILL)
    try:
        how = _await(outside, blow, struck, limit)
    finally:
        if blow.what == STOP:
            for pid in pids:
                _send(pid, signal.SIGCONT)
    told = Told(blow, how[1] - struck, how[0])
    say(f"{blow.what} {blow.component}: told after {told.seconds:.1f} s of {limit:.0f}: {told.how}")
    return told


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # a connection of a database that has ended since
        os.kill(pid, number)


def _is_well(outside: Outside, since: float) -> bool:
    return outside.success_since(since) is not None and bool(outside.calls) and outside.calls[-1].is_success


def _await(outside: Outside, blow: Blow, struck: float, limit: float) -> tuple[str, float]:
    """Return what was told and when; for a watchdog that hangs that is the moment at which the service raises."""
    found: list[tuple[str, float]] = []

    def is_told() -> bool:
        if blow == Blow(STOP, "watchdog"):
            if outside.is_raising():
                found.append(("silence", time.monotonic()))
        elif call := outside.failure_since(struck, *_words(blow)):
            line = next(line for line in call.text.splitlines() if any(word in line for word in _words(blow)))
            found.append((line, call.at))
        return bool(found)

    until(is_told, limit, [call.text for call in outside.calls if call.at >= struck])
    return found[0]


def _words(blow: Blow) -> tuple[str, ...]:
    """Return how a line begins that is about this blow."""
    component = blow.component
    return f"{component}:", f"{component} (", f"instance ({component}", f"restarted ({component}"


def _pids(house: House, component: str) -> list[int]:
    """Return the processes of a component; all of a database's where its server has several."""
    if component == "broker":
        return [json.loads((house.folder / "mosquitto/broker.json").read_text())["pid"]]
    if component == "database":
        with connect(house.note()["database_url"]) as conn:
            row = conn.execute("SELECT pg_backend_pid()").fetchone()
            assert row is not None
            postmaster = _parent(row[0])
        return [postmaster, *(pid for pid in _everybody() if _parent(pid) == postmaster)]
    return [house.pid_of(component)]


def _everybody() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _parent(pid: int) -> int:
    """Return the parent of a process, 0 where it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
