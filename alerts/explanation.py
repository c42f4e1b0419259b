"""Explanation: what an alert keeps of its judgement, so that it can be told, checked and judged again years later.

Pure: makes the JSON of `alert.explanation` (docs/decisions/0012); `alerts/explain.py` tells it in plain words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerts.alert import Alert
from alerts.rule import ANY, Rule
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


def explain_threshold(
    rule: Rule, alert: Alert, evidence: Sequence[Evidence], digest: str, still_true_after: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return what a threshold or doubt alert keeps: rule, limit and whose it is, readings, since when, and the sentence."""
    vital = VITALS[COLUMN[alert.subject or ""]]
    deciding = next((one for one in evidence if one.measured_at == alert.fired_at), evidence[-1] if evidence else None)
    words = {
        "value": f"{deciding.value:.{vital.decimals}f} {vital.shown_unit}" if deciding else "unknown",
        "limit": f"{rule.limit:g} {vital.shown_unit}" if rule.limit is not None else "",
        "vital": vital.title,
    }
    told = _common(rule, alert, digest, words)
    told |= {
        "vital": vital.name,
        "unit": vital.unit,
        "for_seconds": rule.for_.total_seconds(),
        "readings": [
            {
                "measured_at": one.measured_at.isoformat(),
                "received_at": one.received_at.isoformat(),
                "value": one.value,
                "device": one.device,
                "source": one.source,
            }
            for one in evidence
        ],
    }
    if rule.kind == "threshold":
        told |= {
            "operator": rule.op,
            "limit": rule.limit,
            "n": rule.readings,
            "hysteresis": rule.hysteresis,
            "max_gap_seconds": rule.max_gap.total_seconds(),
            "whose_limit": "general limit"
            if ANY in rule.programmes
            else f"limit of {', '.join(rule.programmes).replace('_', ' ')}",
        }
    if still_true_after is not None:
        told["still_true_after"] = still_true_after
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
    filled = {name: words.get(name, "") for name in ("value", "limit", "vital", "device", "since", "expected")}
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
