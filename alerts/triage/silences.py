"""Silences: a person mutes one vital and direction of one patient for at most a day, and can take that back.

Called with a connection inside the caller's transaction; never commits. What a silence covers is decided in
`alerts/triage/decide.py`: never a higher severity than it was set at, the emergency band, a composite, a score, a red flag,
a doubt or missing data.
"""

from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from psycopg import Connection

from alerts import queries as alerts
from alerts.alert import Alert
from alerts.triage import queries
from alerts.triage.dispatch import settle
from alerts.triage.queries import SilenceRow
from devices.vitals import COLUMN

#: the longest silence
LONGEST: Final = timedelta(hours=24)


class CannotSilence(ValueError):
    """This alert is of a sort that nobody may silence, or it is closed; the message says which and what to do instead."""


def check_silence(alert: Alert, length: timedelta) -> None:
    """Raise CannotSilence for an alert that no silence can cover, or a length that none may have."""
    if not timedelta(0) < length <= LONGEST:
        raise CannotSilence("a silence lasts between a minute and 24 hours")
    if alert.closed_at is not None:
        raise CannotSilence("this alert is closed already")
    if alert.emergency:
        raise CannotSilence("the emergency band is never silenced: acknowledge it, or resolve it")
    if alert.direction is None or alert.subject not in COLUMN:
        raise CannotSilence("only a vital beyond a limit can be silenced, not a score, a doubt or missing data: acknowledge it")


def silence(
    conn: Connection[Any], alert_public_id: str, staff_id: int, length: timedelta, reason: str, now: datetime
) -> tuple[Alert, SilenceRow] | None:
    """Silence the vital and direction of an alert, up to its severity; return both as they are now, None where unknown."""
    found = alerts.find_alert(conn, alert_public_id)
    if found is None:
        return None
    alerts.lock_states(conn, np.array([found.patient_id], np.int32))
    alert = alerts.lock_alert(conn, alert_public_id)
    assert alert is not None
    check_silence(alert, length)
    assert alert.subject is not None
    assert alert.direction is not None
    public_id = queries.add_silence(
        conn, alert, vital=alert.subject, direction=alert.direction, severity=alert.severity, ends_at=now + length,
        staff_id=staff_id, reason=reason, now=now,
    )  # fmt: skip
    alerts.add_events(conn, [(alert.id, "silenced", f"until {(now + length).isoformat(timespec='seconds')}")], now, staff_id)
    alerts.notify(conn, settle(conn, {alert.patient_id}, now) | {alert.id})
    after, row = alerts.find_alert(conn, alert_public_id), queries.find_silence(conn, public_id)
    assert after is not None
    assert row is not None
    return after, row


def unsilence(conn: Connection[Any], public_id: str, staff_id: int, now: datetime) -> SilenceRow | None:
    """End a silence by hand; what it covered and still holds is shown and sent. Returns it as it is now, None where unknown."""
    row = queries.find_silence(conn, public_id)
    if row is None:
        return None
    alerts.lock_states(conn, np.array([row.patient_id], np.int32))
    if queries.end_silence(conn, public_id, staff_id, now):
        alerts.add_events(conn, [(row.alert_id, "unsilenced", "")], now, staff_id)
        alerts.notify(conn, settle(conn, {row.patient_id}, now) | {row.alert_id})
    return queries.find_silence(conn, public_id)
