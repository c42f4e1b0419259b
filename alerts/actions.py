"""Actions: what a person does to an alert.

Each is one step (`alerts/taking.py`), written with who and when in the caller's transaction; the patient's state is locked
before the alert, in the order of all locks.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import numpy as np
from psycopg import Connection

from alerts import queries, taking
from alerts.alert import DISPOSITIONS, Alert
from alerts.findings import Changes, write_steps
from alerts.lifecycle import Step
from alerts.rule import READING_KINDS
from alerts.state import StateUnreadable, forget_condition, forget_doubt
from devices.vitals import COLUMN, VITALS


def acknowledge(conn: Connection[Any], alert_public_id: str, staff_id: int, now: datetime) -> Alert | None:
    """Take an alert on; return it as it is now, None where there is none. A second acknowledgement changes nothing."""
    return _act(conn, alert_public_id, staff_id, now, lambda alert: taking.acknowledge(alert, staff_id, now))


def unacknowledge(conn: Connection[Any], alert_public_id: str, staff_id: int, now: datetime) -> Alert | None:
    """Take an acknowledgement back, unless its condition has opened another alert meanwhile; return the alert as it is now."""

    def undo(alert: Alert) -> Step:
        key = (alert.patient_id, alert.rule, alert.subject)
        others = queries.lock_open(conn, [alert.patient_id], [alert.rule]) if alert.closed_at is not None else []
        if any((other.patient_id, other.rule, other.subject) == key for other in others):
            return Step(alert)
        return taking.unacknowledge(alert)

    return _act(conn, alert_public_id, staff_id, now, undo)


def assign(conn: Connection[Any], alert_public_id: str, staff_id: int, now: datetime, *, to: int, name: str) -> Alert | None:
    """Give an alert to a member of staff, by key and name; return it as it is now."""
    return _act(conn, alert_public_id, staff_id, now, lambda alert: taking.assign(alert, to, name))


def unassign(conn: Connection[Any], alert_public_id: str, staff_id: int, now: datetime) -> Alert | None:
    """Take an alert from whom it was given to; return it as it is now."""
    return _act(conn, alert_public_id, staff_id, now, taking.unassign)


def comment(conn: Connection[Any], alert_public_id: str, staff_id: int, text: str, now: datetime) -> Alert | None:
    """Write something down about an alert; return it as it is now."""
    return _act(conn, alert_public_id, staff_id, now, lambda alert: taking.comment(alert, text))


def resolve(
    conn: Connection[Any], alert_public_id: str, staff_id: int, disposition: str, note: str, now: datetime
) -> Alert | None:
    """Close an alert with what it came to, and start its rule anew; return it as it is now.

    A condition that later readings still hold opens it again, or another one later on, which says so. Raises ValueError for
    an unknown disposition.
    """
    if disposition not in DISPOSITIONS:
        raise ValueError(f"{disposition!r} is no disposition; choose one of {', '.join(DISPOSITIONS)}")

    def close(alert: Alert) -> Step:
        reset_at = _reset(conn, alert, now) if alert.closed_at is None else None
        return taking.resolve(alert, staff_id, disposition, note, now, reset_at)

    return _act(conn, alert_public_id, staff_id, now, close)


def _act(conn: Connection[Any], public_id: str, staff_id: int, now: datetime, step_of: Callable[[Alert], Step]) -> Alert | None:
    found = queries.find_alert(conn, public_id)
    if found is None:
        return None
    queries.lock_states(conn, np.array([found.patient_id], np.int32))
    alert = queries.lock_alert(conn, public_id)
    assert alert is not None
    step, changes = step_of(alert), Changes()
    write_steps(conn, [step], now, changes, staff_id)
    queries.notify(conn, changes.changed)
    return queries.find_alert(conn, public_id)  # with what triage made of it


def _reset(conn: Connection[Any], alert: Alert, now: datetime) -> datetime | None:
    """Make the alert's condition inactive in its patient's locked state; return from when on it is judged anew."""
    kind = alert.explanation.get("kind")
    if kind in READING_KINDS:
        return _reset_condition(conn, alert)
    if kind != "doubt" or alert.subject not in COLUMN:
        return now if kind == "silence" else None
    vital = COLUMN[alert.subject]
    newest = queries.find_newest(conn, alert.patient_id, vital, is_suspect=True)
    packed, _ = queries.load_state(conn, alert.patient_id)
    with suppress(StateUnreadable):
        queries.replace_state(conn, alert.patient_id, forget_doubt(packed, vital))
    return newest


def _reset_condition(conn: Connection[Any], alert: Alert) -> datetime | None:
    """Make a condition inactive; return when the newest reading was measured that it can have been judged by."""
    subjects = range(len(VITALS)) if alert.subject not in COLUMN else [COLUMN[alert.subject]]
    found = [queries.find_newest(conn, alert.patient_id, vital, is_suspect=False) for vital in subjects]
    packed, names = queries.load_state(conn, alert.patient_id)
    if alert.rule in names:
        with suppress(StateUnreadable):
            queries.replace_state(conn, alert.patient_id, forget_condition(packed, names.index(alert.rule)))
    return max((one for one in found if one is not None), default=None)
