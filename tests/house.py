"""A running application for tests: real uvicorn on a free loopback port, over a database of the test's own."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from fastapi import FastAPI
from psycopg import Connection
from psycopg_pool import ConnectionPool

from api import queries
from api.accounts import open_account
from api.app import create_app
from api.passwords import Passwords
from api.records import Scope
from api.server import make_server
from api.settings import Settings
from api.tokens import hash_token, new_token
from care.staff import Role, Staff

#: argon2id so cheap that a test can afford it
CHEAP = Passwords(memory_kib=64)


@dataclass(frozen=True)
class House:
    """An application that answers at `url`."""

    url: str
    app: FastAPI
    pool: ConnectionPool[Connection[Any]]

    def add_staff(self, email: str = "sam@clinic.example", role: Role = "coordinator") -> tuple[Staff, str]:
        """Add somebody; return them and their password."""
        with self.pool.connection() as conn:
            name = email.split("@", maxsplit=1)[0].title()
            return open_account(
                conn, CHEAP, email=email, name=name, role=role, zone="America/Chicago", by=None, now=datetime.now(UTC)
            )

    def visitor(self, **options: Any) -> httpx.Client:
        """Return a client that nobody knows."""
        return httpx.Client(base_url=self.url, timeout=10, **options)

    def browser(self, email: str, password: str) -> httpx.Client:
        """Return a client that signed in through the form and repeats its CSRF value."""
        with self.visitor() as client:
            assert client.post("/login", data={"email": email, "password": password}).status_code == 303
            token = client.cookies["wardlight"]
        with self.pool.connection() as conn:
            [[csrf]] = conn.execute("SELECT csrf FROM staff_session WHERE token_hash = %s", [hash_token(token)]).fetchall()
        return self.visitor(cookies={"wardlight": token}, headers={"X-CSRF-Token": csrf})

    def programme(self, staff: Staff | None = None, scope: Scope = "api") -> httpx.Client:
        """Return a client that holds an API token."""
        token = new_token()
        with self.pool.connection() as conn:
            queries.add_token(
                conn,
                token_hash=hash_token(token),
                name="test",
                scope=scope,
                staff_id=staff.id if staff else None,
                now=datetime.now(UTC),
            )
        return self.visitor(headers={"Authorization": f"Bearer {token}"})


@contextmanager
def running_house(
    url: str, pool: ConnectionPool[Connection[Any]], settings: Settings | None = None, **parts: Any
) -> Iterator[House]:
    """Serve the application until the block ends."""
    app = create_app(settings or Settings(database_url=url), pool, passwords=CHEAP, **parts)
    server = make_server(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive() and time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield House(f"http://127.0.0.1:{port}", app, pool)
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), "the server did not stop"
