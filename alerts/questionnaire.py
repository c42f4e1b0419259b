"""Questionnaire: what a patient answered, judged by the rules of that kind in the transaction that keeps the answer.

Takes the alerts' common life: an answer beyond the limit opens or holds an alert, the next one that is not ends it. Never
commits.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import numpy as np
from psycopg import Connection

from alerts import lifecycle, queries
from alerts.findings import Changes, write_steps
from alerts.lifecycle import Episode, Step
from alerts.rule import Rule
from alerts.rules import RuleSet
from alerts.swept.told import explain_answer
from care.questionnaire import Answered, Questionnaire

#: in a rule's `questionnaire`: it counts red flags, of whichever questionnaire
RED_FLAGS: Final = "red_flags"


def value_of(rule: Rule, answered: Answered) -> int | None:
    """Return what a rule judges of an answer: its score, or how many red flags; None where it judges another questionnaire."""
    if rule.questionnaire == RED_FLAGS:
        return len(answered.red_flags)
    return answered.score if rule.questionnaire == answered.questionnaire else None


def breaches(rule: Rule, value: float) -> bool:
    """Whether a value is beyond the rule's limit."""
    assert rule.limit is not None
    return {"<": value < rule.limit, "<=": value <= rule.limit, ">": value > rule.limit, ">=": value >= rule.limit}[
        rule.op or ">="
    ]


def judge_answer(
    conn: Connection[Any],
    rules: RuleSet,
    ruleset_id: int,
    answered: Answered,
    questionnaire: Questionnaire,
    programmes: Sequence[str],
    now: datetime,
) -> list[int]:
    """Open, hold or end the alerts that an answer makes; return the keys of those that changed."""
    judged = [
        (rule, value)
        for rule in rules.of_kind("questionnaire")
        if rule.applies_to(programmes) and (value := value_of(rule, answered)) is not None
    ]
    if not judged:
        return []
    queries.lock_states(conn, np.array([answered.patient_id], np.int32))  # before alerts: the order of all locks
    known = {alert.rule: alert for alert in queries.lock_open(conn, [answered.patient_id], [rule.name for rule, _ in judged])}
    steps: list[Step] = []
    for rule, value in judged:
        alert, at = known.get(rule.name), answered.answered_at
        ongoing = Episode(at, at, at, value=float(value)) if breaches(rule, value) else None
        ceased_at = at if ongoing is None and alert is not None and alert.fired_at <= at else None
        made = lifecycle.follow(
            alert, rule, answered.patient_id, rule.questionnaire, now, ruleset_id, ceased_at=ceased_at, ongoing=ongoing
        )
        steps += [_told(step, rule, answered, questionnaire, value, rules.digest) for step in made]
    changes = Changes()
    write_steps(conn, steps, now, changes)
    queries.notify(conn, changes.changed)
    return sorted(changes.changed)


def _told(step: Step, rule: Rule, answered: Answered, questionnaire: Questionnaire, value: int, digest: str) -> Step:
    if step.alert.id:
        return step
    flagged = [question.text for question in questionnaire.questions if question.name in answered.red_flags]
    told = explain_answer(
        rule,
        step.alert,
        digest,
        title=questionnaire.title,
        value=value,
        most=questionnaire.most,
        red_flags=flagged,
        answer=answered,
    )
    # subject and direction are no vital's: nobody's silence over a vital covers what a patient said
    return replace(step, alert=replace(step.alert, direction=None, explanation=told))
