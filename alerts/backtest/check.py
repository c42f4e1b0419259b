"""Check: every explanation that a backtest would give is judged again from the readings alone, and must say the same.

Pure. Not the way that played it: each alert's patient, rule and time by itself, from nothing.
"""

from dataclasses import dataclass

import numpy as np

from alerts.alert import Alert
from alerts.backtest.cohort import Cohort
from alerts.evaluate import judged_values
from alerts.explanation import Evidence, explain_threshold
from alerts.moments import to_datetime, to_us
from alerts.rebuild import Resets, rebuild
from alerts.rule import READING_KINDS, Rule
from alerts.rules import RuleSet
from devices.batch import Batch
from devices.vitals import COLUMN, VITALS

#: readings that an explanation keeps
_KEPT = 12


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An alert whose explanation does not lead to it."""

    alert: Alert
    #: what judging again says instead
    why: str


def judge_again(rules: RuleSet, cohort: Cohort, history: Batch, alerts: list[Alert]) -> tuple[int, list[Disagreement]]:
    """Return how many explanations were judged again, and those that came out otherwise.

    Looks at what judges readings; what had not come in when an alert opened counts for nothing.
    """
    order = np.lexsort((history.boot, history.seq, history.device_id, history.measured_at, history.patient_id))
    history = history.take(order)
    start = np.searchsorted(history.patient_id, cohort.patient_id, "left")
    end = np.searchsorted(history.patient_id, cohort.patient_id, "right")
    row = {int(patient): place for place, patient in enumerate(cohort.patient_id)}
    checked, wrong = 0, []
    known: dict[tuple[int, str, int], set[tuple[int, int]]] = {}
    in_order = _in_order(history)
    for alert in alerts:
        rule = rules.by_name[alert.rule]
        if rule.kind not in READING_KINDS:
            continue
        place = row[alert.patient_id]
        own = history.take(np.arange(start[place], end[place]))
        now = 0 if in_order else to_us(alert.opened_at)
        key = (place, rule.name, now)
        if key not in known:
            part = own if in_order else own.take(own.received_at <= now)
            known[key] = _stretches(rules, rule, cohort.take(np.array([place])), part)
        checked += 1
        why = "" if rule.kind != "threshold" else _why_wrong(rule, alert, own, _limits(rules, cohort, place, rule, alert))
        if (to_us(alert.since), to_us(alert.fired_at)) not in known[key]:
            why = why or "no episode of this time is found"
        if why:
            wrong.append(Disagreement(alert, why))
    return checked, wrong


def _in_order(history: Batch) -> bool:
    same = history.patient_id[1:] == history.patient_id[:-1]
    return bool(np.all(history.received_at[1:][same] >= history.received_at[:-1][same]))


def _stretches(rules: RuleSet, rule: Rule, one: Cohort, history: Batch) -> set[tuple[int, int]]:
    """Return (since, fired_at) of every episode of one rule alone in one patient's history."""
    size, only = len(history), np.zeros((1, rules.layout.rules), bool)
    people = one.people(rules)
    only[0, rules.column[rule.name]] = people.mask[0, rules.column[rule.name]]
    found = rebuild(
        rules, people, Resets.none(1, rules.layout.rules), np.zeros(size, np.intp), history, np.zeros(size, bool), only=only
    )
    return {(stretch.since, stretch.fired_at) for stretch in found.stretches}


def _limits(rules: RuleSet, cohort: Cohort, place: int, rule: Rule, alert: Alert) -> float | None:
    """Return the limit that was in force for the reading that made an alert fire."""
    people = cohort.take(np.array([place])).people(rules)
    at = np.array([to_us(alert.fired_at)])
    found = [
        value
        for _, what, value in zip(*(one.tolist() for one in people.limits.in_force(np.zeros(1, np.intp), at)), strict=True)
        if what == rules.column[rule.name]
    ]
    return found[-1] if found and rule.override != "locked" else rule.limit


def _why_wrong(rule: Rule, alert: Alert, own: Batch, limit_then: float | None) -> str:
    """Tell the alert as its page would, and hold the readings that it names against the rule that it names."""
    column = COLUMN[rule.vital or ""]
    begin, end = to_us(alert.since), to_us(alert.fired_at)
    rows = np.flatnonzero(
        (own.measured_at >= begin)
        & (own.measured_at <= end)
        & (own.received_at <= to_us(alert.opened_at))
        & ~np.isnan(own.values[:, column])
        & (own.suspect & (1 << column) == 0)
    )[-_KEPT:]
    values = judged_values(own.values[rows])[:, column]
    evidence = [
        Evidence(
            to_datetime(int(own.measured_at[at])),
            to_datetime(int(own.received_at[at])),
            round(float(value), VITALS[column].decimals),
            "played",
            int(own.source[at]),
        )
        for at, value in zip(rows.tolist(), values.tolist(), strict=True)
    ]
    told = explain_threshold(rule, alert, evidence, "", limit=limit_then)
    readings = told["readings"]
    if not readings or readings[-1]["measured_at"] != told["fired_at"]:
        return "the reading that made it fire is not among those it names"
    limit, operator = float(told["limit"]), str(told["operator"])
    # of n among the last so many, or of a pending stretch under another limit, only the deciding one has to breach
    for one in readings[-1:] if rule.of else readings:
        value = float(one["value"])
        if not {"<": value < limit, "<=": value <= limit, ">": value > limit, ">=": value >= limit}[operator]:
            return "a reading that it names does not breach"
    if len(readings) < min(int(told["n"]), _KEPT) and not rule.of:
        return "it names too few readings"
    return ""
