"""A loop that does what is due and sleeps until something else is: the heart of `wardlight work`.

An edge. The clock is handed in, so that proofs run the same loop on a virtual one. It never sleeps longer than a few seconds,
so that a wall clock that is set forward meanwhile makes nothing late; being woken early does nothing.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

import structlog
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

log = structlog.get_logger()

#: seconds: longest sleep, whatever the next due row says
LONGEST_SLEEP: Final = 4.0
#: seconds: shortest sleep where a due row is held by somebody else
_SHORTEST_SLEEP: Final = 0.1


class Clock(Protocol):
    """What time it is, and how to let it pass."""

    def now(self) -> datetime:
        """Return the time on the wall, UTC."""

    def wait(self, wake: threading.Event, seconds: float) -> None:
        """Let so many seconds pass, or less if somebody wakes us."""


class WallClock:
    """The real one."""

    def now(self) -> datetime:
        """Return the time on the wall, UTC."""
        return datetime.now(UTC)

    def wait(self, wake: threading.Event, seconds: float) -> None:
        """Sleep, unless somebody wakes us."""
        wake.wait(seconds)


class Loop:
    """Does what is due, again and again; what goes wrong in a turn is said, and the next turn comes."""

    def __init__(
        self,
        name: str,
        run: Callable[[datetime], int],
        next_due: Callable[[], datetime | None],
        *,
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        self.name = name
        #: set to make it look at once
        self.wake = threading.Event()
        #: when it last finished a turn, seconds of the monotonic clock
        self.turned_at = time.monotonic()
        self._run = run
        self._next_due = next_due
        self._clock = clock
        self._stop = stop

    def turn(self) -> float:
        """Do what is due; return how many seconds may pass until the next turn."""
        self.wake.clear()  # before looking: what is announced from here on is not missed
        done = self._run(self._clock.now())
        due = self._next_due()
        self.turned_at = time.monotonic()
        if due is None:
            return LONGEST_SLEEP
        left = (due - self._clock.now()).total_seconds()
        return min(max(left, 0.0 if done else _SHORTEST_SLEEP), LONGEST_SLEEP)

    def run(self) -> None:
        """Turn until told to stop; a database that is away is waited for."""
        pause = 0.5
        while not self._stop.is_set():
            try:
                seconds = self.turn()
                pause = 0.5
                self._clock.wait(self.wake, seconds)
            except (OperationalError, PoolTimeout) as error:
                log.warning("database_lost", loop=self.name, error=type(error).__name__, again_in=pause)
                self._stop.wait(pause)
                pause = min(pause * 2, 5.0)
            except Exception:
                # ending here would stop everything that this loop is there for, and silently
                log.exception("loop_failed", loop=self.name, again_in=pause)
                self._stop.wait(pause)
                pause = min(pause * 2, 5.0)
