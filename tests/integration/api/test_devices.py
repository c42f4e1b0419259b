"""Devices and assignments over JSON: the secret works at a real broker, and stops working when revoked."""

import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from database.pool import open_pool
from ingest.broker import EmbeddedBroker
from ingest.credentials import CredentialsError
from tests.house import House, running_house


@pytest.fixture
def brokered(plain_database_url: str, broker: EmbeddedBroker) -> Iterator[tuple[House, EmbeddedBroker]]:
    """Serve the application beside a real broker."""
    with (
        open_pool(plain_database_url) as pool,
        running_house(plain_database_url, pool, credentials=broker.credentials) as house,
    ):
        yield house, broker


def _may_publish(broker: EmbeddedBroker, device: str, secret: str) -> bool:
    command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.port), "-u", device, "-P", secret, "-i", device]
    topic = f"wardlight/v1/{device}/readings"
    publish = [*command, "-q", "1", "-t", topic, "-m", "{}"]
    return subprocess.run(publish, capture_output=True, timeout=20, check=False).returncode == 0


def test_a_secret_works_until_it_is_renewed_or_revoked(brokered: tuple[House, EmbeddedBroker]) -> None:
    house, broker = brokered
    staff, _ = house.add_staff()
    with house.programme(staff) as client:
        added = client.post("/api/v1/devices", json={"public_id": "scale-7f3a", "kind": "scale", "expected_every": "P1D"})
        assert added.status_code == 201, added.text
        assert added.json()["device"]["expected_every"] == "P1D" and "id" not in added.json()["device"]
        first = added.json()["secret"]
        assert _may_publish(broker, "scale-7f3a", first) and not _may_publish(broker, "scale-7f3a", "guess")
        assert first not in client.get("/api/v1/devices/scale-7f3a").text
        second = client.post("/api/v1/devices/scale-7f3a/secret").json()["secret"]
        assert _may_publish(broker, "scale-7f3a", second) and not _may_publish(broker, "scale-7f3a", first)
        for _ in range(2):
            assert client.post("/api/v1/devices/scale-7f3a/revoke").json()["revoked_at"]
        assert not _may_publish(broker, "scale-7f3a", second)
        assert client.post("/api/v1/devices/scale-7f3a/secret").status_code == 409
        again = client.post("/api/v1/devices", json={"public_id": "scale-7f3a", "kind": "scale"})
        assert again.json()["type"] == "/problems/device_exists"
        made_up = client.post("/api/v1/devices", json={"kind": "cuff"}).json()
        assert made_up["device"]["public_id"].startswith("cuff-")
        assert _may_publish(broker, made_up["device"]["public_id"], made_up["secret"])
        assert [device["public_id"] for device in client.get("/api/v1/devices").json()][-1] == "scale-7f3a"


class Away:
    """Credentials of a broker that does not answer."""

    def add(self, device_id: str, secret: str) -> None:
        raise CredentialsError("the broker is away")

    def add_many(self, secrets_by_device: Mapping[str, str]) -> None:
        raise CredentialsError("the broker is away")

    def revoke(self, device_id: str) -> None:
        raise CredentialsError("the broker is away")

    def rotate(self, device_id: str) -> str:
        raise CredentialsError("the broker is away")


def test_a_broker_that_is_away_is_said_and_nothing_is_lost(plain_database_url: str) -> None:
    with open_pool(plain_database_url) as pool, running_house(plain_database_url, pool, credentials=Away()) as house:
        staff, _ = house.add_staff()
        with house.programme(staff) as client:
            answer = client.post("/api/v1/devices", json={"public_id": "cuff-1", "kind": "cuff"})
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/broker_unavailable")
            assert client.get("/api/v1/devices/cuff-1").status_code == 200
            assert client.post("/api/v1/devices/cuff-1/revoke").status_code == 503
            assert client.get("/api/v1/devices/cuff-1").json()["revoked_at"]


def test_what_a_gateway_hears_has_no_secret(house: House, coordinator: httpx.Client) -> None:
    added = coordinator.post("/api/v1/devices", json={"public_id": "theengs-aabb", "kind": "scale", "codec": "theengs"})
    assert (added.status_code, added.json()["secret"]) == (201, None)
    assert coordinator.post("/api/v1/devices/theengs-aabb/secret").status_code == 409
    scheduled = coordinator.patch("/api/v1/devices/theengs-aabb", json={"expected_every": "PT12H"})
    assert scheduled.json()["expected_every"] == "PT12H"
    for wrong in ({"codec": "morse"}, {"kind": "a b"}, {"public_id": "a/b"}, {"expected_every": "PT1S"}):
        assert coordinator.post("/api/v1/devices", json={"kind": "cuff"} | wrong).status_code == 422, wrong
    without_broker = coordinator.post("/api/v1/devices", json={"kind": "cuff"})
    assert without_broker.json()["type"] == "/problems/no_broker"


@pytest.fixture
def people(coordinator: httpx.Client) -> list[str]:
    """Give two patients and a shared scale."""
    coordinator.post("/api/v1/devices", json={"public_id": "scale", "kind": "scale", "codec": "theengs"})
    bodies = ({"record_number": "1", "name": "Ruth Canary"}, {"record_number": "2", "name": "Tom Canary"})
    return [coordinator.post("/api/v1/patients", json=body).json()["patient"]["public_id"] for body in bodies]


def _assign(client: httpx.Client, patient: str, **more: Any) -> httpx.Response:
    return client.post("/api/v1/assignments", json={"device": "scale", "patient": patient} | more)


def test_an_overlap_names_the_assignment_and_not_the_patient(coordinator: httpx.Client, people: list[str]) -> None:
    first = _assign(coordinator, people[0], starts_at="2026-01-01T00:00:00Z", ends_at="2026-02-01T00:00:00Z").json()
    second = _assign(coordinator, people[0], starts_at="2026-03-01T00:00:00Z").json()
    refused = _assign(coordinator, people[1], starts_at="2026-01-31T00:00:00Z")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/assignment_overlaps")
    assert sorted(refused.json()["assignments"]) == sorted([first["public_id"], second["public_id"]])
    assert "Canary" not in refused.text and people[0] not in refused.text
    gap = _assign(coordinator, people[1], starts_at="2026-02-01T00:00:00Z", ends_at="2026-03-01T00:00:00Z")
    assert gap.status_code == 201
    assert _assign(coordinator, people[1], user_slot=3).status_code == 201  # another user of the same device


def test_assignments_are_listed_and_ended(coordinator: httpx.Client, people: list[str]) -> None:
    open_ended = _assign(coordinator, people[0], starts_at="2026-01-01T00:00:00Z").json()
    assert open_ended["patient"] == people[0] and open_ended["ends_at"] is None and "patient_id" not in open_ended
    address = f"/api/v1/assignments/{open_ended['public_id']}/end"
    assert coordinator.post(address, json={"ends_at": "2025-01-01T00:00:00Z"}).json()["type"] == "/problems/ends_before_start"
    ended = coordinator.post(address, json={"ends_at": "2026-02-01T00:00:00Z"})
    assert ended.json()["ends_at"] == "2026-02-01T00:00:00Z"
    next_one = _assign(coordinator, people[1], starts_at="2026-02-01T00:00:00Z").json()
    listed = coordinator.get("/api/v1/assignments?device=scale").json()
    assert [each["public_id"] for each in listed] == [next_one["public_id"], open_ended["public_id"]]
    assert [each["patient"] for each in coordinator.get(f"/api/v1/assignments?patient={people[1]}").json()] == [people[1]]
    assert coordinator.get("/api/v1/assignments").status_code == 422
    late = coordinator.post(address, json={"ends_at": "2026-03-01T00:00:00Z"})
    assert (late.status_code, late.json()["assignments"]) == (409, [next_one["public_id"]])
    assert coordinator.post(f"/api/v1/assignments/{'0' * 24}/end", json={}).status_code == 404
