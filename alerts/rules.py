"""Rules: all that judge together, read from a folder, and laid out as the numpy columns that judge whole batches.

Made once when a process starts. Its digest names the layout of every patient's state, so another set means a rebuild.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from alerts.rule import KINDS, UNJUDGED, Rule
from alerts.rule_files import RuleError, read_rules
from devices.vitals import COLUMN, VITALS

_NO_LIMIT: Final = (1 << 63) - 1

#: the rules that come with Wardlight
SHIPPED: Final = Path(__file__).with_name("rules")
#: the one that is always in force, since the watch rests on it
WATCH: Final = SHIPPED / "watch.toml"


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """The threshold rules as columns, R of them, in the order in which a patient's state holds them."""

    #: (R,) column of the vital in a batch
    vital: NDArray[np.intp]
    #: (R,) float64: +1 where high values breach, −1 where low ones do
    sign: NDArray[np.float64]
    #: (R,) float64: a reading breaches when sign·value ≥ edge
    edge: NDArray[np.float64]
    #: (R,) float64: a firing condition holds while sign·value ≥ hold_edge
    hold_edge: NDArray[np.float64]
    #: (R,) int64 microseconds
    for_us: NDArray[np.int64]
    #: (R,) int64
    readings: NDArray[np.int64]
    #: (R,) int64 microseconds, longer than any gap where the rule names none
    max_gap_us: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.vital)


@dataclass(frozen=True, eq=False)
class RuleSet:
    """All rules that judge together; its digest names the layout of every patient's state."""

    #: sorted by kind and name
    rules: tuple[Rule, ...]

    @cached_property
    def digest(self) -> str:
        """A hash over every field of every rule."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()

    @cached_property
    def threshold_rules(self) -> tuple[Rule, ...]:
        """Row r is column r of `thresholds` and of a state."""
        return tuple(rule for rule in self.rules if rule.kind == "threshold")

    @cached_property
    def thresholds(self) -> Thresholds:
        """The threshold rules as numpy columns."""
        rules = self.threshold_rules
        sign = [1.0 if rule.op in (">", ">=") else -1.0 for rule in rules]
        return Thresholds(
            vital=np.array([COLUMN[rule.vital or ""] for rule in rules], np.intp),
            sign=np.array(sign),
            edge=np.array([_edge(rule, 0.0) for rule in rules]),
            hold_edge=np.array([_edge(rule, rule.hysteresis) for rule in rules]),
            for_us=np.array([_us(rule.for_) for rule in rules], np.int64),
            readings=np.array([rule.readings for rule in rules], np.int64),
            max_gap_us=np.array([_us(rule.max_gap) or _NO_LIMIT for rule in rules], np.int64),
        )

    @cached_property
    def by_name(self) -> dict[str, Rule]:
        """Every rule by its name, the built-in one included."""
        return {rule.name: rule for rule in (*self.rules, UNJUDGED)}

    def of_kind(self, kind: str) -> tuple[Rule, ...]:
        """Return the rules of one kind."""
        return tuple(rule for rule in self.rules if rule.kind == kind)

    def mask(self, programmes: Sequence[Sequence[str]]) -> NDArray[np.bool_]:
        """Return (patients, R): whether threshold rule r judges a patient of these programmes."""
        distinct = {tuple(sorted(names)) for names in programmes}
        rows = {names: [rule.applies_to(names) for rule in self.threshold_rules] for names in distinct}
        table = [rows[tuple(sorted(names))] for names in programmes]
        return np.array(table, bool).reshape(len(programmes), len(self.threshold_rules))

    def as_json(self) -> list[dict[str, Any]]:
        """Return the form that the table `ruleset` keeps."""
        return [rule.as_json() for rule in self.rules]


def load_rules(folder: Path | str | None = None) -> RuleSet:
    """Return the rules of every `*.toml` in a folder, and those of the watch; None or "" reads the shipped ones.

    Raises RuleError.
    """
    place = Path(folder) if folder else SHIPPED
    files = sorted(place.glob("*.toml"))
    if not files:
        raise RuleError(
            f"{place} holds no rule file (*.toml); set WARDLIGHT_RULES_DIR to a folder that does, or leave it empty"
        )
    if not any(file.name == WATCH.name for file in files):
        files.append(WATCH)
    rules: dict[str, Rule] = {}
    for file in files:
        for rule in read_rules(file):
            if rule.name in rules or rule.name == UNJUDGED.name:
                raise RuleError(f"{file}: rule {rule.name!r}: the name is taken already; give it another")
            rules[rule.name] = rule
    if sum(rule.kind == "threshold" for rule in rules.values()) > 255:
        raise RuleError(f"{place}: more than 255 threshold rules; split the clinic or merge rules")
    if sum(rule.kind == "doubt" for rule in rules.values()) > 1:
        raise RuleError(f"{place}: more than one rule of kind 'doubt'; keep one")
    return RuleSet(tuple(sorted(rules.values(), key=lambda rule: (KINDS.index(rule.kind), rule.name))))


def _us(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _edge(rule: Rule, slack: float) -> float:
    """Return the smallest sign·value that breaches the limit moved by slack towards normal."""
    assert rule.limit is not None
    assert rule.vital is not None
    sign = 1.0 if rule.op in (">", ">=") else -1.0
    moved = sign * round(rule.limit - sign * slack, max(VITALS[COLUMN[rule.vital]].decimals, 3))
    return float(np.nextafter(moved, np.inf)) if rule.op in ("<", ">") else moved
