"""Explanation: what an alert keeps of its judgement, so that it can be told, checked and judged again years later.

Pure: makes the JSON of `alert.explanation` (docs/decisions/0012); `alerts/explain.py` tells it in plain words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerts.alert import Alert
from alerts.moments import to_datetime
from alerts.rule import ANY, Rule
from alerts.rule_shapes import PLACES
from alerts.signal_words import fallback_sentence, is_fallback, limit_of, words
from devices.vitals import COLUMN, VITALS


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reading that an alert rests on."""

    #: when it was measured
    measured_at: datetime
    #: when it arrived
    received_at: datetime
    #: at the chart's precision, canonical unit
    value: float
    #: public id of the device
    device: str
    #: 0 device, 1 patient, 2 staff
    source: int


@dataclass(frozen=True, slots=True)
class Silence:
    """What is known of a device that fell silent."""

    #: public id
    device: str
    #: "pulse oximeter", …
    kind: str
    #: its schedule, seconds
    expected_seconds: float
    #: when anything last arrived, None where nothing ever did
    last_received_at: datetime | None
    #: from when its silence is counted
    counted_from: datetime
    #: seconds of it in which our own path was up
    counted_seconds: float


def explain_reading(
    rule: Rule,
    alert: Alert,
    value: float | None,
    numbers: Mapping[str, float],
    evidence: Sequence[Evidence],
    digest: str,
    *,
    zone: str = "UTC",
    others: Mapping[str, Rule] | None = None,
    still_true_after: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what an alert about readings keeps, whatever the kind of its rule.

    `value` is what was judged of the reading that made it fire, `numbers` what that rests on; `others` are the rules by name.
    """
    if rule.kind == "threshold":
        return explain_threshold(rule, alert, evidence, digest, still_true_after, limit_of(rule, numbers))
    told = _common(rule, alert, digest, words(rule, numbers, alert.fired_at, zone, others or {}))
    if is_fallback(rule, numbers):
        told["reason"] = fallback_sentence(rule, numbers)
    told |= {
        "vital": rule.vital,
        "value": value,
        "rests_on": {name: _kept(name, number) for name, number in numbers.items()},
        "zone": zone,
        "for_seconds": rule.for_.total_seconds(),
        "readings": [_reading(one) for one in evidence],
    }
    told |= _limit(rule, limit_of(rule, numbers))
    return _still_true(told, still_true_after)


def _kept(name: str, number: float) -> float | str:
    """Return a number as it is kept, a time as text."""
    return to_datetime(int(number)).isoformat() if name == "at" or name.endswith(".at") else number


def explain_threshold(
    rule: Rule,
    alert: Alert,
    evidence: Sequence[Evidence],
    digest: str,
    still_true_after: dict[str, Any] | None = None,
    limit: float | None = None,
) -> dict[str, Any]:
    """Return what a threshold or doubt alert keeps: rule, limit and whose it is, readings, since when, and the sentence."""
    limit = rule.limit if limit is None else limit
    vital = VITALS[COLUMN[alert.subject or ""]]
    deciding = next((one for one in evidence if one.measured_at == alert.fired_at), evidence[-1] if evidence else None)
    words = {
        "value": f"{deciding.value:.{vital.decimals}f} {vital.shown_unit}" if deciding else "unknown",
        "limit": f"{limit:g} {vital.shown_unit}" if limit is not None else "",
        "vital": vital.title,
    }
    told = _common(rule, alert, digest, words)
    told |= {
        "vital": vital.name,
        "unit": vital.unit,
        "for_seconds": rule.for_.total_seconds(),
        "readings": [_reading(one) for one in evidence],
    }
    if rule.kind == "threshold":
        told |= _limit(rule, limit)
    return _still_true(told, still_true_after)


def _reading(one: Evidence) -> dict[str, Any]:
    return {
        "measured_at": one.measured_at.isoformat(),
        "received_at": one.received_at.isoformat(),
        "value": one.value,
        "device": one.device,
        "source": one.source,
    }


def _limit(rule: Rule, limit: float | None) -> dict[str, Any]:
    """Return the limit that was in force, whose it is, and what it takes to fire and to end."""
    general = "general limit" if ANY in rule.programmes else f"limit of {', '.join(rule.programmes).replace('_', ' ')}"
    return {
        "operator": rule.op,
        "limit": limit,
        "unit": rule.unit,
        "n": rule.readings,
        "of": rule.of,
        "hysteresis": rule.hysteresis,
        "max_gap_seconds": rule.max_gap.total_seconds(),
        "whose_limit": general if limit == rule.limit else "patient's own limit",
    }


def _still_true(told: dict[str, Any], after: dict[str, Any] | None) -> dict[str, Any]:
    if after is not None:
        told["still_true_after"] = after
        told["reason"] += ", still so after it was resolved"
    return told


def explain_silence(rule: Rule, alert: Alert, silence: Silence, digest: str) -> dict[str, Any]:
    """Return what a silence alert keeps: the schedule, the last sign of life, and how much of the silence was counted."""
    last = silence.last_received_at
    words = {
        "device": f"{silence.kind.replace('_', ' ').capitalize()} {silence.device}".strip(),
        "since": last.strftime("%Y-%m-%d %H:%M UTC") if last else "it was assigned",
        "expected": in_words(silence.expected_seconds),
    }
    return _common(rule, alert, digest, words) | {
        "device": silence.device,
        "device_kind": silence.kind,
        "expected_seconds": silence.expected_seconds,
        "missed": rule.missed,
        "last_received_at": last.isoformat() if last else None,
        "counted_from": silence.counted_from.isoformat(),
        "counted_seconds": silence.counted_seconds,
        "not_counted_seconds": (alert.fired_at - silence.counted_from).total_seconds() - silence.counted_seconds,
        "readings": [],
    }


def explain_unjudged(rule: Rule, alert: Alert, failure: str, digest: str) -> dict[str, Any]:
    """Return what a technical alert keeps of a judgement that failed."""
    return _common(rule, alert, digest, {}) | {"kind": "unjudged", "failure": failure, "readings": []}


def _common(rule: Rule, alert: Alert, digest: str, words: dict[str, str]) -> dict[str, Any]:
    filled = dict.fromkeys(PLACES, "") | words
    return {
        "kind": rule.kind,
        "rule": rule.name,
        "version": rule.version,
        "title": rule.title,
        "source": rule.number_source,
        "sources": rule.source,
        "since": alert.since.isoformat(),
        "fired_at": alert.fired_at.isoformat(),
        "lateness": alert.lateness,
        "response_seconds": rule.response.total_seconds(),
        "ruleset": {"id": alert.ruleset_id, "digest": digest},
        "reason": rule.reason.format(**filled),
    }


def in_words(seconds: float) -> str:
    """Return a time span as a person says it.

    >>> in_words(5400), in_words(86400), in_words(45)
    ('90 min', '1 day', '45 s')
    """
    for size, name in ((86400, "day"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {name}" + ("s" if name == "day" and count != 1 else "")
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
