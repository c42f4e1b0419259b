"""Rules: versioned rows of data that say which readings need a person, and how soon.

The noun between the files a clinician signs off (`alerts/rules/*.toml`, read by `alerts/rule_files.py`) and the numpy
columns that `alerts/evaluate.py` judges whole batches with. Holds no limit of its own and judges nothing.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from devices.vitals import COLUMN, VITALS

Severity = Literal["high", "medium", "low"]
Category = Literal["clinical", "adherence", "technical"]

#: the programme that every patient is in
ANY: Final = "any"
SEVERITIES: Final[tuple[Severity, ...]] = ("high", "medium", "low")
CATEGORIES: Final[tuple[Category, ...]] = ("clinical", "adherence", "technical")
OPERATORS: Final = {"<": "below", "<=": "at or below", ">": "above", ">=": "at or above"}
KINDS: Final = ("threshold", "silence", "doubt")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of one version; docs/rules.md has a row for each field."""

    #: name in alerts, tests and logs: lower case words joined by underscores, never reused for another meaning
    name: str
    #: raised with every change of meaning, so that an old alert still names what judged it
    version: int
    #: "threshold" (a vital against a limit), "silence" (a device against its schedule) or "doubt" (a suspect value not repeated)
    kind: Literal["threshold", "silence", "doubt"]
    #: what a nurse calls it
    title: str
    #: high and medium are sent, low is shown only; high stays until a person acts
    severity: Severity
    #: how soon a person should have looked, counted from opening
    response: timedelta
    #: the sentence on the worklist; {value}, {limit}, {vital}, {device}, {since} and {expected} are filled in
    reason: str
    #: where each number comes from: field name → source
    source: dict[str, str]
    #: programmes whose patients it applies to; "any" is everybody
    programmes: tuple[str, ...] = (ANY,)
    #: programmes whose patients it leaves alone
    unless: tuple[str, ...] = ()
    #: whose queue an alert goes to
    category: Category = "clinical"
    #: belongs to the emergency band: sorted first, never waits for a recheck
    emergency: bool = False
    #: vital it judges (threshold)
    vital: str | None = None
    #: "<", "<=", ">" or ">=" (threshold)
    op: str | None = None
    #: the limit, in the vital's canonical unit (threshold)
    limit: float | None = None
    #: UCUM unit of limit and hysteresis (threshold)
    unit: str | None = None
    #: how long readings must keep breaching (threshold), or how long a clean repeat is waited for (doubt)
    for_: timedelta = field(default=timedelta(0), metadata={"key": "for"})
    #: how many breaching readings in a row it takes (threshold)
    readings: int = 1
    #: how far past the limit a reading must be to end a firing condition (threshold)
    hysteresis: float = 0.0
    #: two breaching readings further apart than this do not count as one stretch (threshold)
    max_gap: timedelta = timedelta(0)
    #: an older reading is late at arrival (threshold)
    fresh_for: timedelta = timedelta(0)
    #: how many of its intervals a device may miss (silence)
    missed: float = 0.0

    @property
    def number_source(self) -> str:
        """The source of its main number."""
        return next((self.source[key] for key in ("limit", "missed", "for") if key in self.source), "")

    def applies_to(self, programmes: Sequence[str]) -> bool:
        """Whether it judges a patient of these programmes.

        >>> UNJUDGED.applies_to(["copd"])
        True
        """
        if any(name in programmes for name in self.unless):
            return False
        return ANY in self.programmes or any(name in programmes for name in self.programmes)

    def as_json(self) -> dict[str, Any]:
        """Return every field under its name in the file, durations in seconds."""
        given: dict[str, Any] = {}
        for spec in fields(self):
            value = getattr(self, spec.name)
            if isinstance(value, timedelta):
                value = value.total_seconds()
            given[spec.metadata.get("key", spec.name)] = list(value) if isinstance(value, tuple) else value
        return given


#: What opens when judging itself failed: built in, since it must not depend on the files that may be at fault.
UNJUDGED: Final = Rule(
    name="unjudged",
    version=1,
    kind="silence",
    title="Readings not judged",
    severity="high",
    response=timedelta(minutes=30),
    category="technical",
    reason="Readings were stored but could not be judged; they are tried again every minute.",
    source={"response": "engineering default"},
)


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
    #: (R,) int64 microseconds
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
            max_gap_us=np.array([_us(rule.max_gap) for rule in rules], np.int64),
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


def _us(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _edge(rule: Rule, slack: float) -> float:
    """Return the smallest sign·value that breaches the limit moved by slack towards normal."""
    assert rule.limit is not None and rule.vital is not None
    sign = 1.0 if rule.op in (">", ">=") else -1.0
    moved = sign * round(rule.limit - sign * slack, max(VITALS[COLUMN[rule.vital]].decimals, 3))
    return float(np.nextafter(moved, np.inf)) if rule.op in ("<", ">") else moved
