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

from alerts.rule import ANY, READING_KINDS, Rule, When
from alerts.rule_shapes import ALLOWED, CHOICES, DURATIONS, NEEDED, NUMBERS, PLACES, TYPES
from devices.vitals import COLUMN, VITALS

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_FIELDS: Final = {spec.metadata.get("key", spec.name): spec for spec in fields(Rule)}
_DAY: Final = timedelta(days=1)
#: kinds that the sweep or answers judge → unit by fault or questionnaire, "" for any other
_SWEPT_UNITS: Final[dict[str, dict[str, str]]] = {
    "adherence": {"": "d"},
    "technical": {"": "%", "clock": "s", "gap": "1"},
    "questionnaire": {"": "{score}", "red_flags": "1"},
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
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
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
    kinds = TYPES.get(key, (str,))
    if type(value) not in kinds:
        raise RuleError(f"{where}: {key} is {value!r}; write a {' or '.join(kind.__name__ for kind in kinds)}")
    if key in CHOICES and value not in CHOICES[key]:
        raise RuleError(f"{where}: {key} is {value!r}; write one of {', '.join(CHOICES[key])}")
    if key in DURATIONS:
        try:
            return duration(value)
        except ValueError:
            raise RuleError(f"{where}: {key} is {value!r}; write a number and s, m, h or d, such as 15m") from None
    if key in ("day_from", "day_until") and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d|24:00", value):
        raise RuleError(f"{where}: {key} is {value!r}; write a time of day such as 04:00")
    if key == "when":
        return tuple(_when(where, one) for one in value)
    if isinstance(value, list):
        if not all(isinstance(item, str) and re.fullmatch(r"[a-z0-9_]+", item) for item in value):
            raise RuleError(f"{where}: {key} is {value!r}; write a list of programme names such as heart_failure")
        return tuple(value)
    if isinstance(value, str) and not value.strip():
        raise RuleError(f"{where}: {key} is empty")
    return float(value) if float in kinds else value


def _when(where: str, table: Any) -> When:
    """Return one condition of a composite."""
    known = {spec.name for spec in fields(When)}
    if not isinstance(table, dict) or set(table) - known:
        raise RuleError(f"{where}: when holds {table!r}; write [[rule.when]] tables of {', '.join(sorted(known))}")
    if set(table) not in ({"rule"}, {"flag"}, {"vital", "op", "limit"}):
        raise RuleError(f"{where}: when holds {sorted(table)}; write vital, op and limit, or rule alone, or flag alone")
    given: dict[str, Any] = {key: _value(where, key, value) for key, value in table.items()}
    return When(**given)


def _check_shape(where: str, rule: Rule, table: dict[str, Any]) -> None:
    """Check which fields stand together, and that every number has a source."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", rule.name):
        raise RuleError(f"{where}: name must be lower case words joined by underscores")
    for key in NEEDED[rule.kind]:
        if key not in table:
            raise RuleError(f"{where}: a rule of kind {rule.kind!r} needs the field {key!r}")
    for key in table:
        if key not in ALLOWED[rule.kind]:
            raise RuleError(f"{where}: {key} means nothing for a rule of kind {rule.kind!r}; leave it out")
    for key in NUMBERS:
        text = rule.source.get(key)
        if key in table and not (isinstance(text, str) and text.strip()):
            raise RuleError(f'{where}: {key} has no source; add {key} = "where the number comes from" under [rule.source]')
    for key in rule.source:
        if key not in table:
            raise RuleError(f"{where}: source names {key!r}, which the rule does not set; leave it out")
    places = {place for _, place, _, _ in string.Formatter().parse(rule.reason) if place is not None}
    if unknown := places - PLACES:
        raise RuleError(f"{where}: reason names {sorted(unknown)}; what can be filled in is {', '.join(sorted(PLACES))}")


def _check_meaning(where: str, rule: Rule) -> None:
    if rule.version < 1:
        raise RuleError(f"{where}: version is {rule.version}; count from 1")
    if not rule.programmes:
        raise RuleError(f"{where}: programmes is empty; write [{ANY!r}] for everybody")
    if rule.response <= timedelta(0):
        raise RuleError(f"{where}: response must be longer than nothing")
    if rule.kind == "silence" and not 1 <= rule.missed <= 100:
        raise RuleError(f"{where}: missed is {rule.missed}; write a number of intervals from 1 to 100")
    if rule.emergency and (rule.override != "locked" or rule.recheck):
        raise RuleError(f"{where}: an emergency rule is locked and never waits: leave override and recheck out")
    if rule.kind in READING_KINDS:
        _check_reading(where, rule)
    if rule.kind in _SWEPT_UNITS:
        _check_swept(where, rule)


def _check_swept(where: str, rule: Rule) -> None:
    """Check what the sweep or answers judge: units, and windows of whole days."""
    assert rule.limit is not None
    if rule.unit != (
        expected := _SWEPT_UNITS[rule.kind].get(rule.fault or rule.questionnaire or "", _SWEPT_UNITS[rule.kind][""])
    ):
        raise RuleError(f"{where}: unit is {rule.unit!r}; such limits are written in {expected!r}")
    if rule.hysteresis < 0 or rule.step < 0 or rule.limit < 0:
        raise RuleError(f"{where}: limit, hysteresis and step are not below 0")
    needs_days = rule.kind == "adherence" or rule.fault in ("gap", "implausible")
    if needs_days and (rule.window % _DAY or not _DAY <= rule.window <= 60 * _DAY):
        raise RuleError(f"{where}: window is needed: whole days, from 1d to 60d")
    if rule.kind == "adherence" and (rule.op != "<" or rule.limit > rule.window.days):
        raise RuleError(f"{where}: adherence is fewer days than a limit: write op = '<' and a limit within the window")


def _check_reading(where: str, rule: Rule) -> None:
    """Check what every kind that judges readings has in common, then what is the kind's own."""
    if not 1 <= rule.readings <= 255:
        raise RuleError(f"{where}: readings is {rule.readings}; write a number from 1 to 255")
    if rule.of and (not rule.readings <= rule.of <= 8 or rule.for_):
        raise RuleError(
            f"{where}: of is {rule.of}; write how many of the last readings count, at most 8, and no 'for' beside it"
        )
    if (rule.readings > 1 or rule.for_) and not rule.max_gap:
        raise RuleError(f"{where}: with 'for' or several readings it needs max_gap: how far apart two of them may be")
    if rule.max_gap > 60 * _DAY:
        raise RuleError(f"{where}: max_gap is longer than 60 days")
    if rule.hysteresis < 0 or rule.step < 0:
        raise RuleError(f"{where}: hysteresis and step are distances: not below 0")
    if rule.day_from >= rule.day_until:
        raise RuleError(f"{where}: day_from must lie before day_until: a part of the day that holds midnight is two")
    if rule.kind == "composite":
        _check_composite(where, rule)
        return
    if rule.unit != (expected := _unit(rule)):
        raise RuleError(f"{where}: unit is {rule.unit!r}; limits of {rule.vital or rule.kind} are written in {expected!r}")
    _OWN_CHECKS[rule.kind](where, rule)


def _unit(rule: Rule) -> str:
    """Return the unit in which a rule's limit is written."""
    unit = "{score}" if rule.kind == "score" else VITALS[COLUMN[rule.vital or ""]].unit
    if rule.against == "deviation" or rule.measure in ("spread", "drift"):
        return "1"
    return f"{unit}/d" if rule.kind == "slope" else unit


def _check_change(where: str, rule: Rule) -> None:
    if rule.against == "dry_weight":
        if rule.vital != "body_weight" or rule.window:
            raise RuleError(f"{where}: dry_weight is compared with body_weight, and without a window")
    elif rule.window % _DAY or not _DAY <= rule.window <= 30 * _DAY:
        raise RuleError(f"{where}: window must be whole days, from 1 to 30: readings are compared with the days before")
    elif not 1 <= rule.least_days <= rule.window // _DAY or (rule.against == "deviation" and rule.least_days < 3):
        raise RuleError(f"{where}: least_days must fit into the window, and a deviation needs at least 3 days")
    if rule.against == "deviation" and rule.least_spread <= 0:
        raise RuleError(f"{where}: a deviation needs least_spread, the smallest spread that is believed")


def _check_slope(where: str, rule: Rule) -> None:
    if rule.window % _DAY or not 3 * _DAY <= rule.window <= 30 * _DAY or not 2 <= rule.least_days <= rule.window // _DAY + 1:
        raise RuleError(f"{where}: a slope needs a window of 3 to 30 whole days and at least 2 of them with a value")


def _check_score(where: str, rule: Rule) -> None:
    if rule.measure not in ("total", "single") or rule.direction != "high" or not rule.within:
        raise RuleError(
            f"{where}: a score is judged by its measure 'total' or 'single', above a limit, from inputs not older than within"
        )


def _check_baseline(where: str, rule: Rule) -> None:
    assert rule.limit is not None
    if rule.measure not in ("spread", "difference", "drift"):
        raise RuleError(f"{where}: measure of a baseline is spread, difference or drift")
    if (rule.limit > 0) != (rule.direction == "high") or not rule.limit:
        raise RuleError(f"{where}: limit counts from the usual value: positive with > and >=, negative with < and <=")
    if rule.half_life < _DAY or rule.learn_days < 2 or rule.learn_readings < 2 or rule.least_spread <= 0:
        raise RuleError(f"{where}: half_life is at least a day, learn_days and learn_readings at least 2, least_spread above 0")
    if not 1 <= rule.parts <= 8 or 24 % rule.parts or (rule.parts > 1 and (rule.measure == "drift" or rule.daily == "first")):
        raise RuleError(f"{where}: parts is 1, 2, 3, 4, 6 or 8, and 1 for a drift or the first reading of a day")


def _check_composite(where: str, rule: Rule) -> None:
    if not 1 <= len(rule.when) <= 16:
        raise RuleError(f"{where}: when holds {len(rule.when)} conditions; write from 1 to 16")
    if isinstance(rule.need, str) and rule.need not in ("all", "any"):
        raise RuleError(f"{where}: need is {rule.need!r}; write all, any, or a number")
    if isinstance(rule.need, int) and not 1 <= rule.need <= len(rule.when):
        raise RuleError(f"{where}: need is {rule.need}; there are {len(rule.when)} conditions")
    if not rule.within:
        raise RuleError(f"{where}: within must be longer than nothing")


def _check_threshold(where: str, rule: Rule) -> None:
    assert rule.limit is not None
    vital = VITALS[COLUMN[rule.vital or ""]]
    if not vital.low <= rule.limit <= vital.high:
        raise RuleError(
            f"{where}: limit {rule.limit} lies outside the plausible range {vital.low}–{vital.high} {vital.unit}; "
            f"readings out there are doubted, not judged, so it would never fire"
        )
    if round(rule.limit, vital.decimals) != rule.limit:
        raise RuleError(f"{where}: limit {rule.limit} is finer than {vital.name} is judged ({vital.decimals} decimals)")
    if round(rule.hysteresis, vital.decimals) != rule.hysteresis:
        raise RuleError(f"{where}: hysteresis {rule.hysteresis} is finer than {vital.decimals} decimals")


_OWN_CHECKS: Final = {
    "threshold": _check_threshold,
    "change": _check_change,
    "slope": _check_slope,
    "baseline": _check_baseline,
    "score": _check_score,
}
