"""Every refusal is an RFC 9457 problem, says the way out, and repeats nothing of what was sent."""

import logging
from typing import Any

import httpx
import pytest
import structlog

from tests.house import House


def _check(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"/problems/{kind}" and problem["status"] == status and problem["title"] and problem["detail"]
    return problem


def test_addresses_and_methods_that_do_not_exist(coordinator: httpx.Client) -> None:
    _check(coordinator.get("/nothing/here"), 404, "not_found")
    _check(coordinator.get("/api/v1/nothing"), 404, "not_found")
    _check(coordinator.get("/static/nothing.js"), 404, "not_found")
    refused = coordinator.delete("/api/v1/me")
    _check(refused, 405, "method_not_allowed")
    assert "GET" in refused.headers["allow"]


def test_bodies_that_cannot_be_read(coordinator: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}
    _check(coordinator.post("/api/v1/patients", content=b"{", headers=headers), 422, "invalid")
    _check(coordinator.post("/api/v1/patients", content=b"\xff", headers=headers), 400, "bad_request")
    _check(coordinator.post("/api/v1/patients", content=b"[" * 100_000, headers=headers), 400, "bad_request")
    _check(coordinator.post("/api/v1/patients", content=b"1" * 10_000, headers=headers), 400, "bad_request")
    _check(coordinator.post("/api/v1/patients", content=b" " * 2_000_000, headers=headers), 413, "too_large")

    def chunks() -> Any:
        for _ in range(40):
            yield b" " * 65_536

    _check(coordinator.post("/api/v1/patients", content=chunks(), headers=headers), 413, "too_large")


def test_problems_repeat_nothing_of_what_was_sent(coordinator: httpx.Client) -> None:
    canary = "Canary McTestface"
    for body in ({"record_number": canary, "name": canary, "birth_date": canary}, {"name": [canary]}, [canary], canary):
        answer = coordinator.post("/api/v1/patients", json=body)
        _check(answer, 422, "invalid")
        assert canary not in answer.text


def test_what_breaks_inside_is_a_problem_without_a_stack(
    house: House, coordinator: httpx.Client, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with house.pool.connection() as conn:
        [[name]] = conn.execute("SELECT name FROM staff LIMIT 1").fetchall()

    @house.app.get("/api/v1/broken")
    def broken() -> None:
        raise ValueError(f"duplicate key value: {name}")

    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as logged:
        problem = _check(coordinator.get("/api/v1/broken"), 500, "failed")
    assert name not in str(problem) and "ValueError" not in str(problem)
    assert [(entry["event"], entry["kind"], entry["route"]) for entry in logged] == [
        ("request_failed", "ValueError", "/api/v1/broken")
    ]
    captured = capfd.readouterr()
    assert name not in str(logged) + caplog.text + captured.out + captured.err


def test_a_database_that_is_away_is_503(house: House, coordinator: httpx.Client) -> None:
    house.pool.close()
    answer = coordinator.get("/api/v1/me")
    _check(answer, 503, "database_unavailable")
    assert answer.headers["retry-after"]
    _check(coordinator.get("/health/ready"), 503, "database_unavailable")
    assert coordinator.get("/health/live").json() == {"status": "live"}
