"""Triage over JSON: alerts given, commented and silenced, and what is suppressed listed with reason, owner and end."""

from typing import Any

import httpx
import pytest

from tests.house import House
from tests.integration.api.test_patients import RUTH, _audit

DEVICE = {"public_id": "ox1", "kind": "oximeter"}


@pytest.fixture
def ruth(coordinator: httpx.Client) -> str:
    """Add a patient; return the address of the readings."""
    patient = coordinator.post("/api/v1/patients", json=RUTH | {"programmes": []}).json()["patient"]["public_id"]
    return f"/api/v1/patients/{patient}/readings"


def open_alert(coordinator: httpx.Client, ruth: str, spo2: float = 88) -> dict[str, Any]:
    entered = coordinator.post(ruth, json={"values": {"spo2": {"value": spo2, "unit": "%"}}})
    assert entered.status_code == 201, entered.text
    found: dict[str, Any] = coordinator.get("/api/v1/alerts").json()[0]
    return found


def test_an_alert_is_given_taken_away_and_commented(house: House, coordinator: httpx.Client, ruth: str) -> None:
    alert = open_alert(coordinator, ruth)
    address, me = f"/api/v1/alerts/{alert['alert']['public_id']}", coordinator.get("/api/v1/me").json()["public_id"]
    assert coordinator.post(f"{address}/assign", json={"staff": "0" * 24}).json()["type"] == "/problems/unknown_staff"
    given = coordinator.post(f"{address}/assign", json={"staff": me}).json()
    assert given["assigned_to"] == me and given["acknowledged_by"] is None
    assert coordinator.post(f"{address}/unassign").json()["assigned_to"] is None
    assert coordinator.post(f"{address}/comment", json={"text": "  "}).status_code == 422
    assert coordinator.post(f"{address}/comment", json={"text": "sleeps on two pillows"}).status_code == 201
    events = [(one["what"], one["note"]) for one in coordinator.get(address).json()["events"]]
    assert [what for what, _ in events] == ["opened", "assigned", "unassigned", "commented"]
    assert events[-1][1] == "sleeps on two pillows"
    assert [action for action, _ in _audit(house)][-4:] == ["assign", "unassign", "comment", "read_alert"]
    coordinator.post(f"{address}/resolve", json={"disposition": "true_acted"})
    assert coordinator.post(f"{address}/assign", json={"staff": me}).json()["type"] == "/problems/already_closed"


def test_a_silence_is_listed_and_ended_by_hand(coordinator: httpx.Client, ruth: str) -> None:
    name = open_alert(coordinator, ruth)["alert"]["public_id"]
    too_long = coordinator.post("/api/v1/silences", json={"alert": name, "hours": 25, "reason": "x"})
    assert too_long.status_code == 422
    made = coordinator.post("/api/v1/silences", json={"alert": name, "hours": 2, "reason": "known"})
    assert made.status_code == 201
    silence = made.json()
    assert (silence["vital"], silence["direction"], silence["severity"]) == ("spo2", "low", "medium")
    assert coordinator.get("/api/v1/silences").json() == [silence]
    (entry,) = coordinator.get("/api/v1/suppressed").json()
    assert (entry["alert"], entry["what"], entry["kind"]) == (name, "shown", "silenced")
    assert "known" in entry["reason"] and entry["owner"] == "Coordinator" and entry["ends_at"] == silence["ends_at"]
    assert "patient_id" not in entry
    ended = coordinator.post(f"/api/v1/silences/{silence['public_id']}/end").json()
    assert ended["ended_at"] is not None and coordinator.get("/api/v1/silences").json() == []
    assert coordinator.get("/api/v1/suppressed").json() == []
    (over,) = coordinator.get("/api/v1/suppressed?state=ended&kind=silenced").json()
    assert over["ended_how"] == "the silence ended"
    assert coordinator.post(f"/api/v1/silences/{'0' * 24}/end").status_code == 404


def test_what_nobody_may_silence_is_refused(coordinator: httpx.Client, ruth: str) -> None:
    emergency = open_alert(coordinator, ruth, 80)["alert"]
    assert emergency["emergency"]
    refused = coordinator.post("/api/v1/silences", json={"alert": emergency["public_id"], "hours": 1, "reason": "x"})
    assert refused.json()["type"] == "/problems/cannot_be_silenced"
    unknown = coordinator.post("/api/v1/silences", json={"alert": "0" * 24, "hours": 1, "reason": "x"})
    assert unknown.json()["type"] == "/problems/unknown_alert"


def test_suppressed_alerts_of_one_patient(coordinator: httpx.Client, ruth: str) -> None:
    open_alert(coordinator, ruth, 80)
    (entry,) = coordinator.get(f"/api/v1/suppressed?patient={ruth.split('/')[4]}").json()
    assert entry["kind"] == "inhibited" and entry["owner"].startswith("alert ")
    unknown = coordinator.get(f"/api/v1/suppressed?patient={'0' * 24}")
    assert unknown.json()["type"] == "/problems/unknown_patient"
    assert coordinator.get("/api/v1/suppressed?kind=low").json() == []


def test_a_device_is_heard_through_a_gateway(administrator: httpx.Client, house: House) -> None:
    for name, kind in (("hub", "gateway"), ("strap", "strap")):
        administrator.post("/api/v1/devices", json={"public_id": name, "kind": kind, "codec": "theengs"})
    address = "/api/v1/devices/strap/gateway"
    assert administrator.post(address, json={"gateway": "nobody"}).json()["type"] == "/problems/unknown_gateway"
    assert administrator.post(address, json={"gateway": "strap"}).status_code == 409
    assert administrator.post(address, json={"gateway": "hub"}).json()["gateway"] == "hub"
    assert administrator.post(address, json={"gateway": None}).json()["gateway"] is None
