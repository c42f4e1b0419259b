"""Accounts of staff: opened, closed, reopened, given a new password; for the API, the pages and the command line.

A password that is made here is shown once, to whoever asked for it, and kept only as a hash. Each change is audited in the
caller's transaction.
"""

from datetime import datetime

from api import queries
from api.passwords import Passwords, one_time_password
from api.transaction import Transaction
from care import queries as care
from care.staff import Role, Staff


def open_account(
    conn: Transaction,
    passwords: Passwords,
    *,
    email: str,
    name: str,
    role: Role,
    zone: str,
    by: int | None,
    now: datetime,
    password: str | None = None,
) -> tuple[Staff, str]:
    """Add a member of staff; return them and the password to hand over. Raises care.staff.EmailTaken.

    `by` is the administrator who does it, None for the command line.
    """
    given = password or one_time_password()
    staff = care.add_staff(conn, email=email, name=name, role=role, zone=zone, now=now)
    queries.save_password_hash(conn, staff.id, passwords.hash(given))
    _record(conn, "add_staff", staff, by, now)
    return staff, given


def close_account(conn: Transaction, staff: Staff, *, by: int | None, now: datetime) -> None:
    """Let somebody in no more and end their sessions at once. Raises care.staff.LastAdministrator."""
    care.disable_staff(conn, staff.id, now)
    queries.end_sessions_of(conn, staff.id)
    _record(conn, "disable_staff", staff, by, now)


def reopen_account(conn: Transaction, staff: Staff, *, by: int | None, now: datetime) -> None:
    """Let somebody in again, with the password they had."""
    care.enable_staff(conn, staff.id)
    _record(conn, "enable_staff", staff, by, now)


def reset_password(conn: Transaction, passwords: Passwords, staff: Staff, *, by: int | None, now: datetime) -> str:
    """Give somebody a new password, end their sessions, and return it to hand over."""
    given = one_time_password()
    queries.save_password_hash(conn, staff.id, passwords.hash(given))
    queries.end_sessions_of(conn, staff.id)
    _record(conn, "reset_password", staff, by, now)
    return given


def _record(conn: Transaction, action: str, staff: Staff, by: int | None, now: datetime) -> None:
    queries.add_audit(conn, staff_id=by, action=action, object=f"staff/{staff.public_id}", now=now)
