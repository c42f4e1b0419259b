"""Rules over HTTP: who may change what, that nothing goes live untried, and that every process judges by what is in force."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from alerts.backtest import stored
from alerts.engine import Engine
from alerts.rules import load_rules
from alerts.sweep import sweep
from tests.house import House
from tests.integration.alerts.ward import Ward
from tests.unit.alerts.readings import MINUTE

CHANGE = {"rule": "spo2_low", "changes": {"limit": 88}, "source": "our pathway", "days": 30}


@pytest.fixture
def ward(house: House) -> Any:
    """Give a ward in which saturation fell to 89 a day ago, which the rule in force calls low."""
    with house.pool.connection() as conn:
        ward = Ward(conn)
        send(ward, datetime.now(UTC) - timedelta(days=1), 97, 89, 97)
        yield ward


@pytest.fixture
def clinician(house: House) -> Any:
    _, password = house.add_staff("clinician@clinic.example", "clinician")
    with house.browser("clinician@clinic.example", password) as client:
        yield client


def send(ward: Ward, start: datetime, *values: float) -> None:
    """Send saturations of the first patient, a minute between two, each as it is measured."""
    for place, value in enumerate(values):
        at = start + timedelta(minutes=place)
        us = round(at.timestamp() * 1e6) // MINUTE * MINUTE
        ward.take(ward.batch([(0, us, {"spo2": value})], at), at)


def test_rules_in_force_are_listed_with_what_may_be_changed(coordinator: httpx.Client) -> None:
    rules = {one["rule"]["name"]: one for one in coordinator.get("/api/v1/rules").json()}
    assert rules["spo2_low"]["editable"][0] == "limit" and rules["spo2_low"]["locked"] is None
    assert rules["spo2_emergency"]["editable"] == [] and "emergency band" in rules["spo2_emergency"]["locked"]
    assert coordinator.get("/api/v1/rules/nothing").status_code == 404


def test_a_trial_tells_what_would_be_lost(coordinator: httpx.Client, ward: Ward) -> None:
    told = coordinator.post("/api/v1/rules/backtest", json=CHANGE).json()
    assert (told["figures"]["live"]["alerts"], told["figures"]["candidate"]["alerts"]) == (1, 0)
    (lost,) = [one for one in told["figures"]["episodes"] if one["rule"] == "spo2_low"]
    assert lost["change"] == "lost" and len(lost["patient"]) > 6


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        ({"rule": "nothing"}, 409, "unknown_rule"),
        ({"rule": "spo2_emergency"}, 409, "rule_refused"),
        ({"changes": {"limit": 120}}, 409, "rule_refused"),
        ({"changes": {"limit": 88, "vital": "spo2"}}, 409, "rule_refused"),
        ({"changes": {"for": "99999999999d"}}, 409, "rule_refused"),
        ({"changes": {}}, 409, "rule_refused"),
        ({"source": " "}, 422, "invalid"),
    ],
)
def test_what_cannot_be_meant_is_refused(coordinator: httpx.Client, change: dict[str, Any], status: int, word: str) -> None:
    answer = coordinator.post("/api/v1/rules/backtest", json=CHANGE | change)
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]) == (status, word)


def test_too_much_history_names_the_command(coordinator: httpx.Client, ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "MOST", 2)
    answer = coordinator.post("/api/v1/rules/backtest", json=CHANGE)
    assert answer.status_code == 409 and "wardlight rules backtest" in answer.json()["detail"]


def test_only_clinicians_and_administrators_put_a_change_in_force(
    coordinator: httpx.Client, administrator: httpx.Client, ward: Ward
) -> None:
    tried = coordinator.post("/api/v1/rules/backtest", json=CHANGE).json()["id"]
    refused = coordinator.post("/api/v1/rules/spo2_low/edits", json={"trial": tried, "reason": "x"})
    assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[-1]) == (403, "editors_only")
    assert administrator.post("/api/v1/rules/spo2_low/edits", json={"trial": "none", "reason": "x"}).status_code == 409
    assert administrator.post("/api/v1/rules/fever/edits", json={"trial": tried, "reason": "x"}).status_code == 409
    told = administrator.post("/api/v1/rules/spo2_low/edits", json={"trial": tried, "reason": "agreed"}).json()
    assert (told["seen"]["rule"]["limit"], told["seen"]["is_edited"]) == (88.0, True)
    (edit,) = told["edits"]
    assert (edit["reason"], edit["changes"], edit["figures"]["live"]["alerts"]) == ("agreed", {"limit": 88}, 1)
    # what was tried against rules that are no longer in force has to be tried again
    again = administrator.post("/api/v1/rules/spo2_low/edits", json={"trial": tried, "reason": "x"})
    assert again.json()["type"].rsplit("/", 1)[-1] == "trial_outdated"


def test_every_worker_judges_by_what_is_in_force(clinician: httpx.Client, ward: Ward) -> None:
    now = datetime.now(UTC)
    send(ward, now - timedelta(minutes=20), 89)
    assert [alert.rule for alert in ward.open_alerts("spo2_low")] == ["spo2_low"]
    ward.conn.commit()
    tried = clinician.post("/api/v1/rules/backtest", json=CHANGE).json()["id"]
    assert clinician.post("/api/v1/rules/spo2_low/edits", json={"trial": tried, "reason": "agreed"}).status_code == 200
    # a worker that was running all along, and a sweep of another process
    other = Engine(load_rules())
    assert sweep(ward.conn, other, now).rebuilt == 1
    assert not ward.open_alerts("spo2_low")
    send(ward, now - timedelta(minutes=10), 89)
    assert not ward.open_alerts("spo2_low")
    send(ward, now - timedelta(minutes=5), 87)
    (alert,) = ward.open_alerts("spo2_low")
    file_version = load_rules().by_name["spo2_low"].version
    assert (alert.rule_version, alert.explanation["limit"]) == (file_version + 1, 88.0)
    assert "our pathway" in alert.explanation["source"]
    ward.conn.commit()
    assert clinician.post("/api/v1/rules/spo2_low/edits/end", json={"reason": "missed one"}).json()["edits"][0]["ended_at"]
    assert clinician.post("/api/v1/rules/spo2_low/edits/end", json={"reason": "again"}).status_code == 409
    send(ward, now - timedelta(minutes=2), 97, 89)
    (alert,) = ward.open_alerts("spo2_low")
    assert alert.rule_version == file_version


def test_scorecards_leave_out_the_synthetic(coordinator: httpx.Client, ward: Ward) -> None:
    ward.conn.execute("UPDATE alert SET disposition = 'true_acted', acknowledged_at = opened_at + interval '2 minutes'")
    ward.conn.commit()
    (card,) = coordinator.get("/api/v1/scorecards").json()["cards"]
    assert (card["rule"], card["programme"], card["alerts"], card["true"], card["judged"]) == ("spo2_low", "all", 1, 1, 1)
    assert (card["acknowledged_median"], round(card["patient_days"], 1)) == (120.0, 1.0)
    ward.conn.execute("UPDATE patient SET is_synthetic = true")
    ward.conn.commit()
    assert coordinator.get("/api/v1/scorecards").json()["cards"] == []


def test_a_patients_own_limit_is_tried_on_their_own_readings(coordinator: httpx.Client, ward: Ward) -> None:
    (public_id,) = ward.conn.execute("SELECT public_id FROM patient").fetchone() or ("",)
    ward.conn.commit()
    address = f"/api/v1/patients/{public_id}/limits/preview"
    told = coordinator.get(address, params={"rule": "spo2_low", "limit": 88}).json()
    assert (told["figures"]["live"]["alerts"], told["figures"]["candidate"]["alerts"]) == (1, 0)
    assert [one["change"] for one in told["figures"]["episodes"]] == ["lost"]
    assert coordinator.get(address, params={"rule": "spo2_low", "limit": 500}).status_code == 409
    assert coordinator.get(address, params={"rule": "doubt", "limit": 88}).status_code == 409
    assert coordinator.get(address, params={"rule": "nothing", "limit": 88}).status_code == 404
    page = coordinator.get(f"/patients/{public_id}/limits/preview", params={"rule": "spo2_low", "limit": "88"})
    assert "0 alerts instead of 1" in page.text and "1 lost" in page.text
    refused = coordinator.get(f"/patients/{public_id}/limits/preview", params={"rule": "spo2_low", "limit": "high"})
    assert refused.status_code == 200 and "limit:" in refused.text
