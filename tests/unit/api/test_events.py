"""What a slow screen misses becomes one refresh, and never the end of its session."""

import asyncio
from collections.abc import Callable

from api.events import BACKLOG, Broadcast, Ping, Screen, stream


def _taken(screen: Screen) -> list[str]:
    return [ping.name for ping in asyncio.run(screen.take(0.01))]


def test_a_slow_screen_is_told_to_refresh_once() -> None:
    screen = Screen()
    for number in range(BACKLOG + 1):
        screen.put(Ping("alerts", str(number)))
    screen.put(Ping("alerts", "again"))
    screen.put(Ping("values"))
    assert _taken(screen) == ["refresh"]
    screen.put(Ping("values"))
    assert _taken(screen) == ["values"]


def test_a_session_that_ended_is_not_lost_in_the_flood() -> None:
    screen = Screen()
    screen.put(Ping("recheck"))
    for number in range(BACKLOG + 5):
        screen.put(Ping("alerts", str(number)))
    assert _taken(screen) == ["recheck", "refresh"]


def test_the_same_ping_waits_once() -> None:
    screen = Screen()
    screen.put(Ping("values"))
    screen.put(Ping("values"))
    assert _taken(screen) == ["values"]


def _first(count: int, is_live: Callable[[], bool]) -> list[bytes]:
    async def run() -> list[bytes]:
        broadcast = Broadcast("", lambda: None)
        parts = []
        async for part in stream(broadcast, is_live, heartbeat=0.01):
            parts.append(part)
            if len(parts) == count:
                break
        return parts

    return asyncio.run(run())


def test_a_quiet_stream_beats() -> None:
    assert _first(3, lambda: True) == [b"event: refresh\ndata: \n\n", b": still here\n\n", b": still here\n\n"]


def test_a_stream_outlives_a_database_that_is_away() -> None:
    def away() -> bool:
        raise ConnectionError

    assert _first(2, away)[1] == b": still here\n\n"


def test_a_stream_ends_at_the_heartbeat_after_its_session() -> None:
    assert _first(9, lambda: False)[1:] == [b"event: signed_out\ndata: \n\n"]
