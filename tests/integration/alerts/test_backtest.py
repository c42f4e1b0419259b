"""Backtest on the real database: what is played is what live judgement did with the same readings at the same times."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
import pytest
from psycopg import Connection

from alerts.actions import acknowledge
from alerts.backtest.cohort import Cohort
from alerts.backtest.play import play
from alerts.backtest.played import Practice
from alerts.moments import to_datetime
from alerts.queries import list_closed, list_open
from alerts.rules import RuleSet, load_rules
from alerts.sweep import sweep
from alerts.triage import deadlines
from devices.batch import Batch
from devices.recording import load_history
from devices.vitals import COLUMN
from tests.integration.alerts.ward import NOW, Ward
from tests.unit.alerts.readings import EIGHT, MINUTE

TOLD = (
    "patient_id", "rule", "rule_version", "subject", "severity", "category", "emergency", "lateness", "condition", "since",
    "fired_at",
    "opened_at", "due_at", "times", "resolved_at", "closed_at", "acknowledged_at",
    "standing", "standing_until", "regressed", "flapping_at", "news_at",
)  # fmt: skip


def rules() -> RuleSet:
    """Return rules with every condition machine's part: waiting, counting, hysteresis, gaps, and a doubt."""
    known = load_rules().by_name
    low = replace(
        known["spo2_low"], unless=(), for_=timedelta(minutes=10), readings=2, max_gap=timedelta(minutes=40),
        fresh_for=timedelta(minutes=15), recheck=timedelta(minutes=5),
    )  # fmt: skip
    fast = replace(
        known["pulse_high_emergency"],
        name="fast",
        limit=120.0,
        severity="medium",
        emergency=False,
        recheck=timedelta(minutes=15),
        response=timedelta(hours=4),
    )
    return RuleSet((known["spo2_emergency"], low, fast, known["pulse_high_emergency"], *load_rules().of_kind("doubt")))


def arrivals(seed: int, patients: int, groups: int) -> list[list[tuple[int, int, dict[str, float], bool]]]:
    """Return groups of (patient, measured_at, values, suspect) that come in one after the other, some of them late."""
    random = np.random.default_rng(seed)
    level = {(one, vital): 0.0 for one in range(patients) for vital in range(2)}
    made = []
    clock = EIGHT
    for _ in range(groups):
        clock += int(random.choice([1, 1, 1, 2, 2, 3, 20, 400, 1500])) * MINUTE
        group = []
        for _ in range(int(random.choice([1, 1, 1, 2, 5]))):
            who = int(random.integers(patients))
            delay = int(random.choice([0, 0, 0, 0, 0, 2, 45, 900, 1500])) * MINUTE
            vital = int(random.integers(2))
            if random.random() < 0.4:
                level[who, vital] = float(random.integers(5))
            place = int(level[who, vital])
            value = (
                {"spo2": float((84, 88, 89, 90, 96)[place])}
                if vital == 0
                else {"heart_rate": float((155, 149, 151, 90, 80)[place])}
            )
            group.append((who, clock - delay - int(random.integers(3)) * 1_000_000, value, bool(random.random() < 0.06)))
        made.append(group)
    return made


def live(ward: Ward, groups: list[list[tuple[int, int, dict[str, float], bool]]], answers: str) -> None:
    """Let ingest, the sweep and people take what comes in and what is due, each at its time."""
    ward.conn.execute("INSERT INTO device_state (device_id, online) SELECT id, true FROM device")
    now = NOW
    for group in groups:
        now = max(to_datetime(max(at for _, at, _, _ in group)), now) + timedelta(seconds=1)
        until(ward, now, answers)
        made = ward.batch([(who, at, values) for who, at, values, _ in group], now)
        bits = [sum(1 << COLUMN[name] for name in values) if doubt else 0 for _, _, values, doubt in group]
        ward.take(replace(made, suspect=np.array(bits, np.int32)), now)
    until(ward, now + timedelta(days=30), answers)


def until(ward: Ward, now: datetime, answers: str) -> None:
    """Do what is due before a time: doubts, and people who look when the first alert of a patient is due."""
    while True:
        row = ward.conn.execute("SELECT min(due_at) FROM doubt WHERE due_at < %s", (now,)).fetchone()
        doubt = now if row is None or row[0] is None else row[0]
        waiting = sorted(
            (alert for alert in list_open(ward.conn) if alert.acknowledged_at is None and answers == "on time"),
            key=lambda alert: alert.due_at,
        )
        first = waiting[0].due_at if waiting else now
        hold = deadlines.next_due(ward.conn) or now
        ward.conn.commit()
        if min(doubt, hold, first) >= now:
            return
        if doubt <= min(hold, first):
            sweep(ward.conn, ward.engine, doubt)
            continue
        if hold <= first:
            deadlines.run_due(ward.conn, hold)
            continue
        for alert in waiting:
            if alert.patient_id == waiting[0].patient_id:
                acknowledge(ward.conn, alert.public_id, ward.staff, first)
        ward.conn.commit()


def told(alerts: list[Any]) -> list[tuple[Any, ...]]:
    """Return what is comparable of alerts."""
    return sorted((tuple(getattr(alert, name) for name in TOLD) for alert in alerts), key=str)


@pytest.mark.parametrize(("seed", "answers"), [(0, "on time"), (1, "on time"), (3, "never")])
def test_what_is_played_is_what_live_judgement_did(
    plain_connection: Connection[Any], seed: int, answers: Literal["on time", "never"]
) -> None:
    ward = Ward(plain_connection, 2, rules=rules())
    live(ward, arrivals(seed, 2, 250), answers)
    history: Batch = load_history(ward.conn, ward.patients)
    played = play(rules(), Cohort.of(history), history, practice=Practice(answers))
    stored = [*list_open(ward.conn), *list_closed(ward.conn, NOW - timedelta(days=1), 10_000)]
    assert len(stored) > 20 and (answers == "never" or {alert.lateness for alert in stored} >= {"live", "retrospective"})
    assert told(played.alerts) == told(stored)
    names = {alert.id: (alert.patient_id, alert.rule, alert.subject, alert.opened_at) for alert in stored}
    mine = {alert.id: (alert.patient_id, alert.rule, alert.subject, alert.opened_at) for alert in played.alerts}
    ledger = ward.conn.execute("SELECT alert_id, what, kind, reason, starts_at FROM suppression").fetchall()
    assert sorted((mine[one.alert_id], one.what, one.kind, one.at) for one in played.withheld) == sorted(
        (names[alert], what, kind, at) for alert, what, kind, _, at in ledger
    )
    asked = ward.conn.execute("SELECT alert_id, asked_at, due_at, ended_at, outcome FROM recheck").fetchall()
    assert sorted(
        (mine[one.alert_id], one.asked_at, one.due_at, one.ended_at, one.outcome) for one in played.rechecks
    ) == sorted((names[alert], *rest) for alert, *rest in asked)


def test_rules_of_every_kind_are_played_as_they_judged(plain_connection: Connection[Any]) -> None:
    programmes = ("heart_failure", "post_acute")
    ward = Ward(plain_connection, 2, programmes, rules=load_rules())
    live(ward, arrivals(6, 2, 120), "on time")
    history = load_history(ward.conn, ward.patients)
    played = play(load_rules(), Cohort.of(history, programmes), history)
    stored = [*list_open(ward.conn), *list_closed(ward.conn, NOW - timedelta(days=1), 10_000)]
    assert {load_rules().by_name[alert.rule].kind for alert in stored} >= {"threshold", "score", "composite", "baseline"}
    assert told(played.alerts) == told(stored)
