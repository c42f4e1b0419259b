"""Signal words: what a signal's numbers come to in words, to be filled into a rule's sentence.

Pure. The numbers are those of `Episode.told`; times are told in the patient's zone, since "this morning" is the patient's.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from alerts import news2
from alerts.moments import to_datetime
from alerts.rule import OPERATORS, Rule, When
from devices.vitals import COLUMN, VITALS, Vital

_SHORT: Final = {
    "respiratory_rate": "respiration", "spo2": "SpO₂", "oxygen": "oxygen", "systolic_bp": "systolic pressure",
    "heart_rate": "pulse", "consciousness": "consciousness", "body_temperature": "temperature",
}  # fmt: skip


def limit_of(rule: Rule, told: Mapping[str, float]) -> float | None:
    """Return the limit that was in force: the patient's own where there was one."""
    return told.get("own_limit", rule.limit)


def words(rule: Rule, told: Mapping[str, float], at: datetime, zone: str, others: Mapping[str, Rule]) -> dict[str, str]:
    """Return what is filled into a rule's sentence, by place; `others` are the rules by name."""
    limit = limit_of(rule, told)
    if rule.kind == "score":
        return _score(rule, told, at, limit)
    if rule.kind == "composite":
        return _composite(rule, told, at, others)
    vital = VITALS[COLUMN[rule.vital or ""]]
    found = {"vital": vital.title, "value": _shown(vital, told.get("value")), "limit": "" if limit is None else f"{limit:g}"}
    if rule.kind == "slope":
        return found | {
            "slope": _per_day(vital, told.get("slope")), "limit": _per_day(vital, limit), "days": f"{told.get('days', 0):.0f}",
        }  # fmt: skip
    if rule.kind == "change":
        return found | _change(rule, vital, told, limit, at, ZoneInfo(zone))
    return found | _baseline(rule, vital, told, limit)


def _change(
    rule: Rule, vital: Vital, told: Mapping[str, float], limit: float | None, at: datetime, zone: ZoneInfo
) -> dict[str, str]:
    against, value = told.get("against"), told.get("value")
    found = {
        "change": _shown(vital, None if against is None or value is None else abs(value - against), more=1),
        "against": _shown(vital, against, more=0 if rule.against in ("least", "greatest", "dry_weight") else 1),
        "at": _when(to_datetime(int(told["at"])), at, zone) if "at" in told else "",
        "days": f"{told.get('days', 0):.0f}",
    }
    if limit is not None:
        spread = told.get("spread", 1.0) if rule.against == "deviation" else 1.0
        found["limit"] = _shown(vital, abs(limit) * spread, more=1)
    return found


def _baseline(rule: Rule, vital: Vital, told: Mapping[str, float], limit: float | None) -> dict[str, str]:
    usual, value = told.get("usual"), told.get("value")
    spread = max(told.get("spread", 0.0), rule.least_spread)
    found = {"usual": _shown(vital, usual, more=1), "days": f"{told.get('days', 0):.0f}"}
    if usual is not None and value is not None:
        found["distance"] = _shown(vital, abs(value - usual), more=1)
    if usual is not None and limit is not None and rule.measure != "drift":
        found["limit"] = _shown(vital, usual + limit * (spread if rule.measure == "spread" else 1.0), more=1)
    return found


def is_fallback(rule: Rule, told: Mapping[str, float]) -> bool:
    """Say whether a baseline's reading was judged by the fixed limit, since the usual value was not learned yet."""
    return rule.kind == "baseline" and told.get("learned") == 0


def fallback_sentence(rule: Rule, told: Mapping[str, float]) -> str:
    """Return what is said where a fixed limit stood in for a baseline that is not learned yet."""
    vital = VITALS[COLUMN[rule.vital or ""]]
    return (
        f"{vital.title} {_shown(vital, told.get('value'))}, {OPERATORS[rule.op or '']} the fixed limit "
        f"{_shown(vital, rule.fallback)}; not yet learned what is usual ({told.get('days', 0):.0f} of {rule.learn_days} days)"
    )


def _score(rule: Rule, told: Mapping[str, float], at: datetime, limit: float | None) -> dict[str, str]:
    missing, given = [], []
    for name in news2.PARAMETERS:
        points = told.get(f"{name}.points", -1.0)
        if points < 0:
            missing.append(_SHORT[name])
            continue
        given.append(f"{_SHORT[name]} {_parameter(name, told[f'{name}.value'])} {points:.0f}{_age(told[f'{name}.at'], at)}")
    lacking = f"{joined(missing)} missing" if missing else "nothing missing"
    return {
        "score": f"at least {told.get('total', 0):.0f}" if missing else f"{told.get('total', 0):.0f}",
        "limit": "" if limit is None else f"{limit:g}",
        "missing": lacking,
        "inputs": ", ".join(given),
    }


def _composite(rule: Rule, told: Mapping[str, float], at: datetime, others: Mapping[str, Rule]) -> dict[str, str]:
    holding = [
        _condition(when, told[f"{place}.value"], others) + _age(told[f"{place}.at"], at)
        for place, when in enumerate(rule.when)
        if told.get(f"{place}.holds")
    ]
    return {"conditions": "; ".join(holding), "count": str(len(holding)), "of": str(len(rule.when))}


def _condition(when: When, value: float, others: Mapping[str, Rule]) -> str:
    if when.flag is not None:
        return f"the device reports {when.flag.replace('_', ' ')}"
    if when.rule is not None:
        return others[when.rule].title if when.rule in others else when.rule
    vital = VITALS[COLUMN[when.vital or ""]]
    return f"{vital.title} {_shown(vital, value)}, {OPERATORS[when.op or '']} {_shown(vital, when.limit)}"


def _parameter(name: str, value: float) -> str:
    if name == "consciousness":
        return "alert" if value == 0 else "not alert"
    if name == "oxygen":
        return "none" if value == 0 else f"{value:g} L/min"
    return _shown(VITALS[COLUMN[name]], value)


def _shown(vital: Vital, value: float | None, more: int = 0) -> str:
    """Return a value with its unit; `more` decimals are shown where the chart's do not tell all of it."""
    if value is None:
        return "unknown"
    plain = f"{value:.{vital.decimals}f}"
    finer = f"{value:.{vital.decimals + more}f}"
    return f"{plain if float(plain) == float(finer) else finer} {vital.shown_unit}"


def _per_day(vital: Vital, value: float | None) -> str:
    return "unknown" if value is None else f"{value:+.{vital.decimals + 1}f} {vital.shown_unit} a day"


def _age(us: float, at: datetime) -> str:
    minutes = (at - to_datetime(int(us))).total_seconds() / 60
    return f" ({minutes:.0f} min before)" if minutes >= 1 else ""


def _when(moment: datetime, at: datetime, zone: ZoneInfo) -> str:
    """Return a time as one says it on the day of another.

    >>> from datetime import UTC
    >>> _when(datetime(2026, 11, 22, 7, 12, tzinfo=UTC), datetime(2026, 11, 23, 7, 0, tzinfo=UTC), ZoneInfo("UTC"))
    'yesterday 07:12'
    """
    local = moment.astimezone(zone)
    days = (at.astimezone(zone).date() - local.date()).days
    day = {0: "today", 1: "yesterday"}.get(days, f"{days} days before,")
    return f"{day} {local:%H:%M}"


def joined(names: Sequence[str]) -> str:
    """Return names as a list in a sentence.

    >>> joined(["respiration", "oxygen", "consciousness"])
    'respiration, oxygen and consciousness'
    """
    *most, last = names or [""]
    return f"{', '.join(most)} and {last}" if most else last
