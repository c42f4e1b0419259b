"""The heartbeat of `wardlight up`, from a thread of its own: its loop must be free to start a database that is away.

Says on the terminal what the watchdog finds, since whoever started everything there is who can mend it.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from psycopg import OperationalError

from api.watch.fault import KINDS, Fault
from api.watch.pace import Pace
from api.watch.queries import list_open_faults
from database.heartbeat import beat, new_instance, say_goodbye
from database.pool import DatabaseUnreachable, connect


class Heart:
    """Beats for this process until stopped."""

    def __init__(self, url: str, pace: Pace, say: Callable[[str], None]) -> None:
        """`say` is told what a person should know."""
        self._url = url
        self._pace = pace
        self._say = say
        self._stop = threading.Event()
        self._instance = new_instance("up", datetime.now(UTC))
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)
        self._said: dict[tuple[str, str], Fault] = {}

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye, if the database is there to hear it."""
        self._stop.set()
        self._thread.join(2)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with connect(self._url, autocommit=True) as conn:
                    while not self._stop.wait(self._pace.beat_every):
                        now = datetime.now(UTC)
                        beat(conn, self._instance, now, {})
                        self._tell({fault.key: fault for fault in list_open_faults(conn, self._pace, now)})
                    say_goodbye(conn, self._instance, datetime.now(UTC))
            except (DatabaseUnreachable, OperationalError):
                self._stop.wait(self._pace.beat_every)

    def _tell(self, faults: dict[tuple[str, str], Fault]) -> None:
        for key, fault in faults.items():
            if key not in self._said:
                self._say(f"watchdog: {KINDS[fault.kind].wrong} {fault.line}")
        for key, fault in self._said.items():
            if key not in faults:
                self._say(f"watchdog: over: {fault.line}")
        self._said = faults
