"""Facts for the tests of the screens: a patient, an alert, a reader."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from api.pages.facts import OpenAlert, Person, Reader

NOW = datetime(2026, 11, 23, 14, 14, tzinfo=UTC)
SAM = Reader("sam", ZoneInfo("America/New_York"))
AMERICAN = Reader("kim", ZoneInfo("America/New_York"), "us", "mmol/L")


def person(key: int = 1, name: str = "Tomás Herrera", **more: Any) -> Person:
    """Return a patient."""
    given = {
        "id": key,
        "public_id": f"p{key}",
        "name": name,
        "record_number": f"40-{key}",
        "birth_date": date(1961, 9, 2),
        "sex": "male",
        "programmes": ("copd",),
        "zone": "America/Chicago",
        "coordinator": None,
        "coordinator_name": None,
    }
    return Person(**given | more)


def alert(
    key: int = 1,
    *,
    due: float = 30,
    opened: float = 2,
    patient: int = 1,
    explanation: dict[str, Any] | None = None,
    **more: Any,
) -> OpenAlert:
    """Return an open alert; `due` minutes from now, `opened` minutes ago."""
    given = {
        "id": key,
        "public_id": f"a{key}",
        "patient_id": patient,
        "rule": "spo2_low",
        "rule_version": 1,
        "subject": "spo2",
        "severity": "medium",
        "category": "clinical",
        "emergency": False,
        "lateness": "live",
        "condition": "firing",
        "since": NOW - timedelta(minutes=5),
        "fired_at": NOW - timedelta(minutes=2),
        "opened_at": NOW - timedelta(minutes=opened),
        "due_at": NOW + timedelta(minutes=due),
        "times": 1,
        "resolved_at": None,
        "acknowledged_at": None,
        "acknowledged_by": None,
        "acknowledged_name": None,
        "closed_at": None,
        "closed_by": None,
        "disposition": None,
        "explanation": explanation or threshold("spo2", "<", 88, 85),
    }
    return OpenAlert(**given | more)


def threshold(vital: str, operator: str, limit: float, *values: float, **more: Any) -> dict[str, Any]:
    """Return what a threshold alert keeps; the newest value was measured 40 s ago, the others a minute apart before it."""
    times = [NOW - timedelta(seconds=40) - timedelta(minutes=i) for i in reversed(range(len(values)))]
    readings = [
        {"measured_at": at.isoformat(), "received_at": at.isoformat(), "value": value, "device": "hub"}
        for at, value in zip(times, values, strict=True)
    ]
    told = {
        "kind": "threshold",
        "vital": vital,
        "operator": operator,
        "limit": limit,
        "for_seconds": 0,
        "n": 1,
        "whose_limit": "general limit",
    }
    return told | {"readings": readings} | more
