"""Rules: all that judge together, read from a folder, and laid out as the numpy columns that judge whole batches.

Made once when a process starts. Its digest names the layout of every patient's state, so another set means a rebuild.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from alerts.rule import KINDS, OVERRIDES, READING_KINDS, UNJUDGED, Rule
from alerts.rule_files import RuleError, read_rules
from alerts.signals.plan import Plan, make_plan
from alerts.state import Layout
from devices.vitals import COLUMN, VITALS

_NO_LIMIT: Final = (1 << 63) - 1

#: the rules that come with Wardlight
SHIPPED: Final = Path(__file__).with_name("rules")
#: the one that is always in force, since the watch rests on it
WATCH: Final = SHIPPED / "watch.toml"


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """The rules that judge readings as columns, R of them, in the order in which a patient's state holds them."""

    #: (R,) column each is judged on: a vital, or what a signal says
    column: NDArray[np.intp]
    #: (R,) float64: +1 where high values breach, −1 where low ones do
    sign: NDArray[np.float64]
    #: (R,) bool: the limit itself does not breach
    is_strict: NDArray[np.bool_]
    #: (R,) int64 decimals of the limit
    places: NDArray[np.int64]
    #: (R,) float64
    hysteresis: NDArray[np.float64]
    #: (R,) float64: a reading breaches when sign·value ≥ edge
    edge: NDArray[np.float64]
    #: (R,) float64: a firing condition holds while sign·value ≥ hold_edge
    hold_edge: NDArray[np.float64]
    #: (R,) int64 microseconds
    for_us: NDArray[np.int64]
    #: (R,) int64
    readings: NDArray[np.int64]
    #: (R,) int64: among how many of the last readings they are counted, 0 where in a row
    of: NDArray[np.int64]
    #: (R,) int64 microseconds, longer than any gap where the rule names none
    max_gap_us: NDArray[np.int64]
    #: (R,) float64: how much worse is news, 0 where nothing is
    step: NDArray[np.float64]
    #: (R,) int64: whether a patient's own limit may stand in: 0 never, 1 a stricter one, 2 any
    override: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.column)

    def head(self, count: int) -> "Thresholds":
        """Return the first of them."""
        return self if count == len(self) else Thresholds(*(getattr(self, spec.name)[:count] for spec in fields(self)))

    def edges(self, rule: NDArray[np.intp], limit: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return edge and hold_edge of patients' own limits, (k,) each; what a rule does not allow changes nothing."""
        sign, scale = self.sign[rule], 10.0 ** self.places[rule]
        found = []
        for slack in (0.0, self.hysteresis[rule]):
            moved = sign * np.round((limit - sign * slack) * scale) / scale
            found.append(np.where(self.is_strict[rule], np.nextafter(moved, np.inf), moved))
        allowed = (self.override[rule] == 2) | ((self.override[rule] == 1) & (found[0] < self.edge[rule]))
        return np.where(allowed, found[0], self.edge[rule]), np.where(allowed, found[1], self.hold_edge[rule])


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
    def reading_rules(self) -> tuple[Rule, ...]:
        """The rules that judge readings: row r is column r of `thresholds` and of a state; plain thresholds come first."""
        return tuple(rule for rule in self.rules if rule.kind in READING_KINDS)

    @cached_property
    def plain(self) -> int:
        """How many of them judge a vital as it is."""
        return len(self.of_kind("threshold"))

    @cached_property
    def thresholds(self) -> Thresholds:
        """The rules that judge readings as numpy columns."""
        rules = self.reading_rules
        edges = np.array([_edge(rule, 0.0) for rule in rules])
        return Thresholds(
            column=self.plan.column,
            sign=np.array([_sign(rule) for rule in rules]),
            is_strict=np.array([rule.op in ("<", ">") for rule in rules], bool),
            places=np.array([_places(rule) for rule in rules], np.int64),
            hysteresis=np.array([rule.hysteresis for rule in rules], np.float64),
            edge=edges,
            hold_edge=np.array([_edge(rule, rule.hysteresis) for rule in rules]),
            for_us=np.array([_us(rule.for_) for rule in rules], np.int64),
            readings=np.array([rule.readings for rule in rules], np.int64),
            of=np.array([rule.of for rule in rules], np.int64),
            max_gap_us=np.array([_us(rule.max_gap) or _NO_LIMIT for rule in rules], np.int64),
            step=np.array([rule.step for rule in rules], np.float64),
            override=np.array([OVERRIDES.index(rule.override) for rule in rules], np.int64),
        )

    @cached_property
    def plan(self) -> Plan:
        """The signals that these rules need, and the column each is judged on."""
        return make_plan(self.reading_rules)

    @cached_property
    def layout(self) -> Layout:
        """What a patient's state holds under these rules."""
        return Layout(len(self.reading_rules), tuple(signal.dtype for signal in self.plan.signals))

    @cached_property
    def column(self) -> dict[str, int]:
        """Column of each rule that judges readings, by its name."""
        return {rule.name: place for place, rule in enumerate(self.reading_rules)}

    @cached_property
    def by_name(self) -> dict[str, Rule]:
        """Every rule by its name, the built-in one included."""
        return {rule.name: rule for rule in (*self.rules, UNJUDGED)}

    def inputs_of(self, rule: Rule) -> tuple[str, ...]:
        """Return the vitals that judging a rule reads, those behind the rules that it looks at included."""
        named = [rule.inputs, *(self.inputs_of(self.by_name[when.rule]) for when in rule.when if when.rule is not None)]
        return tuple(dict.fromkeys(vital for inputs in named for vital in inputs))

    def of_kind(self, kind: str) -> tuple[Rule, ...]:
        """Return the rules of one kind."""
        return tuple(rule for rule in self.rules if rule.kind == kind)

    def mask(self, programmes: Sequence[Sequence[str]]) -> NDArray[np.bool_]:
        """Return (patients, R): whether rule r of those that judge readings judges a patient of these programmes."""
        distinct = {tuple(sorted(names)) for names in programmes}
        rows = {names: [rule.applies_to(names) for rule in self.reading_rules] for names in distinct}
        table = [rows[tuple(sorted(names))] for names in programmes]
        return np.array(table, bool).reshape(len(programmes), len(self.reading_rules))

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
    if sum(rule.kind in READING_KINDS for rule in rules.values()) > 255:
        raise RuleError(f"{place}: more than 255 rules that judge readings; split the clinic or merge rules")
    _check_named(place, rules)
    if sum(rule.kind == "doubt" for rule in rules.values()) > 1:
        raise RuleError(f"{place}: more than one rule of kind 'doubt'; keep one")
    return RuleSet(tuple(sorted(rules.values(), key=lambda rule: (KINDS.index(rule.kind), rule.name))))


def _check_named(place: Path, rules: dict[str, Rule]) -> None:
    """Check that composites name rules they can look at."""
    for rule in rules.values():
        for when in rule.when:
            other = None if when.rule is None else rules.get(when.rule)
            if when.rule is not None and (other is None or other.kind not in READING_KINDS or other.kind == "composite"):
                raise RuleError(
                    f"{place}: rule {rule.name!r}: when names {when.rule!r}; name one that judges readings and is no composite"
                )


def _us(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _sign(rule: Rule) -> float:
    return -1.0 if rule.direction == "low" else 1.0


def _places(rule: Rule) -> int:
    """Return to how many decimals a rule's limit is judged."""
    return max(VITALS[COLUMN[rule.vital or ""]].decimals, 3) if rule.kind == "threshold" else 4


def _edge(rule: Rule, slack: float) -> float:
    """Return the smallest sign·value that breaches the limit moved by slack towards normal."""
    if rule.kind == "composite":
        return float({"all": len(rule.when), "any": 1}.get(str(rule.need), rule.need))
    assert rule.limit is not None
    sign = _sign(rule)
    moved = sign * round(rule.limit - sign * slack, _places(rule))
    return float(np.nextafter(moved, np.inf)) if rule.op in ("<", ">") else moved
