"""Overlay: one set of rules with some of them replaced, or others added, by name. Pure."""

from collections.abc import Iterable

from alerts.rule import KINDS, Rule
from alerts.rules import RuleSet


def overlay(rules: RuleSet, changed: Iterable[Rule]) -> RuleSet:
    """Return the set in which each changed rule stands in the place of the one of its name, or beside the others."""
    named = {rule.name: rule for rule in rules.rules} | {rule.name: rule for rule in changed}
    return RuleSet(tuple(sorted(named.values(), key=lambda rule: (KINDS.index(rule.kind), rule.name))))
