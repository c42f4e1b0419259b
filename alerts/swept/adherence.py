"""Adherence: once in each patient's own day, whether a prescribed measure came in on enough days of the last week.

A weekly note at most: what a person settled is not noted again within the rule's window. Never commits.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import Connection

from alerts import lifecycle
from alerts import queries as alerts
from alerts.findings import Changes, write_steps
from alerts.lifecycle import Episode, Step
from alerts.rule import Rule
from alerts.rules import RuleSet
from alerts.swept import queries
from alerts.swept.told import explain_adherence
from care.adherence import Adherence
from care.plan.queries import list_pauses, list_schedules
from care.plan.summaries import adherences


def is_low(limit: float, window: timedelta, kept: Adherence) -> bool:
    """Whether fewer than `limit` days of the window came in; days left out shrink both, and too few of them say nothing.

    >>> from datetime import date
    >>> def is_low_week(kept: int, asked: int) -> bool:
    ...     return is_low(4, timedelta(days=7), Adherence("spo2", kept, asked, 0, 0, date.min, date.min))
    >>> is_low_week(3, 7), is_low_week(4, 7), is_low_week(2, 4), is_low_week(0, 3)
    (True, False, True, False)
    """
    return kept.prescribed >= limit and kept.kept * window < limit * timedelta(days=kept.prescribed)


def judge_adherence(
    conn: Connection[Any], rules: RuleSet, ruleset_id: int, now: datetime, after: int, limit: int
) -> tuple[Changes, int | None]:
    """Note what came in on too few days, of patients above a key whose day has turned; return also where to go on."""
    changes = Changes()
    judging = rules.of_kind("adherence")
    due = queries.list_adherence_due(conn, now, after, limit) if judging else []
    if not due:
        return changes, None
    judged = _count(conn, judging, due, now)  # weeks are read before anything is locked, which ingest would wait for
    patients = sorted({patient for patient, _, _ in judged})
    alerts.lock_states(conn, np.array(patients, np.int32))
    names = [rule.name for rule in judging]
    last = queries.list_last_alerts(conn, patients, names)
    known = {(alert.patient_id, alert.rule, alert.subject): alert for alert in alerts.lock_open(conn, patients, names)}
    steps: list[Step] = []
    for patient_id, rule, kept in judged:
        alert, before = known.get(key := (patient_id, rule.name, kept.measure)), last.get(key)
        if not is_low(rule.limit or 0, rule.window, kept):
            steps += [] if alert is None else [lifecycle.cease(Step(alert), now, now, "enough days came in")]
        elif alert is None and (before is None or not before.is_settled or now - before.opened_at >= rule.window):
            steps.append(_open(rule, patient_id, kept, now, ruleset_id, rules.digest))
    write_steps(conn, steps, now, changes)
    queries.note_adherence_judged(conn, [(patient, now.astimezone(ZoneInfo(zone)).date()) for patient, zone in due])
    return changes, due[-1][0] if len(due) == limit else None


def _count(
    conn: Connection[Any], judging: Sequence[Rule], due: Sequence[tuple[int, str]], now: datetime
) -> list[tuple[int, Rule, Adherence]]:
    """Return how each measure of these patients was kept, for each rule that judges it."""
    programmes = alerts.load_programmes(conn, [patient for patient, _ in due])
    unseen = queries.list_unseen(conn, now - max(rule.window for rule in judging) - timedelta(days=2), now)
    found = []
    for patient_id, zone in due:
        schedules, pauses = list_schedules(conn, patient_id), list_pauses(conn, patient_id)
        for rule in judging:
            if rule.applies_to(programmes[patient_id]):
                counted = adherences(
                    conn, patient_id, schedules, pauses, ZoneInfo(zone), now, days=rule.window.days, unseen=unseen
                )
                found += [(patient_id, rule, kept) for kept in counted if rule.vital in (None, kept.measure)]
    return found


def _open(rule: Rule, patient_id: int, kept: Adherence, now: datetime, ruleset_id: int, digest: str) -> Step:
    episode = Episode(now - rule.window, now, now)
    step = lifecycle.open_alert(rule, patient_id, kept.measure, episode, "live", now, ruleset_id)
    told = explain_adherence(rule, step.alert, digest, kept)
    # it breaches in no direction of its vital: a low count of days is not a low value
    return replace(step, alert=replace(step.alert, direction=None, explanation=told))
