"""What people do about an alert beyond the screen, as rows with who and when: contacts, questions to physicians, hand-overs.

Every function takes the caller's connection first and never commits.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from psycopg import Connection
from psycopg.rows import class_row, dict_row

from alerts.actions import assign
from alerts.alert import Alert
from alerts.escalation.contact import Attempt, Decision, How, Outcome, WelfareCheck, Whom
from alerts.escalation.deadlines import page
from alerts.escalation.ladder_data import word_of
from alerts.escalation.pages import Due
from alerts.escalation.sbar import Draft, Order, Sbar
from database.sql import load_sql
from devices.vitals import VITALS
from messaging.notice import Planned
from messaging.queries import add_notices

SQL: Final = load_sql(__file__, "calls.sql")

State = Literal["pending", "accepted", "declined", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Item:
    """One alert that is handed over."""

    public_id: str
    #: random id of the hand-over it is part of
    hand_over: str
    #: name of who has it, and of who is to have it
    giver: str
    taker: str
    #: their random ids
    giver_id: str
    taker_id: str
    #: what the giver says of the whole hand-over
    hand_over_note: str
    at: datetime
    state: State
    note: str
    #: what the taker said
    answer: str
    settled_at: datetime | None
    #: random id of the alert
    alert: str
    alert_key: int
    patient_id: int
    #: it was closed meanwhile
    is_closed: bool


@dataclass(frozen=True, slots=True)
class LockedItem:
    """What settling an item needs to know, its row locked."""

    id: int
    state: State
    alert_id: int
    alert: str
    from_id: int
    to_id: int
    #: name of who is to have it
    taker: str


def add_attempt(
    conn: Connection[Any],
    patient_id: int,
    alert_id: int,
    whom: Whom,
    how: How,
    outcome: Outcome,
    note: str,
    by: int,
    now: datetime,
) -> None:
    """Write down an attempt to speak with somebody."""
    conn.execute(SQL["add_attempt"], {
        "patient_id": patient_id, "alert_id": alert_id, "whom": whom, "how": how, "outcome": outcome, "note": note,
        "staff_id": by, "now": now,
    })  # fmt: skip


def list_attempts(conn: Connection[Any], patient_id: int, since: datetime) -> list[Attempt]:
    """Return the attempts about a patient, oldest first."""
    with conn.cursor(row_factory=class_row(Attempt)) as cursor:
        return cursor.execute(SQL["list_attempts"], {"patient_id": patient_id, "since": since}).fetchall()


def add_check(
    conn: Connection[Any], patient_id: int, alert_id: int, decision: Decision, reason: str, by: int, now: datetime
) -> None:
    """Write down a decision about a welfare check."""
    conn.execute(SQL["add_check"], {
        "patient_id": patient_id, "alert_id": alert_id, "decision": decision, "reason": reason, "staff_id": by, "now": now,
    })  # fmt: skip


def list_checks(conn: Connection[Any], patient_id: int, since: datetime) -> list[WelfareCheck]:
    """Return the decisions about a patient, oldest first."""
    with conn.cursor(row_factory=class_row(WelfareCheck)) as cursor:
        return cursor.execute(SQL["list_checks"], {"patient_id": patient_id, "since": since}).fetchall()


def add_sbar(
    conn: Connection[Any], alert_id: int, patient_id: int, draft: Draft, *, physician_id: int | None, physician: str,
    reply_within: timedelta, by: int, now: datetime,
) -> str:  # fmt: skip
    """Write down what a physician is asked, and start the clock of the reply; return its random id."""
    row = conn.execute(SQL["add_sbar"], {
        "alert_id": alert_id, "patient_id": patient_id, "staff_id": by, "physician_id": physician_id, "physician": physician,
        "situation": draft.situation, "background": draft.background, "assessment": draft.assessment,
        "recommendation": draft.recommendation, "reply_within": reply_within, "now": now,
    }).fetchone()  # fmt: skip
    assert row is not None
    return str(row[0])


def ask_physician(
    conn: Connection[Any], alert: Alert, parts: Draft, *, physician_id: int | None, physician: str, reply_within: timedelta,
    by: int, now: datetime,
) -> None:  # fmt: skip
    """Ask a physician: keep the text, start the clock, and page them where they have an account, with a link alone."""
    add_sbar(
        conn, alert.id, alert.patient_id, parts, physician_id=physician_id, physician=physician, reply_within=reply_within,
        by=by, now=now,
    )  # fmt: skip
    word = word_of(alert.severity, emergency=alert.emergency)
    if physician_id is not None:
        asked = Due(alert.id, alert.public_id, alert.patient_id, physician_id, word, (), "asked for a reply", "reply")
        page(conn, [asked], now)
    else:
        why = "the physician has no account here: whoever asks calls them"
        add_notices(conn, [(alert.id, Planned("page", physician, "", "withheld", why))], now)


def list_sbars(conn: Connection[Any], alert_id: int) -> list[Sbar]:
    """Return what physicians were asked about an alert, oldest first, with their orders."""
    orders: dict[int, tuple[Order, ...]] = defaultdict(tuple)
    with conn.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(SQL["list_orders"], {"alert_id": alert_id}):
            orders[row.pop("sbar_id")] += (Order(**row),)
        found = []
        for row in cursor.execute(SQL["list_sbars"], {"alert_id": alert_id}):
            key = row.pop("id")
            found.append(replace(Sbar(**row), orders=orders[key]))
    return found


def reply(conn: Connection[Any], public_id: str, text: str, by: int, now: datetime) -> bool:
    """Write down a physician's reply and stop its clock; return whether one was awaited."""
    values = {"public_id": public_id, "reply": text, "staff_id": by, "now": now}
    return conn.execute(SQL["reply"], values).fetchone() is not None


def find_sbar(conn: Connection[Any], public_id: str) -> tuple[int, str, bool] | None:
    """Return (key, random id of the alert, whether there is a reply)."""
    return conn.execute(SQL["find_sbar"], {"public_id": public_id}).fetchone()


def add_order(conn: Connection[Any], sbar_id: int, text: str, by: int, now: datetime) -> None:
    """Write down an order as it was heard; it does not count yet."""
    conn.execute(SQL["add_order"], {"sbar_id": sbar_id, "text": text, "staff_id": by, "now": now})


def find_order(conn: Connection[Any], public_id: str) -> tuple[str, bool] | None:
    """Return (random id of the alert, whether it was read back)."""
    return conn.execute(SQL["find_order"], {"public_id": public_id}).fetchone()


def read_back(conn: Connection[Any], public_id: str, confirmed_by: str, by: int, now: datetime) -> bool:
    """Write down that an order was read back and confirmed; return whether that was missing."""
    values = {"public_id": public_id, "confirmed_by": confirmed_by, "staff_id": by, "now": now}
    return conn.execute(SQL["read_back"], values).fetchone() is not None


def latest_readings(conn: Connection[Any], patient_id: int, since: datetime) -> list[tuple[str, float, datetime]]:
    """Return (vital, value, measured_at) of the newest reading of each vital since then."""
    names = [vital.name for vital in VITALS]
    values = {"names": names, "columns": list(range(len(names))), "patient_id": patient_id, "since": since}
    return conn.execute(SQL["latest_readings"], values).fetchall()


def hand_over(
    conn: Connection[Any], from_id: int, to_id: int, note: str, alerts: Sequence[str] | None, now: datetime
) -> tuple[str, int]:
    """Offer somebody what one has, or some of it; return the random id of the hand-over and how many items it has."""
    row = conn.execute(SQL["add_hand_over"], {"from_id": from_id, "to_id": to_id, "note": note, "now": now}).fetchone()
    assert row is not None
    wanted = None if alerts is None else list(alerts)
    added = conn.execute(SQL["add_items"], {"hand_over_id": row[0], "from_id": from_id, "alerts": wanted})
    return str(row[1]), added.rowcount


def list_items(conn: Connection[Any], staff_id: int, since: datetime) -> list[Item]:
    """Return what somebody hands over or is handed: all that waits, and what was settled since then."""
    with conn.cursor(row_factory=class_row(Item)) as cursor:
        return cursor.execute(SQL["list_items"], {"staff_id": staff_id, "since": since}).fetchall()


def list_own(conn: Connection[Any], staff_id: int) -> list[str]:
    """Return the random ids of the open alerts that somebody has."""
    return [row[0] for row in conn.execute(SQL["list_own"], {"staff_id": staff_id})]


def lock_item(conn: Connection[Any], public_id: str) -> LockedItem | None:
    """Return an item, its row locked."""
    row = conn.execute(SQL["lock_item"], {"public_id": public_id}).fetchone()
    return None if row is None else LockedItem(*row)


def settle_item(conn: Connection[Any], item: LockedItem, state: State, answer: str, by: int, now: datetime) -> None:
    """Accept, decline or withdraw an item; an accepted one is the taker's from now on, and its alert says so."""
    conn.execute(SQL["settle_item"], {"id": item.id, "state": state, "answer": answer, "staff_id": by, "now": now})
    if state == "accepted":
        assign(conn, item.alert, by, now, to=by, name=item.taker)
