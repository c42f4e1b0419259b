"""The documentation holds: whatever a fuzzer sends within it, no answer is a 5xx or one that OpenAPI does not name.

The run is short; `make prove` runs the long one.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.documented import describe
from database.pool import open_pool
from ingest.credentials import PasswordFile
from tests.house import House, running_house

EXAMPLES = 200 if os.environ.get("PROVE") == "1" else 8
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture
def house(plain_database_url: str, tmp_path: Path) -> Iterator[House]:
    """Serve the application beside a password file that no broker reads."""
    credentials = PasswordFile(tmp_path / "passwords", lambda probe: None)
    with (
        open_pool(plain_database_url) as pool,
        running_house(plain_database_url, pool, credentials=credentials) as running,
    ):
        yield running


def _furnish(house: House, client: httpx.Client) -> dict[str, dict[str, str]]:
    """Put one of everything into the house; return path parameters that exist, by the noun of the address."""
    client.post("/api/v1/devices", json={"public_id": "cuff-1", "kind": "cuff"})
    body = {"record_number": "1", "name": "Ruth Adeyemi"}
    patient = client.post("/api/v1/patients", json=body).json()["patient"]["public_id"]
    assignment = client.post("/api/v1/assignments", json={"device": "cuff-1", "patient": patient}).json()["public_id"]
    reading = {"values": {"spo2": {"value": 80, "unit": "%"}}}
    assert client.post(f"/api/v1/patients/{patient}/readings", json=reading).status_code == 201
    [measurement] = client.get(f"/api/v1/patients/{patient}/measurements").json()["measurements"]
    alert = client.get("/api/v1/alerts").json()[0]["alert"]["public_id"]
    staff, _ = house.add_staff()
    return {
        "patients": {"public_id": patient, "key": measurement["key"]},
        "assignments": {"public_id": assignment},
        "alerts": {"public_id": alert},
        "staff": {"public_id": staff.public_id},
        "devices": {"device_id": "cuff-1"},
    }


@pytest.mark.proof
def test_no_answer_is_undocumented(house: House, administrator: httpx.Client) -> None:
    """Send generated requests to every operation, as an administrator's browser would."""
    schema = schemathesis.openapi.from_dict(administrator.get("/api/v1/openapi.json").json())
    schema.config.update(base_url=house.url)
    known = _furnish(house, administrator)
    operations = [result.ok() for result in schema.exclude(path="/api/v1/events").get_all_operations()]
    assert len(operations) > 40
    headers = {"X-CSRF-Token": administrator.headers["X-CSRF-Token"]}
    statuses: Counter[int] = Counter()
    for operation in operations:

        @given(case=operation.as_strategy(), is_known=st.booleans())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def send(case: Any, is_known: bool) -> None:
            if is_known and (exists := known.get(case.path.split("/")[3] if case.path.startswith("/api/") else "")):
                case.path_parameters.update({name: value for name, value in exists.items() if name in case.path_parameters})
            response = case.call(cookies=dict(administrator.cookies), headers=headers)
            case.validate_response(response, checks=CHECKS)
            statuses[response.status_code] += 1

        send()
    assert statuses[200] > 40 and statuses[404] > 10


def test_every_operation_is_described(house: House) -> None:
    """Each has a summary, a described answer, documented refusals, and an example of its body."""
    document = describe(house.app)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["summary"] and operation["description"], where
            if path.startswith("/api/"):
                assert {"400", "401", "403", "413", "422", "503"} <= set(operation["responses"]), where
                assert ("404" in operation["responses"]) == ("{" in path), where
            if body := operation.get("requestBody"):
                reference = body["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
                assert "example" in document["components"]["schemas"][reference], f"{where} lacks an example of its body"
