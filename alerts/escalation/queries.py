"""What the climbing of ladders asks the database.

Every function takes the caller's connection first and never commits.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from alerts.escalation.ladder_data import Word
from alerts.escalation.pages import Due, LastPage
from database.sql import load_sql

SQL: Final = load_sql(__file__)


@dataclass(frozen=True, slots=True)
class DueStep:
    """An alert whose ladder goes on now."""

    alert_id: int
    #: public id
    alert: str
    patient_id: int
    severity: str
    emergency: bool
    acknowledged_at: datetime | None
    #: key of whoever has it
    owner_id: int | None
    closed_at: datetime | None
    coordinator_id: int | None
    team_id: int | None
    #: "paging" or "reminding"
    phase: str
    step: int
    taken: int
    rounds: int
    reason: str
    due_at: datetime
    began_at: datetime
    exhausted_at: datetime | None
    paged_at: datetime | None
    #: when a person last did anything about it but take it on
    touched_at: datetime | None


@dataclass(frozen=True, slots=True)
class DueReply:
    """A physician's reply that is overdue."""

    id: int
    alert_id: int
    alert: str
    patient_id: int
    severity: str
    emergency: bool
    asked_by: int
    physician_id: int | None
    reply_within: timedelta
    reminded: int
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class StandingRow:
    """Where the ladder of an alert stands."""

    alert_id: int
    severity: str
    emergency: bool
    coordinator_id: int | None
    team_id: int | None
    phase: str
    step: int
    taken: int
    rounds: int
    reason: str
    due_at: datetime | None
    paged_at: datetime | None
    exhausted_at: datetime | None
    held_until: datetime | None
    ended_at: datetime | None
    ended_how: str | None
    owner_id: int | None


@dataclass(frozen=True, slots=True)
class OpenOwner:
    """An open alert and whose it is."""

    id: int
    public_id: str
    patient_id: int
    patient: str
    severity: str
    emergency: bool
    owner_id: int | None
    coordinator_id: int | None
    team_id: int | None
    due_at: datetime | None
    exhausted_at: datetime | None


@dataclass(frozen=True, slots=True)
class PageSent:
    """A page about an alert, with what became of it."""

    public_id: str
    #: whom it went to
    recipient: str
    word: Word
    why: str
    #: how many alerts it was about
    alerts: int
    patients: int
    send_at: datetime
    #: why this alert was part of it
    reason: str
    #: "webhook: delivered", …
    receipts: list[str]


def begin_escalations(conn: Connection[Any], calls: Sequence[dict[str, Any]], now: datetime) -> None:
    """Start the ladders of alerts from their first step."""
    conn.execute(SQL["begin_escalations"], {"calls": _json(calls), "now": now})


def end_escalations(conn: Connection[Any], alert_ids: Sequence[int], how: str, now: datetime) -> None:
    """End the ladders of alerts that have not ended yet."""
    conn.execute(SQL["end_escalations"], {"alert_ids": list(alert_ids), "how": how, "now": now})


def end_past(conn: Connection[Any], before: datetime, how: str, now: datetime) -> int:
    """End the ladders that began before a moment and still run; return how many."""
    return conn.execute(SQL["end_past"], {"before": before, "how": how, "now": now}).rowcount


def withhold_pages(conn: Connection[Any], alert_ids: Sequence[int], how: str, now: datetime) -> int:
    """Withhold pages that wait and that no alert needs any more; return how many rows."""
    return conn.execute(SQL["withhold_pages"], {"alert_ids": list(alert_ids), "how": how, "now": now}).rowcount


def list_resting(conn: Connection[Any], alert_ids: Sequence[int]) -> list[tuple[int, str, bool, int | None]]:
    """Return (key, severity, emergency, team) of those that a person took on and that are still open."""
    return conn.execute(SQL["list_resting"], {"alert_ids": list(alert_ids)}).fetchall()


def rest_escalations(conn: Connection[Any], waits: Mapping[int, timedelta], now: datetime) -> None:
    """Let the ladders of alerts rest until their owners are asked again."""
    values = {"alert_ids": list(waits), "remind_seconds": [wait.total_seconds() for wait in waits.values()], "now": now}
    conn.execute(SQL["rest_escalations"], values)


def next_due(conn: Connection[Any]) -> datetime | None:
    """Return when the next step, reply or dead page wants to be looked at."""
    row = conn.execute(SQL["next_due"]).fetchone()
    return None if row is None else row[0]


def claim_due(conn: Connection[Any], now: datetime, limit: int) -> list[DueStep]:
    """Take the steps that are due and that nobody else has taken."""
    with conn.cursor(row_factory=class_row(DueStep)) as cursor:
        return cursor.execute(SQL["claim_due"], {"now": now, "limit": limit}).fetchall()


def advance(conn: Connection[Any], rows: Sequence[dict[str, Any]]) -> None:
    """Write where ladders stand now."""
    conn.execute(SQL["advance"], {"rows": _json(rows)})


def lock_people(conn: Connection[Any], staff_ids: Collection[int]) -> None:
    """Keep other workers from paging these people until this transaction ends."""
    conn.execute(SQL["lock_people"], {"staff_ids": sorted(staff_ids)})


def last_pages(conn: Connection[Any], staff_ids: Collection[int]) -> dict[int, LastPage]:
    """Return the newest page of each of these people."""
    rows = conn.execute(SQL["last_pages"], {"staff_ids": sorted(staff_ids)})
    return {staff_id: LastPage(key, word, send_at, is_open) for staff_id, key, word, send_at, is_open in rows}


def add_page(conn: Connection[Any], staff_id: int, word: Word, due: Sequence[Due], send_at: datetime, now: datetime) -> int:
    """Add a page to one person about some alerts; return its key."""
    values = {
        "staff_id": staff_id, "word": word, "why": due[0].why, "alerts": len(due),
        "patients": len({one.patient_id for one in due}), "send_at": send_at, "now": now,
    }  # fmt: skip
    row = conn.execute(SQL["add_page"], values).fetchone()
    assert row is not None
    add_page_alerts(conn, int(row[0]), due, now)
    return int(row[0])


def add_page_alerts(conn: Connection[Any], page_id: int, due: Sequence[Due], now: datetime) -> None:
    """Say that these alerts are part of a page."""
    rows = [{"alert_id": one.alert_id, "patient_id": one.patient_id, "reason": one.reason} for one in due]
    conn.execute(SQL["add_page_alerts"], {"page_id": page_id, "rows": _json(rows), "now": now})


def lock_waiting_rows(conn: Connection[Any], page_id: int) -> list[int]:
    """Return the rows of a page that wait to be sent, locked."""
    return [row[0] for row in conn.execute(SQL["lock_waiting_rows"], {"page_id": page_id})]


def count_page(conn: Connection[Any], page_id: int, word: Word, send_at: datetime) -> tuple[int, int]:
    """Count a page anew; return alerts and patients."""
    row = conn.execute(SQL["count_page"], {"page_id": page_id, "word": word, "send_at": send_at}).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def rewrite_waiting_rows(conn: Connection[Any], ids: Sequence[int], body: str, operator: str, send_at: datetime) -> None:
    """Let the rows of a page say what it is about now."""
    conn.execute(SQL["rewrite_waiting_rows"], {"ids": list(ids), "body": body, "operator": operator, "send_at": send_at})


def hasten_dead(conn: Connection[Any], now: datetime, limit: int) -> tuple[int, int]:
    """Let ladders go on whose pages could not be delivered; return how many dead rows and how many ladders."""
    row = conn.execute(SQL["hasten_dead"], {"now": now, "limit": limit}).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def tell_unstaffed(conn: Connection[Any], told: Mapping[int, datetime], now: datetime) -> list[tuple[int, datetime, str, str]]:
    """Note that patients are told of an unstaffed time; return (patient, until, emergency number, zone) of who was not yet."""
    values = {"patient_ids": list(told), "until_ats": list(told.values()), "now": now}
    return conn.execute(SQL["tell_unstaffed"], values).fetchall()


def claim_replies(conn: Connection[Any], now: datetime, limit: int) -> list[DueReply]:
    """Take the replies that are overdue and that nobody else has taken."""
    with conn.cursor(row_factory=class_row(DueReply)) as cursor:
        return cursor.execute(SQL["claim_replies"], {"now": now, "limit": limit}).fetchall()


def remind_replies(conn: Connection[Any], due: Mapping[int, datetime | None]) -> None:
    """Set when overdue replies are asked for again, None for no more."""
    conn.execute(SQL["remind_replies"], {"ids": list(due), "due_ats": list(due.values())})


def list_ladders(conn: Connection[Any], team_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """Return the ladders of those teams that have one of their own."""
    return dict(conn.execute(SQL["list_ladders"], {"team_ids": list(team_ids)}).fetchall())


def add_ladder(conn: Connection[Any], team_id: int, ladder: dict[str, Any], by: int | None, now: datetime) -> None:
    """Give a team a new version of its ladder."""
    values = {"team_id": team_id, "ladder": msgspec.json.encode(ladder).decode(), "by": by, "now": now}
    conn.execute(SQL["add_ladder"], values)


def list_standings(conn: Connection[Any], alert_ids: Collection[int]) -> dict[int, StandingRow]:
    """Return where the ladders of these alerts stand."""
    with conn.cursor(row_factory=class_row(StandingRow)) as cursor:
        return {row.alert_id: row for row in cursor.execute(SQL["list_standings"], {"alert_ids": list(alert_ids)})}


def list_open_owners(conn: Connection[Any]) -> list[OpenOwner]:
    """Return every open alert and whose it is."""
    with conn.cursor(row_factory=class_row(OpenOwner)) as cursor:
        return cursor.execute(SQL["list_open_owners"]).fetchall()


def list_uncoordinated(conn: Connection[Any], limit: int) -> list[str]:
    """Return the random ids of patients without a coordinator who may sign in."""
    return [row[0] for row in conn.execute(SQL["list_uncoordinated"], {"limit": limit})]


def list_used_teams(conn: Connection[Any]) -> list[int | None]:
    """Return the keys of the teams that have patients, None where some patient has no team."""
    return [row[0] for row in conn.execute(SQL["list_used_teams"])]


def count_exhausted(conn: Connection[Any]) -> tuple[int, datetime | None]:
    """Return how many alerts nobody has answered to the end of their ladder, and since when the oldest."""
    row = conn.execute(SQL["count_exhausted"]).fetchone()
    assert row is not None
    return int(row[0]), row[1]


def list_pages(conn: Connection[Any], alert_id: int) -> list[PageSent]:
    """Return the pages about an alert, oldest first."""
    with conn.cursor(row_factory=class_row(PageSent)) as cursor:
        return cursor.execute(SQL["list_pages"], {"alert_id": alert_id}).fetchall()


def _json(rows: Sequence[dict[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()
