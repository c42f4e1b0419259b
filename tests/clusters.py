"""The servers that tests run on: one of each edition per run, and a database cloned from a migrated template per test.

Without durability, since nothing here outlives the run; tests of durability start servers of their own.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from database.debian import TimescaleServer, cached_root, prepare_root, why_not
from database.embedded import EmbeddedServer
from database.migrate import migrate

CACHE = Path.home() / ".cache" / "wardlight"
TEMPLATE = f"wardlight_template_{os.getpid()}"
HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


class Server(Protocol):
    """What a test cluster asks of a server."""

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database, as a copy of a template."""

    def drop_database(self, name: str) -> None:
        """Drop a database and end its sessions."""

    def url(self, database: str) -> str:
        """Return the URL of a database."""


@dataclass(frozen=True)
class RemoteServer:
    """A server that somebody else runs, named by WARDLIGHT_TEST_DATABASE_URL; its login may create databases and roles."""

    address: str

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database, as a copy of a template."""
        copy = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
        self._run(sql.SQL("CREATE DATABASE {}{}").format(sql.Identifier(name), copy))

    def drop_database(self, name: str) -> None:
        """Drop a database and end its sessions."""
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return make_conninfo("", **{**conninfo_to_dict(self.address), "dbname": database})

    def _run(self, statement: sql.Composable) -> None:
        with psycopg.connect(self.address, autocommit=True) as conn:
            conn.execute(statement.as_string(conn).encode())


@dataclass(frozen=True)
class Cluster:
    """A running server with a migrated template."""

    #: "plain" or "timescale"
    kind: str
    server: Server

    @contextmanager
    def fresh_database(self, migrated: bool = True) -> Iterator[str]:
        """Give the URL of a database of one's own, dropped afterwards."""
        name = f"test_{uuid.uuid4().hex[:16]}"
        self.server.create_database(name, TEMPLATE if migrated else None)
        try:
            yield self.server.url(name)
        finally:
            self.server.drop_database(name)


@contextmanager
def running_cluster(kind: str) -> Iterator[Cluster]:
    """Start a server of the kind, migrate its template, and leave nothing behind."""
    address = os.environ.get("WARDLIGHT_TEST_DATABASE_URL")
    if kind == "timescale" and address:
        yield from _with_template(Cluster(kind, RemoteServer(address)))
        return
    folder = _own_folder() / kind
    local = EmbeddedServer(folder, HASTY) if kind == "plain" else TimescaleServer(prepare_root(CACHE), folder, HASTY)
    try:
        local.start()
        yield from _with_template(Cluster(kind, local))
    finally:
        local.remove()
        shutil.rmtree(folder, ignore_errors=True)


def why_no_timescale() -> str | None:
    """Return why TimescaleDB cannot be had here, or None."""
    if os.environ.get("WARDLIGHT_TEST_DATABASE_URL"):
        return None
    if (reason := why_not()) is not None:
        return reason
    if not cached_root(CACHE).exists() and shutil.which("mmdebstrap") is None:
        return "no TimescaleDB: install mmdebstrap, or set WARDLIGHT_TEST_DATABASE_URL"
    return None


def _with_template(cluster: Cluster) -> Iterator[Cluster]:
    cluster.server.create_database(TEMPLATE)
    try:
        migrate(cluster.server.url(TEMPLATE))
        yield cluster
    finally:
        cluster.server.drop_database(TEMPLATE)


def _own_folder() -> Path:
    """Return a folder for this run's servers, having ended the servers of runs that were killed."""
    shared = Path(tempfile.gettempdir()) / f"wardlight-tests-{os.getuid()}"
    shared.mkdir(mode=0o700, exist_ok=True)
    for left in shared.iterdir():
        if left.name.isdigit() and not _is_alive(int(left.name)):
            if (left / "plain").exists():
                EmbeddedServer(left / "plain").remove()
            if (left / "timescale").exists() and cached_root(CACHE).exists() and why_not() is None:
                TimescaleServer(cached_root(CACHE), left / "timescale").remove()
            shutil.rmtree(left, ignore_errors=True)
    own = shared / str(os.getpid())
    own.mkdir(exist_ok=True)
    return own


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
