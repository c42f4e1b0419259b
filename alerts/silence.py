"""Silence: a device that misses its schedule is a fault that somebody must hear of; our own outage is not the device's.

Only time in which ingest was connected and caught up counts (I14). Called by the sweep, which opens, and by ingest, which
ends it with the first reading; never commits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from psycopg import Connection

from alerts import lifecycle, queries
from alerts.explanation import Silence, explain_silence
from alerts.findings import Changes, write_steps
from alerts.lifecycle import Episode, Step
from alerts.rule import ANY, Rule
from alerts.rules import RuleSet
from alerts.swept.queries import load_homes
from alerts.swept.why import WORDS, queue_of, why_silent


def rule_for(rules: RuleSet, programmes: Sequence[str]) -> Rule | None:
    """Return the silence rule of a patient: one for a programme of theirs before one for everybody, then the most severe."""
    order = ("high", "medium", "low")
    fitting = [rule for rule in rules.of_kind("silence") if rule.applies_to(programmes)]
    return min(fitting, key=lambda rule: (ANY in rule.programmes, order.index(rule.severity), rule.name), default=None)


def open_silences(
    conn: Connection[Any], rules: RuleSet, ruleset_id: int, now: datetime, after: int, limit: int
) -> tuple[Changes, int | None]:
    """Open alerts for devices, above a key, that have been silent too long; return also where to go on, None at the end."""
    changes = Changes()
    least = min((rule.missed for rule in rules.of_kind("silence")), default=None)
    if least is None:
        return changes, None
    devices = queries.lock_overdue_devices(conn, now, least, after, limit)
    found = queries.list_silences(conn, devices, now, least) if devices else []
    patients = sorted({row[4] for row in found})
    queries.lock_states(conn, np.array(patients, np.int32))
    programmes, homes = queries.load_programmes(conn, patients), load_homes(conn, patients, now)
    steps: list[Step] = []
    silent: set[int] = set()
    for device, public_id, kind, every, patient_id, received, since, counted in found:
        rule = rule_for(rules, programmes[patient_id])
        if rule is None or counted <= every * rule.missed:
            continue
        episode = Episode(since, now, now)
        home = homes.get(patient_id, [])
        cause = why_silent(next((one for one in home if one.id == device), None), home, received, now)
        step = lifecycle.open_alert(rule, patient_id, public_id, episode, "live", now, ruleset_id)
        known = Silence(public_id, kind, every.total_seconds(), received, since, counted.total_seconds())
        told = explain_silence(rule, step.alert, known, rules.digest)
        told |= {"cause": cause, "why_silent": WORDS[cause], "reason": f"{told['reason']}; {WORDS[cause]}"}
        steps.append(replace(step, alert=replace(step.alert, category=queue_of(rule, cause), explanation=told)))
        silent.add(device)
    write_steps(conn, steps, now, changes)
    queries.mark_silent(conn, sorted(silent), is_silent=True)
    return changes, devices[-1] if len(devices) == limit else None


def resolve_silence(conn: Connection[Any], device_ids: Iterable[int], now: datetime) -> list[int]:
    """End the silence of devices that were heard again; return the keys of the alerts that changed."""
    heard = sorted(set(device_ids))
    if not heard:
        return []
    changes = Changes()
    queries.lock_states(conn, np.array(queries.list_silent_patients(conn, heard), np.int32))
    steps = [lifecycle.cease(Step(alert), now, now, "heard again") for alert in queries.lock_open_silences(conn, heard)]
    write_steps(conn, steps, now, changes)
    queries.mark_silent(conn, heard, is_silent=False)
    queries.notify(conn, changes.changed)
    return sorted(changes.changed)
