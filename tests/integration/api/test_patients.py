"""Patients over JSON: written, read, found, and every look written down."""

from typing import Any

import httpx

from tests.house import House

RUTH: dict[str, Any] = {
    "record_number": "MRN-1",
    "name": "Ruth Adeyemi",
    "birth_date": "1948-03-02",
    "programmes": ["heart_failure"],
    "contact": {"phone": "+15555550142", "zone": "America/Chicago"},
}


def _audit(house: House) -> list[tuple[str, str]]:
    with house.pool.connection() as conn:
        return [(row[0], row[1]) for row in conn.execute("SELECT action, object FROM audit ORDER BY id")]


def test_a_patient_is_added_read_and_edited(house: House, coordinator: httpx.Client) -> None:
    me = coordinator.get("/api/v1/me").json()["public_id"]
    added = coordinator.post("/api/v1/patients", json=RUTH | {"coordinator": me})
    assert added.status_code == 201
    patient = added.json()["patient"]
    assert patient["coordinator"] == me and patient["programmes"] == ["heart_failure"]
    assert not [key for key in patient if key == "id" or (key.endswith("_id") and key != "public_id")]
    address = f"/api/v1/patients/{patient['public_id']}"
    assert coordinator.get(address).json() == added.json()
    edited = coordinator.patch(address, json={"address": "14 Example Street", "contact": {"phone": None}}).json()
    assert edited["patient"] == patient | {"address": "14 Example Street"}
    assert edited["contact"] == {"phone": None, "language": "en", "contact_mode": "call", "zone": "America/Chicago"}
    wanted = f"patient/{patient['public_id']}"
    assert _audit(house)[-3:] == [("add_patient", wanted), ("read_patient", wanted), ("edit_patient", wanted)]


def test_namesakes_are_named(coordinator: httpx.Client) -> None:
    one = coordinator.post("/api/v1/patients", json=RUTH).json()
    other = coordinator.post("/api/v1/patients", json=RUTH | {"record_number": "MRN-2", "name": "ruth adeyemi"}).json()
    assert other["namesakes"] == [one["patient"]["public_id"]]


def test_record_numbers_are_unique(coordinator: httpx.Client) -> None:
    coordinator.post("/api/v1/patients", json=RUTH)
    again = coordinator.post("/api/v1/patients", json=RUTH)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/record_number_taken")
    other = coordinator.post("/api/v1/patients", json=RUTH | {"record_number": "MRN-2"}).json()["patient"]["public_id"]
    assert coordinator.patch(f"/api/v1/patients/{other}", json={"record_number": "MRN-1"}).status_code == 409


def test_search_by_name_number_and_birth_date(house: House, coordinator: httpx.Client) -> None:
    coordinator.post("/api/v1/patients", json=RUTH)
    coordinator.post("/api/v1/patients", json={"record_number": "X-77", "name": "Tomás Herrera"})
    for text, found in (("adey", 1), ("mrn", 1), ("1948-03-02", 1), ("e", 2), ("%", 0), ("tomás", 1)):
        answer = coordinator.post("/api/v1/patients/search", json={"text": text})
        assert len(answer.json()) == found, text
    assert [patient["name"] for patient in coordinator.get("/api/v1/patients?limit=1&offset=1").json()] == ["Tomás Herrera"]
    with house.pool.connection() as conn:
        assert "adey" not in str(conn.execute("SELECT detail FROM audit").fetchall()).lower()


def test_a_refused_write_leaves_nothing(house: House, coordinator: httpx.Client) -> None:
    before = _audit(house)
    unknown = coordinator.post("/api/v1/patients", json=RUTH | {"coordinator": "0" * 24})
    assert unknown.status_code == 409
    for wrong in (
        {"name": ""},
        {"name": "a\u0000b"},
        {"birth_date": "02.03.1948"},
        {"contact": {"phone": "555-0142"}},
        {"contact": {"zone": "Mars/Olympus"}},
        {"programmes": ["Heart failure"]},
        {"…": 1},
    ):
        answer = coordinator.post("/api/v1/patients", json=RUTH | wrong)
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid"), wrong
        assert answer.json()["errors"][0]["pointer"].startswith("/" + next(iter(wrong)))
    assert coordinator.get("/api/v1/patients").json() == []
    assert _audit(house)[len(before) :] == [("list_patients", "patients")]


def test_unknown_patients_are_not_found(coordinator: httpx.Client) -> None:
    for address in ("/api/v1/patients/" + "0" * 24, "/api/v1/patients/1"):
        assert coordinator.get(address).status_code in {404, 422}
