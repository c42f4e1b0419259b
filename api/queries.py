"""What `api` asks the database about its own tables: sessions, tokens, login failures, passwords, audit.

Every function takes the caller's connection first and never commits. Tokens and passwords arrive hashed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from api.records import OpenAlerts, Readings, Scope, SessionRow, Token, TokenRow
from database.sql import load_sql

SQL: Final = load_sql(__file__)


def add_session(
    conn: Connection[Any], *, token_hash: bytes, staff_id: int, csrf: str, now: datetime, expires_at: datetime
) -> None:
    """Open a session."""
    values = {"token_hash": token_hash, "staff_id": staff_id, "csrf": csrf, "now": now, "expires_at": expires_at}
    conn.execute(SQL["add_session"], values)


def find_session(conn: Connection[Any], token_hash: bytes, *, now: datetime, idle_since: datetime) -> SessionRow | None:
    """Return the session if it is live and its owner may still sign in."""
    with conn.cursor(row_factory=class_row(SessionRow)) as cursor:
        values = {"token_hash": token_hash, "now": now, "idle_since": idle_since}
        return cursor.execute(SQL["find_session"], values).fetchone()


def touch_session(conn: Connection[Any], token_hash: bytes, now: datetime) -> None:
    """Remember that the session was used now."""
    conn.execute(SQL["touch_session"], {"token_hash": token_hash, "now": now})


def end_session(conn: Connection[Any], token_hash: bytes) -> None:
    """End one session; live event streams of it end too."""
    conn.execute(SQL["end_session"], {"token_hash": token_hash})
    conn.execute(SQL["tell_session_ended"])


def end_sessions_of(conn: Connection[Any], staff_id: int, *, but: bytes | None = None) -> None:
    """End every session of somebody, all but one where a hash is given."""
    if but is None:
        conn.execute(SQL["end_sessions_of"], {"staff_id": staff_id})
    else:
        conn.execute(SQL["end_other_sessions_of"], {"staff_id": staff_id, "token_hash": but})
    conn.execute(SQL["tell_session_ended"])


def drop_dead_sessions(conn: Connection[Any], *, now: datetime, idle_since: datetime) -> int:
    """Delete sessions that no longer open anything; return how many."""
    return conn.execute(SQL["drop_dead_sessions"], {"now": now, "idle_since": idle_since}).rowcount


def find_token(conn: Connection[Any], token_hash: bytes, now: datetime) -> TokenRow | None:
    """Return the API token if it is live and its owner may still sign in."""
    with conn.cursor(row_factory=class_row(TokenRow)) as cursor:
        return cursor.execute(SQL["find_token"], {"token_hash": token_hash, "now": now}).fetchone()


def add_token(
    conn: Connection[Any],
    *,
    token_hash: bytes,
    name: str,
    scope: Scope,
    staff_id: int | None,
    now: datetime,
    expires_at: datetime | None = None,
) -> int:
    """Keep an API token; return its number. A token of scope "api" needs somebody it acts for."""
    if scope == "api" and staff_id is None:
        raise ValueError("a token of scope 'api' acts for a member of staff: name one")
    values = {
        "token_hash": token_hash,
        "name": name,
        "scope": scope,
        "staff_id": staff_id,
        "now": now,
        "expires_at": expires_at,
    }
    row = conn.execute(SQL["add_token"], values).fetchone()
    assert row is not None
    return int(row[0])


def list_tokens(conn: Connection[Any]) -> list[Token]:
    """Return every API token, revoked ones too."""
    with conn.cursor(row_factory=class_row(Token)) as cursor:
        return cursor.execute(SQL["list_tokens"]).fetchall()


def revoke_token(conn: Connection[Any], token_id: int, now: datetime) -> bool:
    """Make a token useless; False when there is no such token."""
    return conn.execute(SQL["revoke_token"], {"token_id": token_id, "now": now}).rowcount == 1


def find_credentials(conn: Connection[Any], email: str) -> tuple[int, str | None] | None:
    """Return (key, password hash) of whoever signs in with this e-mail address and may."""
    row = conn.execute(SQL["find_credentials"], {"email": email}).fetchone()
    return None if row is None else (row[0], row[1])


def find_password_hash(conn: Connection[Any], staff_id: int) -> str | None:
    """Return the kept hash of somebody's password."""
    row = conn.execute(SQL["find_password_hash"], {"staff_id": staff_id}).fetchone()
    return None if row is None else row[0]


def save_password_hash(conn: Connection[Any], staff_id: int, password_hash: str) -> None:
    """Replace somebody's password."""
    conn.execute(SQL["save_password_hash"], {"staff_id": staff_id, "password_hash": password_hash})


def list_failures(conn: Connection[Any], key: str, since: datetime) -> list[datetime]:
    """Return when logins of this key failed, after waiting for any other attempt that is being counted."""
    conn.execute(SQL["lock_login"], {"key": key})
    return [row[0] for row in conn.execute(SQL["list_failures"], {"key": key, "since": since})]


def add_failure(conn: Connection[Any], key: str, now: datetime) -> int:
    """Count a failure; return its number."""
    row = conn.execute(SQL["add_failure"], {"key": key, "now": now}).fetchone()
    assert row is not None
    return int(row[0])


def forget_failures(conn: Connection[Any], key: str) -> None:
    """Forget every failure of a key: its owner has shown who they are."""
    conn.execute(SQL["forget_failures"], {"key": key})


def forget_failure(conn: Connection[Any], failure_id: int) -> None:
    """Take back one failure that turned out to be none."""
    conn.execute(SQL["forget_failure"], {"failure_id": failure_id})


def drop_old_failures(conn: Connection[Any], before: datetime) -> None:
    """Delete failures that nothing asks for any more."""
    conn.execute(SQL["drop_old_failures"], {"before": before})


def add_audit(
    conn: Connection[Any],
    *,
    staff_id: int | None,
    action: str,
    object: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write who did what to what, in the transaction that does it. Ids only: never a name, phone or value."""
    values = {"staff_id": staff_id, "action": action, "object": object, "now": now, "detail": Jsonb(dict(detail or {}))}
    conn.execute(SQL["add_audit"], values)


def count_readings(conn: Connection[Any]) -> Readings:
    """Sum what became of the readings of all devices."""
    with conn.cursor(row_factory=class_row(Readings)) as cursor:
        counted = cursor.execute(SQL["count_readings"]).fetchone()
    assert counted is not None
    return counted


def count_open_alerts(conn: Connection[Any]) -> list[OpenAlerts]:
    """Count the open alerts by kind."""
    with conn.cursor(row_factory=class_row(OpenAlerts)) as cursor:
        return cursor.execute(SQL["count_open_alerts"]).fetchall()


def count_quarantine(conn: Connection[Any]) -> dict[str, int]:
    """Count what lies in quarantine by reason."""
    return {row[0]: row[1] for row in conn.execute(SQL["count_quarantine"])}


def count_outbox(conn: Connection[Any]) -> dict[str, tuple[int, datetime | None]]:
    """Return (how many, earliest due time of the pending) by state of outgoing messages."""
    return {row[0]: (row[1], row[2]) for row in conn.execute(SQL["count_outbox"])}


def oldest_unjudged(conn: Connection[Any]) -> tuple[int, datetime | None]:
    """Return (how many patients wait to be judged again, since when the oldest)."""
    row = conn.execute(SQL["oldest_unjudged"]).fetchone()
    assert row is not None
    return row[0], row[1]


def last_received(conn: Connection[Any]) -> tuple[datetime | None, int | None]:
    """Return something that changes whenever a reading is stored."""
    row = conn.execute(SQL["last_received"]).fetchone()
    assert row is not None
    return row[0], row[1]


def count_readings_of(conn: Connection[Any], devices: Sequence[str]) -> tuple[int, int, int, int]:
    """Return how many readings of these devices, by public id, are stored, suspect, duplicate and in quarantine."""
    row = conn.execute(SQL["count_readings_of"], {"devices": list(devices)}).fetchone()
    assert row is not None
    return row[0], row[1], row[2], row[3]


def count_alerts_since(conn: Connection[Any], patient_ids: Sequence[int], since: datetime) -> list[tuple[str, str, int]]:
    """Return (rule, lateness, alerts opened since) of these patients, the most frequent first."""
    rows = conn.execute(SQL["count_alerts_since"], {"patient_ids": list(patient_ids), "since": since})
    return [(rule, lateness, count) for rule, lateness, count in rows]
