"""Measures: what was prescribed to a patient and does not come is a fault of its own, whatever their devices say.

Judged against the patient's own schedule, measure by measure: a gateway that is online never hides a silent scale.
Time in which our own path was down does not count (I14), and after a pause it is counted anew. Called by the sweep; never
commits.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from psycopg import Connection

from alerts import lifecycle, silence
from alerts import queries as alerts
from alerts.findings import Changes, write_steps
from alerts.lifecycle import Episode, Step
from alerts.rules import RuleSet
from alerts.swept import queries
from alerts.swept.told import explain_measure
from alerts.swept.why import queue_of, why_silent
from care.plan.queries import end_pauses_by_readings


def open_silent_measures(
    conn: Connection[Any], rules: RuleSet, ruleset_id: int, now: datetime, after: int, limit: int
) -> tuple[Changes, int | None]:
    """Open alerts for what does not come of patients above a key; return also where to go on, None at the end."""
    changes = Changes()
    least = min((rule.missed for rule in rules.of_kind("silence")), default=None)
    if least is None:
        return changes, None
    patients = queries.list_asked_patients(conn, now, after, limit)
    # looked for without a lock, which ingest would wait for; then once more for the few that are locked
    silent = sorted({one.patient_id for one in queries.list_silent_measures(conn, patients, now, least)})
    alerts.lock_states(conn, np.array(silent, np.int32))
    found = queries.list_silent_measures(conn, silent, now, least) if silent else []
    programmes, homes = alerts.load_programmes(conn, silent), queries.load_homes(conn, silent, now)
    steps: list[Step] = []
    for one in found:
        rule = silence.rule_for(rules, programmes[one.patient_id])
        if rule is None or one.counted <= one.every * rule.missed:
            continue
        home = homes.get(one.patient_id, [])
        device = next((known for known in home if known.id == one.device_id), None)
        cause = why_silent(device, home, one.last_at, now)
        step = lifecycle.open_alert(rule, one.patient_id, one.measure, Episode(one.since, now, now), "live", now, ruleset_id)
        told = explain_measure(
            rule, step.alert, rules.digest,
            measure=one.measure, every=one.every, last_at=one.last_at, since=one.since, counted=one.counted,
            device=device, cause=cause,
        )  # fmt: skip
        steps.append(replace(step, alert=replace(step.alert, category=queue_of(rule, cause), explanation=told)))
    write_steps(conn, steps, now, changes)
    return changes, patients[-1] if len(patients) == limit else None


def settle_silences(conn: Connection[Any], now: datetime) -> Changes:
    """End pauses that a reading contradicts, and silences that are over: measured again, paused, or not asked any more."""
    changes = Changes()
    end_pauses_by_readings(conn, now)
    paused = queries.list_paused_device_silences(conn, now)
    over = [*queries.list_settled_silences(conn, now), *paused]
    if not over:
        return changes
    heard = queries.lock_devices_of_alerts(conn, [key for key, _, _ in paused])  # devices, states, alerts: the order of locks
    alerts.lock_states(conn, np.array(sorted({patient for _, patient, _ in over}), np.int32))
    notes = {key: note for key, _, note in over}
    steps = [lifecycle.cease(Step(alert), now, now, notes[alert.id]) for alert in alerts.lock_alerts(conn, sorted(notes))]
    write_steps(conn, steps, now, changes)
    alerts.mark_silent(conn, heard, is_silent=False)
    return changes
