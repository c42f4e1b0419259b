"""Readings over JSON: typed in, judged, charted, marked wrong; nobody's and nowhere's; alerts taken on and closed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from alerts.engine import Engine
from ingest.commit import Committer
from ingest.message import Message
from tests.house import House

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def ruth(coordinator: httpx.Client) -> str:
    """Give a patient with a device of her own."""
    body = {"record_number": "MRN-1", "name": "Ruth Adeyemi", "programmes": ["copd"]}
    patient: str = coordinator.post("/api/v1/patients", json=body).json()["patient"]["public_id"]
    return patient


@pytest.fixture
def oximeter(house: House) -> str:
    """Give a device that belongs to nobody."""
    with house.pool.connection() as conn:
        conn.execute("INSERT INTO device (public_id, kind) VALUES ('oximeter', 'oximeter')")
    return "oximeter"


def _receive(house: House, device: str, payload: dict[str, Any]) -> None:
    received = int(datetime.now(UTC).timestamp() * 1e6)
    message = Message(
        0, 0, f"wardlight/v1/{device}/readings".encode(), json.dumps(payload).encode(), retained=False, received=received
    )
    with house.pool.connection() as conn:
        Committer(Engine(house.app.state.rules)).commit(conn, [message], datetime.now(UTC))


def _spo2(seq: int, value: float, at: datetime = NOW) -> dict[str, Any]:
    return {"boot": "b", "seq": seq, "time": at.isoformat(), "values": {"spo2": {"value": value, "unit": "%"}}}


def _enter(
    client: httpx.Client, patient: str, value: float, at: datetime = NOW, vital: str = "spo2", unit: str = "%"
) -> httpx.Response:
    body = {"measured_at": at.isoformat(), "values": {vital: {"value": value, "unit": unit}}}
    return client.post(f"/api/v1/patients/{patient}/readings", json=body)


def test_an_entry_is_stored_once_judged_and_shown(coordinator: httpx.Client, ruth: str) -> None:
    assert _enter(coordinator, ruth, 84).json() == {"is_new": True}
    assert _enter(coordinator, ruth, 84).json() == {"is_new": False}
    series = coordinator.get(f"/api/v1/patients/{ruth}/measurements").json()
    [measurement] = series["measurements"]
    assert measurement["values"] == {"spo2": 84} and measurement["source"] == "staff" and "patient_id" not in measurement
    assert series["units"]["spo2"] == "%"
    seen = coordinator.get("/api/v1/alerts").json()
    assert {each["patient"] for each in seen} == {ruth}
    assert seen[0]["alert"]["subject"] == "spo2" and seen[0]["alert"]["emergency"]


def test_entries_that_cannot_be_are_refused(coordinator: httpx.Client, ruth: str) -> None:
    for answer in (
        _enter(coordinator, ruth, 90, NOW + timedelta(hours=1)),
        _enter(coordinator, ruth, 90, NOW - timedelta(days=500)),
        _enter(coordinator, ruth, 90, unit="kPa"),
        _enter(coordinator, ruth, 90, vital="mood"),
        coordinator.post(f"/api/v1/patients/{ruth}/readings", json={"values": {}}),
        coordinator.post(
            f"/api/v1/patients/{ruth}/readings",
            content=b'{"values":{"spo2":{"value":NaN,"unit":"%"}}}',
            headers={"Content-Type": "application/json"},
        ),
    ):
        assert answer.status_code == 422, answer.text
    assert coordinator.get(f"/api/v1/patients/{ruth}/measurements").json()["measurements"] == []


def test_pounds_are_kept_as_kilograms(coordinator: httpx.Client, ruth: str) -> None:
    _enter(coordinator, ruth, 183.2, vital="body_weight", unit="[lb_av]")
    [measurement] = coordinator.get(f"/api/v1/patients/{ruth}/measurements").json()["measurements"]
    assert measurement["values"]["body_weight"] == pytest.approx(83.098, abs=0.01)
    assert measurement["original"]["body_weight"] == {"value": 183.2, "unit": "[lb_av]"}


def test_resolutions(coordinator: httpx.Client, ruth: str) -> None:
    day = NOW.replace(hour=0, minute=0, second=0) - timedelta(days=1)
    for minute, value in ((0, 95), (5, 97), (20, 93), (70, 96)):
        _enter(coordinator, ruth, value, day + timedelta(minutes=minute))
    address = f"/api/v1/patients/{ruth}/measurements"
    span = {"from": day.isoformat(), "to": (day + timedelta(days=1)).isoformat()}

    def ask(resolution: str) -> Any:
        return coordinator.get(address, params=span | {"resolution": resolution}).json()

    assert [each["values"]["spo2"] for each in ask("raw")["measurements"]] == [95, 97, 93, 96]
    assert [each["values"]["spo2"]["count"] for each in ask("15m")["buckets"]] == [2, 1, 1]
    assert ask("1h")["buckets"][0]["values"]["spo2"] == {"mean": 95, "low": 93, "high": 97, "count": 3}
    assert [each["at"] for each in ask("1d")["buckets"]] == [day.isoformat().replace("+00:00", "Z")]
    too_fine = coordinator.get(address, params={"from": "1990-01-01T00:00:00Z", "resolution": "15m"})
    assert too_fine.status_code == 422
    backwards = coordinator.get(address, params={"from": span["to"], "to": span["from"]})
    assert backwards.status_code == 422


def _spo2_alerts(client: httpx.Client, state: str = "open") -> list[dict[str, Any]]:
    found = client.get("/api/v1/alerts", params={"state": state}).json()
    return [seen["alert"] for seen in found if seen["alert"]["subject"] == "spo2"]


def test_a_value_marked_wrong_is_kept_and_no_longer_judged(house: House, coordinator: httpx.Client, ruth: str) -> None:
    _enter(coordinator, ruth, 84)
    assert {alert["condition"] for alert in _spo2_alerts(coordinator)} == {"firing"}
    address = f"/api/v1/patients/{ruth}/measurements"
    [measurement] = coordinator.get(address).json()["measurements"]
    marked = coordinator.post(f"{address}/{measurement['key']}/wrong", json={"vital": "spo2", "reason": "cold fingers"})
    assert marked.json() == measurement | {"wrong": ["spo2"]}
    assert "firing" not in {alert["condition"] for alert in _spo2_alerts(coordinator)}
    undone = coordinator.post(f"{address}/{measurement['key']}/right", json={"vital": "spo2"})
    assert undone.json() == measurement
    assert "firing" in {alert["condition"] for alert in _spo2_alerts(coordinator)}
    assert coordinator.post(f"{address}/{measurement['key']}/right", json={"vital": "spo2"}).status_code == 404
    assert coordinator.post(f"{address}/{measurement['key']}/wrong", json={"vital": "steps", "reason": "x"}).status_code == 404
    with house.pool.connection() as conn:
        actions = [
            row[0] for row in conn.execute("SELECT action FROM audit WHERE object = %s ORDER BY id", [f"patient/{ruth}"])
        ]
    assert actions[-2:] == ["mark_wrong", "undo_wrong"]


def test_a_reading_is_reached_through_its_own_patient_alone(coordinator: httpx.Client, ruth: str) -> None:
    _enter(coordinator, ruth, 95)
    other = coordinator.post("/api/v1/patients", json={"record_number": "MRN-2", "name": "Tom"}).json()["patient"]["public_id"]
    [measurement] = coordinator.get(f"/api/v1/patients/{ruth}/measurements").json()["measurements"]
    for key in (measurement["key"], "x", "a~b~c~d", "scale~99999999999999999999999~1~1", "scale~1~99999999999999999999~1"):
        address = f"/api/v1/patients/{other}/measurements/{key}/wrong"
        assert coordinator.post(address, json={"vital": "spo2", "reason": "x"}).status_code == 404, key


def test_an_alert_is_taken_on_and_closed(house: House, coordinator: httpx.Client, ruth: str) -> None:
    _enter(coordinator, ruth, 84)
    me = coordinator.get("/api/v1/me").json()["public_id"]
    alert = _spo2_alerts(coordinator)[0]
    address = f"/api/v1/alerts/{alert['public_id']}"
    told = coordinator.get(address).json()
    assert told["explanation"] and told["events"][0]["what"] == "opened"
    taken = coordinator.post(f"{address}/acknowledge").json()
    assert taken["acknowledged_by"] == me
    assert coordinator.post(f"{address}/acknowledge").json() == taken
    colleague, _ = house.add_staff()
    with house.programme(colleague) as programme:
        assert programme.post(f"{address}/unacknowledge").json()["type"] == "/problems/not_yours"
        assert programme.post(f"{address}/acknowledge").json()["acknowledged_by"] == me
    assert coordinator.post(f"{address}/unacknowledge").json()["acknowledged_by"] is None
    resolved = coordinator.post(f"{address}/resolve", json={"disposition": "true_acted", "note": "called"})
    assert resolved.json()["closed_by"] == me and resolved.json()["alert"]["disposition"] == "true_acted"
    assert alert["public_id"] not in {each["public_id"] for each in _spo2_alerts(coordinator)}
    assert alert["public_id"] in {each["public_id"] for each in _spo2_alerts(coordinator, "closed")}
    assert coordinator.post(f"{address}/resolve", json={"disposition": "duplicate"}).status_code == 409
    assert coordinator.get(f"/api/v1/alerts/{'0' * 24}").status_code == 404
    assert coordinator.post(f"/api/v1/alerts/{'0' * 24}/acknowledge").status_code == 404


def test_whose_is_this_is_answered(house: House, coordinator: httpx.Client, ruth: str, oximeter: str) -> None:
    _receive(house, oximeter, _spo2(1, 84))
    [orphans] = coordinator.get("/api/v1/unattributed").json()
    assert orphans["measurements"]["device"] == "oximeter" and orphans["measurements"]["measurements"] == 1
    assert _spo2_alerts(coordinator) == []
    [assignment] = coordinator.post("/api/v1/unattributed/claim", json={"device": "oximeter", "patient": ruth}).json()
    assert assignment["patient"] == ruth
    assert coordinator.get("/api/v1/unattributed").json() == []
    assert len(_spo2_alerts(coordinator)) >= 1
    again = coordinator.post("/api/v1/unattributed/claim", json={"device": "oximeter", "patient": ruth})
    assert again.json()["type"] == "/problems/nothing_to_claim"


def test_a_late_assignment_brings_what_came_before(house: House, coordinator: httpx.Client, ruth: str, oximeter: str) -> None:
    _receive(house, oximeter, _spo2(1, 84, NOW - timedelta(minutes=2)))
    body = {"device": "oximeter", "patient": ruth, "starts_at": (NOW - timedelta(hours=1)).isoformat()}
    assignment = coordinator.post("/api/v1/assignments", json=body).json()
    assert len(_spo2_alerts(coordinator)) >= 1
    address = f"/api/v1/assignments/{assignment['public_id']}/end"
    assert coordinator.post(address, json={"ends_at": (NOW - timedelta(minutes=30)).isoformat()}).status_code == 200
    assert coordinator.get(f"/api/v1/patients/{ruth}/measurements").json()["measurements"] == []
    assert "firing" not in {alert["condition"] for alert in _spo2_alerts(coordinator)}


def test_quarantine_is_listed_and_retried(house: House, coordinator: httpx.Client) -> None:
    _receive(house, "late-device", _spo2(1, 95))
    [kept] = coordinator.get("/api/v1/quarantine").json()
    assert kept["topic"] == "wardlight/v1/late-device/readings" and kept["reason"] and '"spo2"' in kept["payload"]
    retry = {"ids": [kept["public_id"]]}
    assert coordinator.post("/api/v1/quarantine/retry", json=retry).json() == {"settled": 0, "refused": 1, "readings": 0}
    with house.pool.connection() as conn:
        conn.execute("INSERT INTO device (public_id, kind) VALUES ('late-device', 'oximeter')")
    assert coordinator.post("/api/v1/quarantine/retry", json=retry).json() == {"settled": 1, "refused": 0, "readings": 1}
    assert coordinator.get("/api/v1/quarantine").json() == []
    assert coordinator.post("/api/v1/quarantine/retry", json=retry).json()["settled"] == 0
