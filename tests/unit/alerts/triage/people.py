"""Alerts and what is known around them, for the tests of triage."""

from datetime import UTC, datetime, timedelta
from typing import Any

from alerts.alert import Alert
from alerts.triage.scene import Silence

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def ago(minutes: float) -> datetime:
    """Return the time so many minutes before eight."""
    return NOW - timedelta(minutes=minutes)


def alert(key: int = 1, **given: Any) -> Alert:
    """Return a live medium alert about low oxygen that opened just now."""
    usual: dict[str, Any] = {
        "id": key, "public_id": f"a{key}", "patient_id": 1, "rule": "spo2_low", "rule_version": 1, "ruleset_id": 1,
        "subject": "spo2", "direction": "low", "severity": "medium", "category": "clinical", "emergency": False,
        "lateness": "live", "condition": "firing", "since": NOW, "fired_at": NOW, "opened_at": NOW,
        "due_at": NOW + timedelta(hours=4), "firings": (NOW,), "explanation": {"kind": "threshold"},
    }  # fmt: skip
    return Alert(**{**usual, **given})


def high(key: int = 2, **given: Any) -> Alert:
    """Return a high alert about the same."""
    return alert(key, **{"rule": "spo2_very_low", "severity": "high", "latching": True, **given})


def silence(**given: Any) -> Silence:
    """Return a silence of low oxygen up to medium, set a while ago and with hours to go."""
    usual: dict[str, Any] = {
        "public_id": "s1", "vital": "spo2", "direction": "low", "severity": "medium", "starts_at": ago(60),
        "ends_at": NOW + timedelta(hours=3), "set_by": 7, "name": "Kim", "reason": "known, oxygen is on its way",
    }  # fmt: skip
    return Silence(**{**usual, **given})
