"""Bounds: what the rules say of a limit that a patient's own may stand in for, in the words of `care.limits`.

Pure. The emergency band that judges this patient on the same vital and side is the guard that no order passes; what is derived
(a change, a spread, a score) has no band of its own and is bounded by its rule's limit instead.
"""

from collections.abc import Sequence
from typing import Final

from alerts.rule import READING_KINDS, Rule
from alerts.rules import RuleSet
from care.limits import Bounds
from devices.vitals import COLUMN, VITALS

#: how far from its rule's limit the limit of something derived may be set, as shares of it (engineering default)
DERIVED_WITHIN: Final = (0.25, 2.0)
#: units of what is derived, as a person reads them
_UNITS: Final = {"1": "times the usual spread", "{score}": "points"}


def bounds_of(rules: RuleSet, rule: Rule, programmes: Sequence[str]) -> Bounds | None:
    """Return what setting another limit for a patient of these programmes needs to know; None where the rule has no limit."""
    if rule.limit is None or rule.op is None or rule.kind not in READING_KINDS:
        return None
    if rule.kind == "threshold" and rule.vital is not None:
        vital = VITALS[COLUMN[rule.vital]]
        guard = None if rule.emergency else _guard(rules, rule, programmes)
        return Bounds(
            rule.name, rule.title, rule.op, rule.limit, vital.shown_unit, vital.decimals, rule.override, vital.low, vital.high,
            vital.name, guard,
        )  # fmt: skip
    low, high = sorted(rule.limit * share for share in DERIVED_WITHIN)
    unit = rule.unit or ""
    return Bounds(rule.name, rule.title, rule.op, rule.limit, _UNITS.get(unit, unit), 2, rule.override, low, high)


def settable(rules: RuleSet, programmes: Sequence[str]) -> list[Bounds]:
    """Return the limits that judge a patient of these programmes, locked ones too, in the order of their rules."""
    found = [bounds_of(rules, rule, programmes) for rule in rules.rules if rule.applies_to(programmes)]
    return [bounds for bounds in found if bounds is not None]


def _guard(rules: RuleSet, rule: Rule, programmes: Sequence[str]) -> float | None:
    """Return the emergency limit that this patient reaches first on the same vital and side."""
    band = [
        other.limit
        for other in rules.rules
        if other.emergency
        and other.kind == "threshold"
        and (other.vital, other.direction) == (rule.vital, rule.direction)
        and other.limit is not None
        and other.applies_to(programmes)
    ]
    return (min if rule.direction == "high" else max)(band, default=None)
