"""Told: what an alert keeps of what the sweep, or a patient's own answers, found; `alerts/explain.py` tells it in plain words.

Pure: makes the JSON of `alert.explanation` (docs/decisions/0012).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from alerts.alert import Alert
from alerts.explanation import _common as common
from alerts.explanation import in_words
from alerts.rule import Rule
from alerts.swept.why import WORDS, Cause, HomeDevice
from care.adherence import Adherence
from care.programme_files import title_of
from care.questionnaire import Answered


def explain_measure(
    rule: Rule,
    alert: Alert,
    digest: str,
    *,
    measure: str,
    every: timedelta,
    last_at: datetime | None,
    since: datetime,
    counted: timedelta,
    device: HomeDevice | None,
    cause: Cause,
) -> dict[str, Any]:
    """Return what an alert keeps of something prescribed that did not come: schedule, last reading, what counted, and why."""
    title = title_of(measure)
    words = {
        "device": title,
        "vital": title,
        "since": last_at.strftime("%Y-%m-%d %H:%M UTC") if last_at else "it was prescribed",
        "expected": in_words(every.total_seconds()),
    }
    told = common(rule, alert, digest, words)
    told["reason"] = f"No {title.lower()} since {words['since']}; it is due every {words['expected']}; {WORDS[cause]}"
    return told | {
        "measure": measure,
        "measure_title": title,
        "device": device.public_id if device else None,
        "device_kind": device.kind if device else None,
        "cause": cause,
        "why_silent": WORDS[cause],
        "expected_seconds": every.total_seconds(),
        "missed": rule.missed,
        "last_received_at": last_at.isoformat() if last_at else None,
        "counted_from": since.isoformat(),
        "counted_seconds": counted.total_seconds(),
        "not_counted_seconds": (alert.fired_at - since).total_seconds() - counted.total_seconds(),
        "readings": [],
    }


def explain_adherence(rule: Rule, alert: Alert, digest: str, kept: Adherence) -> dict[str, Any]:
    """Return what an adherence note keeps: both numbers, what was left out, and the days it is of."""
    words = {
        "vital": title_of(kept.measure),
        "value": f"{kept.kept} of {kept.prescribed} days",
        "limit": f"{rule.limit:g} of {rule.window.days} days",
    }
    return common(rule, alert, digest, words) | {
        "measure": kept.measure,
        "operator": rule.op,
        "limit": rule.limit,
        "kept_days": kept.kept,
        "prescribed_days": kept.prescribed,
        "paused_days": kept.paused,
        "unseen_days": kept.unseen,
        "first_day": kept.first.isoformat(),
        "last_day": kept.last.isoformat(),
        "readings": [],
    }


def explain_technical(
    rule: Rule, alert: Alert, digest: str, *, device: str, kind: str, value: float, shown: str, limit: str
) -> dict[str, Any]:
    """Return what an alert about a device keeps: what is wrong, the figure and the limit."""
    words = {"device": f"{kind.replace('_', ' ').capitalize()} {device}".strip(), "value": shown, "limit": limit}
    return common(rule, alert, digest, words) | {
        "device": device,
        "device_kind": kind,
        "fault": rule.fault,
        "figure": value,
        "operator": rule.op,
        "limit": rule.limit,
        "window_seconds": rule.window.total_seconds(),
        "readings": [],
    }


def explain_answer(
    rule: Rule, alert: Alert, digest: str, *, title: str, value: int, most: int, red_flags: Sequence[str], answer: Answered
) -> dict[str, Any]:
    """Return what an alert keeps of a patient's answers: the score, the questions that are red flags, and who wrote it down."""
    shown = " · ".join(red_flags) if rule.questionnaire != answer.questionnaire else f"{value} of {most}"
    told = common(rule, alert, digest, {"value": shown, "limit": f"{rule.limit:g}", "vital": title})
    return told | {
        "kind": "questionnaire" if rule.questionnaire == answer.questionnaire else "red_flag",
        "questionnaire": answer.questionnaire,
        "questionnaire_title": title,
        "answer": answer.public_id,
        "answered_at": answer.answered_at.isoformat(),
        "recorded_by": answer.recorded_by,
        "figure": value,
        "operator": rule.op,
        "limit": rule.limit,
        "red_flags": list(red_flags),
        "readings": [],
    }
