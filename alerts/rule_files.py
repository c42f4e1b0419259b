"""Rule files: reads `*.toml` into rules, and refuses what a clinician could not have meant.

Every refusal names file, rule, field and the way out. Runs once when a process starts; knows nothing of patients.
"""

import re
import string
import tomllib
from dataclasses import MISSING, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from alerts.rule import ANY, CATEGORIES, KINDS, OPERATORS, OVERRIDES, SEVERITIES, Rule
from devices.vitals import COLUMN, VITALS

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_FIELDS: Final = {spec.metadata.get("key", spec.name): spec for spec in fields(Rule)}
_DURATIONS: Final = ("response", "for", "max_gap", "fresh_for", "recheck")
_NUMBERS: Final = (*_DURATIONS, "limit", "readings", "hysteresis", "missed", "step")
_THRESHOLD_ONLY: Final = (
    "vital",
    "op",
    "limit",
    "unit",
    "readings",
    "hysteresis",
    "max_gap",
    "fresh_for",
    "step",
    "recheck",
    "override",
)
_PLACES: Final = {"value", "limit", "vital", "device", "since", "expected"}
_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "kind": KINDS,
    "severity": SEVERITIES,
    "category": CATEGORIES,
    "op": tuple(OPERATORS),
    "override": OVERRIDES,
    "vital": tuple(COLUMN),
}
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "version": (int,),
    "readings": (int,),
    "limit": (int, float),
    "hysteresis": (int, float),
    "missed": (int, float),
    "step": (int, float),
    "emergency": (bool,),
    "programmes": (list,),
    "unless": (list,),
    "source": (dict,),
}


class RuleError(Exception):
    """A rule file cannot be used; the message names file, rule, field and the way out."""


def read_rules(file: Path) -> list[Rule]:
    """Return the rules of one file. Raises RuleError."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RuleError(f"{file}: cannot be read as TOML: {error}") from error
    if set(content) != {"rule"} or not isinstance(content["rule"], list):
        raise RuleError(f"{file}: holds {sorted(content)}; a rule file is a list of [[rule]] tables and nothing else")
    return [_rule(file, number, table) for number, table in enumerate(content["rule"], 1)]


def duration(text: str) -> timedelta:
    """Return the time span of a number with s, m, h or d.

    >>> duration("90m")
    datetime.timedelta(seconds=5400)
    """
    match = re.fullmatch(r"(\d+)([smhd])", text)
    if match is None:
        raise ValueError(text)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _rule(file: Path, number: int, table: dict[str, Any]) -> Rule:
    name = table.get("name")
    return make_rule(f"{file}: rule {name!r}" if isinstance(name, str) else f"{file}: rule number {number}", table)


def make_rule(where: str, table: dict[str, Any]) -> Rule:
    """Return the rule that a table of a file describes; `where` begins every refusal. Raises RuleError."""
    for key in table:
        if key not in _FIELDS:
            raise RuleError(f"{where}: nobody knows the field {key!r}; known are {', '.join(_FIELDS)}")
    for key, spec in _FIELDS.items():
        if key not in table and spec.default is MISSING and spec.default_factory is MISSING:
            raise RuleError(f"{where}: the field {key!r} is missing")
    given = {_FIELDS[key].name: _value(where, key, value) for key, value in table.items()}
    rule = Rule(**given)
    _check_shape(where, rule, table)
    _check_meaning(where, rule)
    return rule


def _value(where: str, key: str, value: Any) -> Any:
    kinds = _TYPES.get(key, (str,))
    if type(value) not in kinds:
        raise RuleError(f"{where}: {key} is {value!r}; write a {' or '.join(kind.__name__ for kind in kinds)}")
    if key in _CHOICES and value not in _CHOICES[key]:
        raise RuleError(f"{where}: {key} is {value!r}; write one of {', '.join(_CHOICES[key])}")
    if key in _DURATIONS:
        try:
            return duration(value)
        except ValueError:
            raise RuleError(f"{where}: {key} is {value!r}; write a number and s, m, h or d, such as 15m") from None
    if isinstance(value, list):
        if not all(isinstance(item, str) and re.fullmatch(r"[a-z0-9_]+", item) for item in value):
            raise RuleError(f"{where}: {key} is {value!r}; write a list of programme names such as heart_failure")
        return tuple(value)
    if isinstance(value, str) and not value.strip():
        raise RuleError(f"{where}: {key} is empty")
    return float(value) if float in kinds else value


def _check_shape(where: str, rule: Rule, table: dict[str, Any]) -> None:
    """Check which fields stand together, and that every number has a source."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", rule.name):
        raise RuleError(f"{where}: name must be lower case words joined by underscores")
    wanted = {"threshold": ("vital", "op", "limit", "unit", "fresh_for"), "silence": ("missed",), "doubt": ("for",)}[rule.kind]
    for key in wanted:
        if key not in table:
            raise RuleError(f"{where}: a rule of kind {rule.kind!r} needs the field {key!r}")
    foreign = {"threshold": ("missed",), "silence": (*_THRESHOLD_ONLY, "for"), "doubt": (*_THRESHOLD_ONLY, "missed")}[rule.kind]
    for key in foreign:
        if key in table:
            raise RuleError(f"{where}: {key} means nothing for a rule of kind {rule.kind!r}; leave it out")
    for key in _NUMBERS:
        text = rule.source.get(key)
        if key in table and not (isinstance(text, str) and text.strip()):
            raise RuleError(f'{where}: {key} has no source; add {key} = "where the number comes from" under [rule.source]')
    for key in rule.source:
        if key not in table:
            raise RuleError(f"{where}: source names {key!r}, which the rule does not set; leave it out")
    places = {place for _, place, _, _ in string.Formatter().parse(rule.reason) if place is not None}
    if unknown := places - _PLACES:
        raise RuleError(f"{where}: reason names {sorted(unknown)}; what can be filled in is {', '.join(sorted(_PLACES))}")


def _check_meaning(where: str, rule: Rule) -> None:
    if rule.version < 1:
        raise RuleError(f"{where}: version is {rule.version}; count from 1")
    if not rule.programmes:
        raise RuleError(f"{where}: programmes is empty; write [{ANY!r}] for everybody")
    if rule.response <= timedelta(0):
        raise RuleError(f"{where}: response must be longer than nothing")
    if rule.kind == "silence" and not 1 <= rule.missed <= 100:
        raise RuleError(f"{where}: missed is {rule.missed}; write a number of intervals from 1 to 100")
    if rule.kind == "threshold":
        _check_threshold(where, rule)


def _check_threshold(where: str, rule: Rule) -> None:
    assert rule.vital is not None
    assert rule.limit is not None
    vital = VITALS[COLUMN[rule.vital]]
    if rule.unit != vital.unit:
        raise RuleError(f"{where}: unit is {rule.unit!r}; limits of {vital.name} are written in {vital.unit!r}")
    if not vital.low <= rule.limit <= vital.high:
        raise RuleError(
            f"{where}: limit {rule.limit} lies outside the plausible range {vital.low}–{vital.high} {vital.unit}; "
            f"readings out there are doubted, not judged, so it would never fire"
        )
    if round(rule.limit, vital.decimals) != rule.limit:
        raise RuleError(f"{where}: limit {rule.limit} is finer than {vital.name} is judged ({vital.decimals} decimals)")
    if rule.hysteresis < 0 or round(rule.hysteresis, vital.decimals) != rule.hysteresis:
        raise RuleError(f"{where}: hysteresis {rule.hysteresis} is negative, or finer than {vital.decimals} decimals")
    if not 1 <= rule.readings <= 255:
        raise RuleError(f"{where}: readings is {rule.readings}; write a number from 1 to 255")
    if (rule.readings > 1 or rule.for_) and not rule.max_gap:
        raise RuleError(f"{where}: with 'for' or several readings it needs max_gap: how far apart two of them may be")
    if rule.max_gap > timedelta(days=60):
        raise RuleError(f"{where}: max_gap is longer than 60 days")
