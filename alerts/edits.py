"""Edits: a rule changed on the screen: the same rule with some numbers of its own, checked as a file would be.

Pure. What a rule is (its kind, vital, direction, programmes) is changed in files alone, and the emergency band as a whole.
"""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from datetime import timedelta
from typing import Any, Final

from alerts.rule import READING_KINDS, Rule
from alerts.rule_files import RuleError, make_rule
from alerts.rule_shapes import NEEDED
from alerts.rules import RuleSet

#: fields that may be changed on the screen, in the order in which they are shown
EDITABLE: Final = ("limit", "for", "readings", "hysteresis", "severity", "response")
#: who may
EDITORS: Final = ("administrator", "clinician")
_NUMBERS: Final = ("limit", "for", "readings", "hysteresis", "response")
#: programme of the made-up patient who proves the path
WATCH: Final = "watch"
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def why_locked(rule: Rule) -> str | None:
    """Return why a rule cannot be changed on the screen, None where it can."""
    if rule.emergency:
        return "It belongs to the emergency band, which is changed in the rule files alone."
    if rule.kind not in READING_KINDS:
        return "It is changed in the rule files alone: what it does cannot be tried on stored readings."
    if rule.programmes == (WATCH,):
        return "It tests the path itself, which rests on it as it is."
    return None


def editable(rule: Rule) -> tuple[str, ...]:
    """Return the fields of a rule that may be changed on the screen."""
    if why_locked(rule) is not None:
        return ()
    return tuple(key for key in EDITABLE if key != "limit" or rule.limit is not None)


def edit(rule: Rule, changes: Mapping[str, Any], version: int, source: str) -> Rule:
    """Return the rule with these fields changed, as they are written in a file; `source` says where the numbers come from.

    Raises RuleError.
    """
    where = f"rule {rule.name!r}"
    if (why := why_locked(rule)) is not None:
        raise RuleError(f"{where}: {why}")
    for key in changes:
        if key not in editable(rule):
            raise RuleError(f"{where}: {key} is changed in the rule files alone")
    if not changes:
        raise RuleError(f"{where}: nothing is changed")
    told = {key: source for key in changes if key in _NUMBERS}
    table = table_of(rule) | dict(changes) | {"version": version}
    return make_rule(where, table | {"source": {**rule.source, **told}})


def table_of(rule: Rule) -> dict[str, Any]:
    """Return a rule as its file would write it: what it sets, durations in words."""
    table: dict[str, Any] = {}
    for spec in fields(rule):
        key, value = spec.metadata.get("key", spec.name), getattr(rule, spec.name)
        needed = key in rule.source or key in NEEDED[rule.kind]
        if spec.default is not MISSING and value == spec.default and not needed:
            continue
        if isinstance(value, timedelta):
            value = written(value)
        if key == "when":
            value = [{name: one for name, one in asdict(when).items() if one is not None} for when in rule.when]
        table[key] = list(value) if isinstance(value, tuple) else value
    return table


def written(span: timedelta) -> str:
    """Return a time span as a rule file writes it.

    >>> written(timedelta(minutes=90)), written(timedelta(days=1)), written(timedelta(0))
    ('90m', '1d', '0s')
    """
    seconds = round(span.total_seconds())
    for letter, size in _UNITS:
        if seconds and seconds % size == 0:
            return f"{seconds // size}{letter}"
    return "0s"


def changes_of(rule: Rule, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of some fields, as a file writes them, differs from the rule."""
    now = {
        key: getattr(rule, next(one.name for one in fields(rule) if one.metadata.get("key", one.name) == key)) for key in wanted
    }
    return {
        key: value
        for key, value in wanted.items()
        if value != (written(now[key]) if isinstance(now[key], timedelta) else now[key])
    }


def loosened(rules: RuleSet, name: str, after: Rule) -> bool:
    """Say whether a changed rule would speak later or more quietly than the one in force by its limit or severity."""
    before = rules.by_name[name]
    order = ("low", "medium", "high")
    if order.index(after.severity) < order.index(before.severity):
        return True
    if before.limit is None or after.limit is None:
        return False
    sign = 1 if before.direction == "high" else -1
    return sign * after.limit > sign * before.limit
