"""What is a patient's own, through the JSON interface: who may do what, and that every refusal says the way out."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.house import House

SOON = (datetime.now(UTC) + timedelta(days=20)).isoformat()
LATE = (datetime.now(UTC) + timedelta(days=200)).isoformat()


@pytest.fixture
def ruth(coordinator: httpx.Client) -> str:
    body = {"record_number": "MRN-1", "name": "Ruth Adeyemi", "programmes": ["copd"]}
    return f"/api/v1/patients/{coordinator.post('/api/v1/patients', json=body).json()['patient']['public_id']}"


@pytest.fixture
def clinician(house: House) -> Iterator[httpx.Client]:
    _, password = house.add_staff("lee@clinic.example", "clinician")
    with house.browser("lee@clinic.example", password) as client:
        yield client


def kind(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def test_programmes_are_listed_enrolled_in_and_ended(coordinator: httpx.Client, ruth: str) -> None:
    listed = {one["name"]: one for one in coordinator.get("/api/v1/programmes").json()}
    assert listed["heart_failure"]["schedule"][0]["at"] == ["07:00"]
    assert coordinator.get(f"{ruth}/programmes").json()[0]["template"] == 1
    made = coordinator.post(f"{ruth}/programmes", json={"programme": "heart_failure", "reason": "discharged"})
    assert made.status_code == 201 and made.json()[0]["enrolled_by"] == "Coordinator"
    assert coordinator.get(ruth).json()["patient"]["programmes"] == ["copd", "heart_failure"]
    again = coordinator.post(f"{ruth}/programmes", json={"programme": "heart_failure", "reason": "x"})
    assert kind(again) == (409, "already_enrolled")
    assert kind(coordinator.post(f"{ruth}/programmes", json={"programme": "none", "reason": "x"})) == (409, "unknown_programme")
    ended = coordinator.post(f"{ruth}/programmes/copd/end", json={"reason": "moved"})
    assert [one["programme"] for one in ended.json() if one["ends_at"] is None] == ["heart_failure"]
    assert kind(coordinator.post(f"{ruth}/programmes/copd/end", json={"reason": "moved"})) == (409, "not_enrolled")
    asked = [one["measure"] for one in coordinator.get(f"{ruth}/schedule").json() if one["ends_at"] is None]
    assert asked == ["body_weight", "systolic_bp"]


def test_limits_are_ordered_by_clinicians_and_refused_with_the_way_out(
    coordinator: httpx.Client, clinician: httpx.Client, ruth: str
) -> None:
    seen = {one["bounds"]["rule"]: one for one in coordinator.get(f"{ruth}/limits").json()}
    assert seen["spo2_low_copd"]["bounds"]["limit"] == 88 and seen["spo2_low_copd"]["own"] is None
    assert "spo2_low" not in seen  # not for this programme
    locked = clinician.put(f"{ruth}/limits/spo2_emergency", json={"limit": 84, "until": SOON, "reason": "x"})
    assert kind(locked) == (409, "limit_refused") and "locked" in locked.json()["detail"]
    assert kind(coordinator.put(f"{ruth}/limits/spo2_low", json={"limit": 92, "reason": "x"})) == (409, "limit_refused")
    assert coordinator.put(f"{ruth}/limits/nothing", json={"limit": 92, "reason": "x"}).status_code == 404
    assert kind(coordinator.post(f"{ruth}/limits/spo2_emergency/end", json={"reason": "x"})) == (409, "limit_refused")


def test_an_order_judges_readings_until_it_ends(coordinator: httpx.Client, clinician: httpx.Client, ruth: str) -> None:
    def measure(value: float) -> list[str]:
        body = {"values": {"spo2": {"value": value, "unit": "%"}}}
        assert coordinator.post(f"{ruth}/readings", json=body).status_code == 201
        return [one["alert"]["rule"] for one in coordinator.get("/api/v1/alerts").json()]

    order = {"limit": 86, "until": SOON, "reason": "usual 87 at rest"}
    late = clinician.put(f"{ruth}/limits/spo2_low_copd", json=order | {"until": LATE})
    assert kind(late) == (409, "limit_refused") and "90 days at most" in late.json()["detail"]
    given = clinician.put(f"{ruth}/limits/spo2_low_copd", json=order).json()
    assert (given["own"]["limit"], given["own"]["is_loosening"], given["own"]["set_by"]) == (86, True, "Lee")
    assert measure(87) == []
    ended = coordinator.post(f"{ruth}/limits/spo2_low_copd/end", json={"reason": "better"})
    assert ended.json()["own"] is None
    assert measure(87) == []  # one reading is not enough for this rule
    assert measure(87) == ["spo2_low_copd"]
    [kept] = coordinator.get(f"{ruth}/limits/history").json()
    assert (kept["ended_by"], kept["ended_reason"]) == ("Coordinator", "better")
    coordinator.put(f"{ruth}/limits/spo2_low_copd", json={"limit": 90, "reason": "stricter"})
    told = coordinator.get("/api/v1/alerts").json()[0]["alert"]["explanation"]
    assert told["whose_limit"] != "patient's own limit"  # what opened it was the rule's


def test_references_are_a_clinicians(coordinator: httpx.Client, clinician: httpx.Client, ruth: str) -> None:
    weight = {"value": 81.5, "reason": "at discharge"}
    assert kind(coordinator.put(f"{ruth}/references/dry_weight", json=weight)) == (409, "reference_refused")
    assert clinician.put(f"{ruth}/references/dry_weight", json=weight).json()[0]["set_by"] == "Lee"
    scale = {"value": 2, "reason": "target 88 to 92"}
    assert kind(coordinator.put(f"{ruth}/references/spo2_scale", json=scale)) == (409, "reference_refused")
    assert clinician.put(f"{ruth}/references/spo2_scale", json=scale).status_code == 200
    assert coordinator.put(f"{ruth}/references/spo2_scale", json=scale | {"value": 1}).status_code == 200
    assert kind(clinician.put(f"{ruth}/references/spo2_scale", json=scale | {"value": 1.5})) == (409, "reference_refused")
    assert kind(coordinator.post(f"{ruth}/references/dry_weight/end", json={"reason": "x"})) == (409, "reference_refused")
    assert clinician.post(f"{ruth}/references/dry_weight/end", json={"reason": "x"}).status_code == 200
    assert len(coordinator.get(f"{ruth}/references").json()) == 3


def test_schedules_and_pauses(coordinator: httpx.Client, ruth: str) -> None:
    body = {"every_minutes": 2880, "at": ["08:00"], "reason": "every other day is enough"}
    rows = coordinator.put(f"{ruth}/schedule/spo2", json=body).json()
    assert [(one["programme"], one["ends_at"] is None, one["at"]) for one in rows] == [
        ("copd", False, ["09:00"]), (None, True, ["08:00"]),
    ]  # fmt: skip
    assert coordinator.put(f"{ruth}/schedule/spo2", json={"every_minutes": 5, "reason": "x"}).status_code == 422
    assert kind(coordinator.post(f"{ruth}/pauses", json={"why": "hospital", "until": LATE})) == (409, "pause_too_long")
    past = "2020-01-01T00:00:00Z"
    assert kind(coordinator.post(f"{ruth}/pauses", json={"why": "hospital", "until": past})) == (409, "ends_before_start")
    made = coordinator.post(f"{ruth}/pauses", json={"why": "hospital", "until": SOON, "note": "ward 4"})
    assert made.status_code == 201
    address = f"{ruth}/pauses/{made.json()[0]['public_id']}/end"
    assert coordinator.post(address).json()[0]["ended_how"] == "person"
    assert coordinator.post(address).status_code == 404
    found = coordinator.get(f"{ruth}/summaries").json()
    assert found["adherence"][0]["measure"] == "spo2" and found["home_pressure"] is None and found["glucose"] is None


def test_one_action_leaves_a_patient_in_peace(coordinator: httpx.Client, ruth: str) -> None:
    died = {"status": "deceased", "reason": "her son called"}
    assert coordinator.post(f"{ruth}/status", json=died).json() == {"status": "deceased", "is_new": True}
    assert coordinator.post(f"{ruth}/status", json=died).json()["is_new"] is False
    after = coordinator.get(ruth).json()
    assert (after["patient"]["status"], after["patient"]["programmes"]) == ("deceased", [])
    assert after["contact"]["contact_mode"] == "none"
    refused = coordinator.post(f"{ruth}/programmes", json={"programme": "copd", "reason": "x"})
    assert kind(refused) == (409, "not_looked_after")


def test_answers_are_kept_and_refused(coordinator: httpx.Client, ruth: str) -> None:
    asked = {one["name"]: one for one in coordinator.get("/api/v1/questionnaires").json()}["breathing_check"]["questions"]
    answers = {one["name"]: 0 for one in asked}
    kept = coordinator.post(f"{ruth}/answers", json={"questionnaire": "breathing_check", "answers": answers | {"drowsy": 1}})
    assert (kept.status_code, kept.json()["score"], kept.json()["red_flags"]) == (201, 1, ["drowsy"])
    assert coordinator.get(f"{ruth}/answers").json() == [kept.json()]
    short = coordinator.post(f"{ruth}/answers", json={"questionnaire": "breathing_check", "answers": {}})
    assert kind(short) == (409, "answers_refused")
    unknown = coordinator.post(f"{ruth}/answers", json={"questionnaire": "other", "answers": answers})
    assert kind(unknown) == (409, "unknown_questionnaire")
    future = {"questionnaire": "breathing_check", "answers": answers, "answered_at": SOON}
    assert kind(coordinator.post(f"{ruth}/answers", json=future)) == (409, "answers_refused")
