"""Bounds: what the rules say of a limit that a patient's own may stand in for, in the words of `care.limits`.

Pure. The emergency band on the same vital and side is the guard that no order passes.
"""

from collections.abc import Sequence

from alerts.rule import READING_KINDS, Rule
from alerts.rules import RuleSet
from care.limits import Bounds
from devices.vitals import COLUMN, VITALS


def bounds_of(rules: RuleSet, rule: Rule) -> Bounds | None:
    """Return what setting another limit for a rule needs to know; None where the rule has no limit of a reading's kind."""
    if rule.limit is None or rule.op is None or rule.kind not in READING_KINDS:
        return None
    if rule.vital is None or rule.kind != "threshold":
        # something derived: a change, a slope, a score
        return Bounds(rule.name, rule.title, rule.op, rule.limit, rule.unit or "", 3, rule.override, -1e6, 1e6, guard=None)
    vital = VITALS[COLUMN[rule.vital]]
    return Bounds(
        rule.name,
        rule.title,
        rule.op,
        rule.limit,
        vital.shown_unit,
        vital.decimals,
        rule.override,
        vital.low,
        vital.high,
        vital.name,
        None if rule.emergency else _guard(rules, rule),
    )


def settable(rules: RuleSet, programmes: Sequence[str]) -> list[Bounds]:
    """Return the limits that judge a patient of these programmes, locked ones too, in the order of their rules."""
    found = [bounds_of(rules, rule) for rule in rules.rules if rule.applies_to(programmes)]
    return [bounds for bounds in found if bounds is not None]


def _guard(rules: RuleSet, rule: Rule) -> float | None:
    """Return the emergency limit that is reached first on the same vital and side."""
    band = [
        other.limit
        for other in rules.rules
        if other.emergency and other.kind == "threshold" and other.vital == rule.vital and other.direction == rule.direction
        and other.limit is not None
    ]  # fmt: skip
    return (min if rule.direction == "high" else max)(band, default=None)
