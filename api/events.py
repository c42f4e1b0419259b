"""Server-sent events: a ping that says "re-fetch", never the data itself.

One thread of the process listens for announcements of the database and fans them out to every open screen; one task looks
once a second whether any value arrived. A screen that reads too slowly is told to refresh once, in place of all it missed.
So nothing has to be kept, and a lost ping costs nothing: whoever connects is told to refresh first.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from database.listen import listen

#: announcements of the database that concern screens
ALERT_CHANGED: Final = "alert_changed"
SESSION_ENDED: Final = "session_ended"

#: seconds between comments that keep proxies from closing a quiet stream; a stream also looks after its session then
HEARTBEAT: Final = 15.0
#: seconds between looks at whether values arrived
VALUES_EVERY: Final = 1.0
#: pings a slow screen may leave unread before they become one refresh
BACKLOG: Final = 64
#: streams a process keeps open
MOST_SCREENS: Final = 1000

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ping:
    """What a screen is told."""

    #: "refresh" (fetch everything again), "alerts" (these changed), "values" (some arrived), "recheck" (inside only)
    name: str
    #: comma-separated alert ids of "alerts", else empty
    data: str = ""

    def encode(self) -> bytes:
        """Return it as it goes over the wire; data is never left out, since a browser drops an event without any."""
        return f"event: {self.name}\ndata: {self.data}\n\n".encode()


@dataclass(eq=False, slots=True)
class Screen:
    """One open stream's unread pings; used from the event loop alone."""

    pings: deque[Ping] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    #: it wants to know when values arrive
    values: bool = True

    def put(self, ping: Ping) -> None:
        """Leave a ping; what a slow screen has not read collapses into one refresh."""
        if ping in self.pings:
            return
        if len(self.pings) >= BACKLOG:
            rechecks = [kept for kept in self.pings if kept.name == "recheck"]
            self.pings.clear()
            self.pings.extend([*rechecks, Ping("refresh")])
        elif Ping("refresh") not in self.pings or ping.name == "recheck":
            self.pings.append(ping)
        self.wake.set()

    async def take(self, patience: float) -> list[Ping]:
        """Return what is unread, waiting for it at most `patience` seconds; [] when nothing came."""
        try:
            async with asyncio.timeout(patience):
                await self.wake.wait()
        except TimeoutError:
            return []
        self.wake.clear()
        taken = list(self.pings)
        self.pings.clear()
        return taken


class Broadcast:
    """The open screens of one process, and what tells them to look again."""

    def __init__(self, database_url: str, count_readings: Callable[[], Any]) -> None:
        """Listen on the database; `count_readings` returns anything that changes when a value arrives."""
        self._url = database_url
        self._count_readings = count_readings
        self._screens: set[Screen] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen for as long as the application lives."""
        stop = threading.Event()
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=self._listen, args=(loop, stop), name="listen", daemon=True)
        thread.start()
        watch = asyncio.create_task(self._watch_values())
        try:
            yield
        finally:
            stop.set()
            watch.cancel()
            await asyncio.to_thread(thread.join, 5)

    @asynccontextmanager
    async def screen(self, *, values: bool = True) -> AsyncIterator[Screen]:
        """Give a stream its screen, which begins with a refresh; where nobody wants `values`, nobody looks for them."""
        screen = Screen(values=values)
        screen.put(Ping("refresh"))
        self._screens.add(screen)
        try:
            yield screen
        finally:
            self._screens.discard(screen)

    @property
    def is_full(self) -> bool:
        """Tell whether no further stream should be opened."""
        return len(self._screens) >= MOST_SCREENS

    def tell(self, ping: Ping) -> None:
        """Leave a ping on every screen; from the event loop alone."""
        for screen in self._screens:
            screen.put(ping)

    def _listen(self, loop: asyncio.AbstractEventLoop, stop: threading.Event) -> None:
        try:
            for notice in listen(self._url, [ALERT_CHANGED, SESSION_ENDED], stop=stop):
                ping = {
                    ALERT_CHANGED: Ping("alerts", notice.payload),
                    SESSION_ENDED: Ping("recheck"),
                }.get(notice.channel, Ping("refresh"))
                loop.call_soon_threadsafe(self.tell, ping)
        except RuntimeError:
            if not stop.is_set() and not loop.is_closed():
                raise

    async def _watch_values(self) -> None:
        before: Any = None
        while True:
            await asyncio.sleep(VALUES_EVERY)
            if not any(screen.values for screen in self._screens):
                before = None
                continue
            try:
                counted = await asyncio.to_thread(self._count_readings)
            except Exception as error:  # noqa: BLE001 a database that is away is the readiness check's news, not the end of this task
                _log.warning("values_unknown", kind=type(error).__name__)
                continue
            if counted != before and before is not None:
                self.tell(Ping("values"))
            before = counted


async def stream(
    broadcast: Broadcast, is_live: Callable[[], bool], *, heartbeat: float = HEARTBEAT, values: bool = True
) -> AsyncIterator[bytes]:
    """Yield what goes over the wire until the viewer's session ends; `is_live` asks the database."""
    async with broadcast.screen(values=values) as screen:
        while True:
            pings = await screen.take(heartbeat)
            if (not pings or Ping("recheck") in pings) and not await _ask(is_live):
                yield Ping("signed_out").encode()
                return
            yield b"".join(ping.encode() for ping in pings if ping.name != "recheck") or b": still here\n\n"


async def _ask(is_live: Callable[[], bool]) -> bool:
    try:
        return await asyncio.to_thread(is_live)
    except Exception as error:  # noqa: BLE001 while the database is away nobody can fetch anything: keep the stream
        _log.warning("session_unknown", kind=type(error).__name__)
        return True
