"""One request, one transaction: it commits after the answer is made and before a byte of it is sent.

An exception rolls everything back, so an answer that says "done" is always true. Also gives routes their `now`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from psycopg import Connection
from psycopg_pool import ConnectionPool


def transaction(request: Request) -> Iterator[Connection[Any]]:
    """Give the request a connection of the pool; commit when its route returns, roll back when it raises."""
    pool: ConnectionPool[Connection[Any]] = request.app.state.pool
    with pool.connection() as conn:
        yield conn


async def now() -> datetime:  # async only so that it costs no thread
    """Return the time at which the request is judged."""
    return datetime.now(UTC)


Transaction = Annotated[Connection[Any], Depends(transaction, scope="function")]
Now = Annotated[datetime, Depends(now)]
