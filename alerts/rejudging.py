"""Rejudging: loads what an alert was judged with, and has it judged again (`alerts/rejudge.py`).

Called with a connection inside the caller's transaction; changes nothing and never commits.
"""

from typing import Any, Final

import numpy as np
from psycopg import Connection

from alerts import queries
from alerts.alert import Alert
from alerts.moments import to_us
from alerts.people import People
from alerts.rebuild import Resets
from alerts.rejudge import Rejudged, can_rejudge, rejudge
from alerts.rule import Rule
from alerts.rules import RuleSet
from database.sql import load_sql
from devices.recording import load_history

SQL: Final = load_sql(__file__, "rejudging.sql")


def rejudge_alert(conn: Connection[Any], alert: Alert) -> Rejudged | None:
    """Judge an alert again from what is stored; None where a clock judged it, or its rule set is not kept."""
    if not can_rejudge(alert.explanation):
        return None
    row = conn.execute(SQL["load_judged"], {"alert_id": alert.id}).fetchone()
    if row is None:
        return None
    rules = RuleSet(tuple(Rule.from_json(one) for one in row[0]))
    if alert.rule not in rules.column:
        return None
    patient = np.array([alert.patient_id], np.int32)
    limits, references = queries.load_own(conn, patient, patient, rules.column)
    people = People(rules.mask([row[1]]), limits, references, np.zeros(1, np.intp), (row[2],))
    resets = Resets.none(1, rules.layout.rules)
    for name, at in conn.execute(
        SQL["load_resets_then"], {"patient_id": alert.patient_id, "opened_at": alert.opened_at}
    ).fetchall():
        if name in rules.column:
            resets.rules[0, rules.column[name]] = to_us(at)
    then, now = load_history(conn, patient, known_at=alert.opened_at), load_history(conn, patient)
    return rejudge(alert.explanation, alert.rule, rules, people, resets, then, now)
