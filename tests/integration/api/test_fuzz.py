"""The documentation holds: whatever a fuzzer sends within it, no answer is a 5xx or one that OpenAPI does not name.

The run is short; WARDLIGHT_FUZZ_EXAMPLES makes it long.
"""

import os
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.documented import describe
from tests.house import House

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def test_no_answer_is_undocumented(house: House, administrator: httpx.Client) -> None:
    """Send generated requests to every operation, as an administrator's browser would."""
    schema = schemathesis.openapi.from_dict(administrator.get("/api/v1/openapi.json").json())
    schema.config.update(base_url=house.url)
    operations = [result.ok() for result in schema.exclude(path="/api/v1/events").get_all_operations()]
    assert len(operations) > 15
    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(
            max_examples=int(os.environ.get("WARDLIGHT_FUZZ_EXAMPLES", "10")),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def send(case: Any) -> None:
            headers = {"X-CSRF-Token": administrator.headers["X-CSRF-Token"]}
            response = case.call(cookies=dict(administrator.cookies), headers=headers)
            case.validate_response(response, checks=CHECKS)

        send()


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
