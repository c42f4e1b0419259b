"""Signing in and out: one attempt is counted before its password is looked at, and uncounted if it was right.

So a thousand attempts at once are a thousand failures, not one. The password is verified between two transactions, since
argon2 takes its time. An unknown account takes as long as a known one and is refused in the same words.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg_pool import ConnectionPool

from api import queries
from api.access import IDLE, LIFETIME
from api.passwords import Passwords
from api.throttle import ACCOUNT, ADDRESS, Limit, in_words, wait
from api.tokens import hash_token, new_token

WRONG: Final = "That e-mail address and password do not go together."


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that was opened."""

    #: what the browser keeps; we keep its hash
    token: str
    #: when it ends, used or not
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """A login that was refused."""

    #: for the person, with the way out
    message: str
    #: how long until an attempt counts again, zero for at once
    retry_after: timedelta


def sign_in(
    pool: ConnectionPool[Connection[Any]], passwords: Passwords, *, email: str, password: str, address: str, now: datetime
) -> Opened | Refused:
    """Try to open a session."""
    keys = {_key("account", email.strip().lower()): ACCOUNT, _key("address", address): ADDRESS}
    with pool.connection() as conn:
        pause = max(_pause(conn, key, limit, now) for key, limit in sorted(keys.items()))
        if pause > timedelta(0):
            return Refused(f"Too many attempts. Wait {in_words(pause)}, then try again.", pause)
        counted = [queries.add_failure(conn, key, now) for key in keys]
        known = queries.find_credentials(conn, email.strip())
    staff_id, kept = known or (None, None)
    verdict = passwords.verify(kept, password)
    renewed = passwords.hash(password) if verdict.is_stale else None
    if not verdict.is_right or staff_id is None:
        if staff_id is not None:
            with pool.connection() as conn:
                queries.add_audit(conn, staff_id=staff_id, action="sign_in_refused", object="session", now=now)
        return Refused(WRONG, timedelta(0))
    opened = Opened(new_token(), now + LIFETIME)
    with pool.connection() as conn:
        if queries.find_credentials(conn, email.strip()) != (staff_id, kept):
            return Refused(WRONG, timedelta(0))  # disabled, or given another password, while this one was verified
        queries.forget_failures(conn, _key("account", email.strip().lower()))
        for failure_id in counted:
            queries.forget_failure(conn, failure_id)
        queries.drop_old_failures(conn, now - max(ACCOUNT.memory, ADDRESS.memory))
        queries.drop_dead_sessions(conn, now=now, idle_since=now - IDLE)
        if renewed is not None:
            queries.save_password_hash(conn, staff_id, renewed)
        queries.add_session(
            conn,
            token_hash=hash_token(opened.token),
            staff_id=staff_id,
            csrf=new_token(),
            now=now,
            expires_at=opened.expires_at,
        )
        queries.add_audit(conn, staff_id=staff_id, action="sign_in", object="session", now=now)
    return opened


def _pause(conn: Connection[Any], key: str, limit: Limit, now: datetime) -> timedelta:
    return wait(limit, queries.list_failures(conn, key, now - limit.memory), now)


def _key(kind: str, value: str) -> str:
    # an e-mail address typed into the wrong place may be a password: keep neither in clear
    return f"{kind}:{hashlib.sha256(value.encode('utf-8', 'replace')).hexdigest()[:32]}"


def change_password(
    conn: Connection[Any], passwords: Passwords, staff_id: int, *, current: str, new: str, now: datetime
) -> str | None:
    """Replace somebody's password if they know the one there is; else count a failure and return what to tell them."""
    key = _key("password", str(staff_id))
    if (pause := _pause(conn, key, ACCOUNT, now)) > timedelta(0):
        return f"Too many attempts. Wait {in_words(pause)}, then try again."
    if not passwords.verify(queries.find_password_hash(conn, staff_id), current).is_right:
        queries.add_failure(conn, key, now)
        return "The current password is not this one."
    queries.forget_failures(conn, key)
    queries.save_password_hash(conn, staff_id, passwords.hash(new))
    return None
