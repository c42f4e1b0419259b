"""Bring a database to the schema of this release: numbered files once each, then the steps of the server's edition.

Forward only. A numbered file runs in one transaction as wardlight_owner and never changes once released (its checksum is
kept). The files in `timescale/` may be run again: they run when they are new or have changed, and only on a server that has
what they need. Runners wait for each other; a second one finds nothing to do. This never runs as the application role.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from database.features import Edition, detect
from database.pool import connect
from database.sql import load_sql
from database.statements import split_statements

SQL = load_sql(__file__)

MIGRATIONS = Path(__file__).with_name("migrations")
EDITIONS = Path(__file__).with_name("timescale")

#: the repeatable files that each edition runs, in this order
EDITION_FILES: Mapping[Edition, tuple[str, ...]] = {
    "plain": (),
    "apache": ("hypertable.sql",),
    "community": ("hypertable.sql", "community.sql"),
}

#: milliseconds: a step gives up rather than queue the whole application behind its lock; another runner may take longer
_STEP_LOCK, _RUNNER_LOCK = 10_000, 600_000

_ROLES = {"wardlight_owner": ("create_owner_role", "join_owner"), "wardlight_app": ("create_app_role", "join_app")}


class MigrationError(Exception):
    """The schema could not be brought up to date; the message names the file and the way out."""


@dataclass(frozen=True, slots=True)
class Step:
    """One file of SQL that a database runs."""

    #: how it is recorded: "0001_create_house.sql", or "timescale/hypertable.sql"
    name: str
    #: what it runs
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of its text, line ends apart, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrate(url: str, *, folder: Path = MIGRATIONS) -> list[str]:
    """Apply what is missing and return the names of what was applied, in order; an up-to-date database gives an empty list.

    `url` logs in as a superuser, or as a role that may create roles and owns the database.
    Raises MigrationError, and DatabaseUnreachable when the server does not answer.
    """
    steps = read_steps(folder)
    with connect(url, role=None, autocommit=True) as conn:
        _set_lock_timeout(conn, _RUNNER_LOCK)
        try:
            conn.execute(SQL["lock_migrations"])
        except psycopg.errors.LockNotAvailable as error:
            raise MigrationError("another `wardlight migrate` has held this database for 10 minutes; end it first") from error
        _set_lock_timeout(conn, _STEP_LOCK)
        _prepare_roles(conn)
        _prepare_database(conn)
        applied = {row[0]: row[1] for row in conn.execute(SQL["list_applied"])}
        done = plan(steps, applied)
        for step in done:
            _apply(conn, step)
        again = [step for step in edition_steps(detect(conn).edition) if applied.get(step.name) != step.checksum]
        for step in again:
            _apply_edition(conn, step)
    return [step.name for step in (*done, *again)]


def pending(conn: Connection[Any]) -> list[str]:
    """Return the names of the steps that this database still lacks; for `wardlight doctor`, and for serve before it starts."""
    applied: dict[str, str] = {}
    if (row := conn.execute(SQL["has_record"]).fetchone()) is not None and row[0]:
        applied = {row[0]: row[1] for row in conn.execute(SQL["list_applied"])}
    again = [step for step in edition_steps(detect(conn).edition) if applied.get(step.name) != step.checksum]
    return [step.name for step in (*plan(read_steps(MIGRATIONS), applied), *again)]


def read_steps(folder: Path) -> list[Step]:
    """Return the numbered files of a folder. Raises MigrationError unless they are numbered 0001, 0002, … without a gap."""
    steps = [Step(path.name, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.sql"))]
    for number, step in enumerate(steps, start=1):
        if not step.name.startswith(f"{number:04d}_"):
            raise MigrationError(
                f"{folder / step.name}: expected a file numbered {number:04d}_; numbers have no gap and no twin"
            )
    return steps


def edition_steps(edition: Edition) -> list[Step]:
    """Return the repeatable files that a server of this edition runs."""
    return [Step(f"timescale/{name}", (EDITIONS / name).read_text(encoding="utf-8")) for name in EDITION_FILES[edition]]


def plan(steps: list[Step], applied: Mapping[str, str]) -> list[Step]:
    """Return the steps still to run, given the checksums of those that ran.

    Raises MigrationError when a released file was changed, or the database is newer than this release.
    """
    known = {step.name for step in steps}
    if strange := sorted(name for name in applied if "/" not in name and name not in known):
        raise MigrationError(
            f"this database has run {strange[-1]}, which this release does not have: install the newer Wardlight"
        )
    missing = [step for step in steps if step.name not in applied]
    for step in steps:
        if step.name in applied and applied[step.name] != step.checksum:
            raise MigrationError(
                f"migrations/{step.name} is not the file that this database ran: restore it, and write the change as a new"
                " migration. A database that holds nothing worth keeping may be dropped and migrated afresh."
            )
    if missing and missing != steps[-len(missing) :]:
        raise MigrationError(
            f"migrations/{missing[0].name} has not run here, yet later ones have: give it the next free number"
        )
    return missing


def _prepare_roles(conn: Connection[Any]) -> None:
    """Create the two roles and join them. They belong to the whole cluster, where other databases may be doing the same."""
    existing = {row[0] for row in conn.execute(SQL["find_roles"])}
    for role, (create, join) in _ROLES.items():
        try:
            if role not in existing:
                _run_racing(conn, create)
            may = conn.execute(SQL["may_become"], {"role": role}).fetchone()
            if may is None or not may[0]:
                _run_racing(conn, join)
        except psycopg.errors.InsufficientPrivilege as error:
            raise MigrationError(
                f"this login may not create or become the role {role}: migrate as a superuser,"
                f" or let one run CREATE ROLE {role} and GRANT {role} TO this login"
            ) from error


def _run_racing(conn: Connection[Any], statement: str) -> None:
    """Run it, again if another session did the same at that moment; someone else having done it is as good."""
    for attempt in range(20):
        try:
            conn.execute(SQL[statement])
        except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            return
        except psycopg.errors.InternalError_ as error:
            if "concurrently" not in str(error) or attempt == 19:
                raise
            time.sleep(0.05)
        else:
            return


def _prepare_database(conn: Connection[Any]) -> None:
    try:
        offered = conn.execute(SQL["timescaledb_is_offered"]).fetchone()
        if offered is not None and offered[0]:
            conn.execute(SQL["create_timescaledb"])
        conn.execute(SQL["close_schema"])
        conn.execute(SQL["open_schema"])
        conn.execute(SQL["become_owner"])
        conn.execute(SQL["create_record"])
        conn.execute(SQL["show_record"])
    except psycopg.Error as error:
        raise MigrationError(f"the database could not be prepared for its owner role: {_say(error)}") from error


def _apply(conn: Connection[Any], step: Step) -> None:
    try:
        with conn.transaction():
            conn.execute(step.text.encode())
            conn.execute(SQL["record_step"], {"name": step.name, "checksum": step.checksum})
    except psycopg.errors.LockNotAvailable as error:
        raise MigrationError(f"{step.name}: a table stayed locked for 10 s; nothing was changed. Run it again.") from error
    except psycopg.Error as error:
        position = int(error.diag.statement_position or 1)
        line = step.text.count("\n", 0, position) + 1
        raise MigrationError(f"{step.name}, line {line}: {_say(error)}. Nothing of this file was applied.") from error


def _apply_edition(conn: Connection[Any], step: Step) -> None:
    """Run a repeatable file statement by statement, each on its own: some of TimescaleDB's refuse a transaction."""
    for statement in split_statements(step.text):
        try:
            conn.execute(statement.text.encode())
        except psycopg.Error as error:
            raise MigrationError(
                f"{step.name}, line {statement.line}: {_say(error)}. What stands before it was applied; it may be run again."
            ) from error
    conn.execute(SQL["record_step"], {"name": step.name, "checksum": step.checksum})


def _set_lock_timeout(conn: Connection[Any], milliseconds: int) -> None:
    conn.execute(SQL["set_lock_timeout"], {"milliseconds": milliseconds})


def _say(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error)
