"""Rechecks: readings that came for a patient whose page waits, carried over to the hold and the alert.

Called by the engine in ingest's transaction with the patients' states locked, and by the deadlines; never commits.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from psycopg import Connection

from alerts import queries as alerts
from alerts.lifecycle import Step, close_if_done
from alerts.triage import queries
from alerts.triage.dispatch import settle
from alerts.triage.replies import answer
from alerts.triage.scene import Outcome


def heard(conn: Connection[Any], patient_ids: Iterable[int], now: datetime) -> set[int]:
    """End the holds that readings of these patients have answered; return the keys of the alerts that changed."""
    asked = queries.list_asked(conn, sorted(set(patient_ids)))
    answers: dict[int, Outcome] = {one.alert_id: said for one in asked if (said := answer(one)) is not None}
    return end(conn, answers, now) if answers else set()


def end(conn: Connection[Any], answers: dict[int, Outcome], now: datetime) -> set[int]:
    """End holds, by key of their alert: a cleared one is not sent, others are; return the keys of the alerts that changed."""
    found = {alert.id: alert for alert in alerts.lock_alerts(conn, sorted(answers))}
    steps: dict[int, Step] = {}
    for key, outcome in answers.items():
        if key not in found:
            continue
        alert, note = found[key], "cleared: two readings in range" if outcome == "cleared" else outcome
        step = Step(alert).then(alert, "rechecked", note)
        if outcome == "cleared":
            # the page is withheld whatever its severity; a medium one closes, as it would have without the recheck
            step = close_if_done(replace(step, alert=replace(alert, standing="cleared")), now)
        steps[key] = step
    alerts.update_alerts(conn, [step.alert for step in steps.values()])
    alerts.add_events(conn, [(key, what, note) for key, step in steps.items() for what, note in step.events], now)
    patients = {step.alert.patient_id for step in steps.values()}
    return settle(conn, patients, now, news=steps, answers=answers) | set(steps)


def overdue(conn: Connection[Any], patient_ids: Iterable[int], now: datetime) -> dict[int, Outcome]:
    """Return the holds of these patients whose time is up, by key of alert."""
    held = queries.load_holds(conn, sorted(set(patient_ids)))
    return {key: "no reply" for holds in held.values() for key, hold in holds.items() if hold.due_at <= now}


def lock(conn: Connection[Any], patient_ids: Iterable[int]) -> None:
    """Lock the states of patients, ascending, as whoever decides about them does."""
    alerts.lock_states(conn, np.array(sorted(set(patient_ids)), np.int32))
