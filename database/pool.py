"""Connections to the database: one pool per process, and single connections for LISTEN and advisory locks.

Every connection acts as wardlight_app, whatever it logged in as, speaks UTC, and gives up rather than waits for ever. No
transaction is opened or committed here: that is for the edges alone.
"""

from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from database.arrays import register_arrays

APPLICATION = "wardlight_app"

#: what a connection of the application waits for at most: a statement, a lock, and its own silence in a transaction
_LIMITS = {"statement_timeout": "30s", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "60s"}

#: libpq's parameters where the URL says nothing: a peer that is gone is noticed within half a minute
_DEFAULTS: dict[str, Any] = {
    "application_name": "wardlight",
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


class DatabaseUnreachable(Exception):
    """No connection could be had; the message says which database and what to do."""


def connection_parameters(url: str, role: str | None) -> dict[str, Any]:
    """Return libpq's parameters for a URL, acting as a role; None stays who logged in and has no time limits.

    >>> connection_parameters("postgresql://db/house?application_name=probe", None)["application_name"]
    'probe'
    """
    given = conninfo_to_dict(url)
    settings = {"timezone": "UTC", "jit": "off"}
    if role is not None:
        settings |= {"role": role, **_LIMITS}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return _DEFAULTS | given | {"options": f"{options} {given.get('options') or ''}".strip()}


def connect(url: str, *, role: str | None = APPLICATION, autocommit: bool = False) -> Connection[TupleRow]:
    """Open one connection of one's own.

    Raises DatabaseUnreachable when the server does not answer, refuses, or has not been migrated.
    """
    try:
        connection = psycopg.connect(**connection_parameters(url, role), autocommit=autocommit)
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(_explain(url, role, error)) from error
    register_arrays(connection)
    return connection


def open_pool(url: str, *, max_size: int = 10, role: str | None = APPLICATION) -> ConnectionPool[Connection[TupleRow]]:
    """Open the process's pool; connections that died while idle are replaced before they are handed out.

    Raises DatabaseUnreachable when not even one connection can be had now. Later a lost server makes `pool.connection()`
    raise psycopg_pool.PoolTimeout, and the pool heals itself.
    """
    connect(url, role=role).close()
    return ConnectionPool(
        kwargs=connection_parameters(url, role),
        min_size=1,
        max_size=max_size,
        timeout=10,
        configure=register_arrays,
        check=ConnectionPool.check_connection,
        name="wardlight",
        open=True,
    )


def _explain(url: str, role: str | None, error: psycopg.OperationalError) -> str:
    given = conninfo_to_dict(url)
    reason = " ".join(str(error).split())
    what = f"cannot open the database {given.get('dbname', '?')!r} at {given.get('host', 'the default socket')}: {reason}"
    if role is not None and f'role "{role}" does not exist' in reason:
        return f"{what}. It has not been prepared: run `wardlight migrate`."
    return f"{what}. Is it running, and is WARDLIGHT_DATABASE_URL right? `wardlight doctor` tries each part."
