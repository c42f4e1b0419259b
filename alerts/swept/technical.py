"""Technical: devices that need somebody's hands: empty batteries, wrong clocks, lost measurements, implausible values.

Every quarter of an hour for each device that measures somebody. What a person settled is not raised again within a day. Never
commits; a device is never called silent here (`alerts/silence.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from psycopg import Connection

from alerts import lifecycle
from alerts import queries as alerts
from alerts.findings import Changes, write_steps
from alerts.lifecycle import Episode, Step
from alerts.rule import Rule
from alerts.rules import RuleSet
from alerts.swept import queries
from alerts.swept.queries import CheckedDevice
from alerts.swept.told import explain_technical

#: how often a device is looked at
EVERY: Final = timedelta(minutes=15)
#: what a person settled is not raised again for this long
QUIET: Final = timedelta(days=1)
#: a share of fewer measurements than this says nothing (engineering default)
_LEAST: Final = 10
#: fault → how a figure is shown
_SHOWN: Final = {"battery": "{:.0f} %", "clock": "{:.0f} s", "gap": "{:.0f} lost", "implausible": "{:.0f} %"}


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted of some devices over one window."""

    #: measurements that devices gave up on, by device
    lost: Mapping[int, float]
    #: measurements, and those of them with a suspect value, by device
    suspect: Mapping[int, tuple[float, float]]


def figure_of(rule: Rule, device: CheckedDevice, figures: Figures) -> float | None:
    """Return the figure that a rule judges: percent of battery, seconds off, measurements lost, percent implausible."""
    if rule.fault == "battery":
        return None if device.battery is None else float(device.battery)
    if rule.fault == "clock":
        return None if device.clock_offset is None else abs(device.clock_offset)
    if rule.fault == "gap":
        return figures.lost.get(device.id, 0.0)
    count, suspect = figures.suspect.get(device.id, (0.0, 0.0))
    return None if count < _LEAST else 100 * suspect / count


def is_faulty(rule: Rule, value: float, *, is_open: bool) -> bool:
    """Whether a figure is beyond the limit; an open alert holds until it is back by the hysteresis."""
    assert rule.limit is not None
    slack = rule.hysteresis if is_open else 0.0
    if rule.op in ("<", "<="):
        limit = rule.limit + slack
        return value < limit or (rule.op == "<=" and value == limit)
    limit = rule.limit - slack
    return value > limit or (rule.op == ">=" and value == limit)


def judge_devices(
    conn: Connection[Any], rules: RuleSet, ruleset_id: int, now: datetime, after: int, limit: int
) -> tuple[Changes, int | None]:
    """Raise what is wrong with devices above a key that were not looked at lately; return also where to go on."""
    changes = Changes()
    judging = [rule for rule in rules.of_kind("technical") if rule.limit is not None]
    devices = queries.list_technical_due(conn, now, now - EVERY, after, limit) if judging else []
    if not devices:
        return changes, None
    patients = sorted({device.patient_id for device in devices})
    counted = [(rule, _count(conn, rule, devices, now)) for rule in judging]  # before anything is locked
    alerts.lock_states(conn, np.array(patients, np.int32))
    programmes = alerts.load_programmes(conn, patients)
    names = [rule.name for rule in judging]
    last = queries.list_last_alerts(conn, patients, names)
    known = {(alert.patient_id, alert.rule, alert.subject): alert for alert in alerts.lock_open(conn, patients, names)}
    steps: list[Step] = []
    for rule, figures in counted:
        for device in devices:
            value = figure_of(rule, device, figures) if rule.applies_to(programmes[device.patient_id]) else None
            if value is None:
                continue
            alert, before = known.get(key := (device.patient_id, rule.name, device.public_id)), last.get(key)
            if not is_faulty(rule, value, is_open=alert is not None):
                steps += [] if alert is None else [lifecycle.cease(Step(alert), now, now, "it is well again")]
            elif alert is None and not (before and before.is_settled and before.closed_at and now - before.closed_at < QUIET):
                steps.append(_open(rule, device, value, now, ruleset_id, rules.digest))
    write_steps(conn, steps, now, changes)
    queries.note_technical_judged(conn, [device.id for device in devices], now)
    return changes, devices[-1].id if len(devices) == limit else None


def _count(conn: Connection[Any], rule: Rule, devices: Sequence[CheckedDevice], now: datetime) -> Figures:
    ids, since = [device.id for device in devices], now - rule.window
    return Figures(
        queries.count_lost(conn, ids, since) if rule.fault == "gap" else {},
        queries.count_suspect(conn, ids, since) if rule.fault == "implausible" else {},
    )


def _open(rule: Rule, device: CheckedDevice, value: float, now: datetime, ruleset_id: int, digest: str) -> Step:
    step = lifecycle.open_alert(rule, device.patient_id, device.public_id, Episode(now, now, now), "live", now, ruleset_id)
    show = _SHOWN[rule.fault or "battery"]
    told = explain_technical(
        rule, step.alert, digest,
        device=device.public_id, kind=device.kind, value=value, shown=show.format(value), limit=show.format(rule.limit),
    )  # fmt: skip
    return replace(step, alert=replace(step.alert, direction=None, explanation=told))
