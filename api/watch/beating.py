"""The heartbeat of a process that serves: written from its event loop, through a thread and a connection, as a request is.

So it stops when the loop hangs, when no thread is left, and when no connection can be had.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import structlog
from psycopg import Connection, OperationalError
from psycopg_pool import ConnectionPool, PoolTimeout

from database.heartbeat import beat, say_goodbye
from database.instance import Instance

_log = structlog.get_logger(__name__)

Pool = ConnectionPool[Connection[Any]]


@asynccontextmanager
async def beating(pool: Pool, instance: Instance | None, every: float) -> AsyncIterator[None]:
    """Beat every so many seconds as long as the block lasts, and say goodbye; None beats not at all."""
    if instance is None:
        yield
        return
    task = asyncio.create_task(_beat(pool, instance, every))
    try:
        yield
    finally:
        task.cancel()
        with suppress(OperationalError, PoolTimeout):
            await asyncio.to_thread(_leave, pool, instance)


async def _beat(pool: Pool, instance: Instance, every: float) -> None:
    while True:
        try:
            await asyncio.to_thread(_write, pool, instance)
        except (OperationalError, PoolTimeout) as error:
            _log.warning("heartbeat_failed", kind=type(error).__name__)
        await asyncio.sleep(every)


def _write(pool: Pool, instance: Instance) -> None:
    with pool.connection() as conn:
        beat(conn, instance, datetime.now(UTC), {})


def _leave(pool: Pool, instance: Instance) -> None:
    with pool.connection() as conn:
        say_goodbye(conn, instance, datetime.now(UTC))
