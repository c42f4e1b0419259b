"""A patient's name, phone and birth date, planted, never turn up in logs, problems, metrics, audit rows or addresses."""

import logging
from typing import Any

import httpx
import pytest
import structlog

from tests.house import House

NAME, PHONE, BORN, STREET = "Canarina Zugvogel", "+15555550199", "1931-05-17", "7 Aviary Lane"
CANARIES = (NAME, "Zugvogel", "Canarina", PHONE, PHONE.removeprefix("+"), BORN, STREET)


def test_nothing_sings(
    house: House, coordinator: httpx.Client, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Plant a patient, go wrong in every way there is, and listen."""
    seen: list[str] = []

    def ask(method: str, path: str, **sent: Any) -> httpx.Response:
        answer = coordinator.request(method, f"/api/v1{path}", **sent)
        seen.append(path)
        if answer.status_code >= 400:
            seen.append(answer.text + str(answer.headers))
        return answer

    body = {"record_number": "C-1", "name": NAME, "birth_date": BORN, "address": STREET, "contact": {"phone": PHONE}}
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as logged:
        patient = ask("POST", "/patients", json=body).json()["patient"]["public_id"]
        wrong = [
            ("POST", "/patients", body),  # taken
            ("POST", "/patients", body | {"record_number": "C-2", "birth_date": NAME}),
            ("POST", "/patients", body | {NAME: PHONE}),
            ("POST", "/patients", body | {"record_number": "C-3", "contact": {"phone": f"{PHONE} {NAME}"}}),
            ("PATCH", f"/patients/{patient}", {"name": [NAME], "sex": NAME}),
            ("POST", f"/patients/{patient}/readings", {"values": {NAME: {"value": PHONE, "unit": NAME}}}),
            ("POST", f"/patients/{patient}/readings", {"values": {"spo2": {"value": 95, "unit": NAME[:20]}}}),
            ("POST", "/patients/search", {"text": NAME, "limit": PHONE}),
            ("POST", "/assignments", {"device": "nothing", "patient": patient}),
            ("POST", "/nothing", body),
        ]
        for method, path, sent in wrong:
            assert ask(method, path, json=sent).status_code >= 400, path
        for path in (f"/patients/{patient}", "/patients", "/alerts", "/unattributed", "/quarantine"):
            assert ask("GET", path).status_code == 200
        assert len(ask("POST", "/patients/search", json={"text": "zugvogel"}).json()) == 1

        @house.app.get("/api/v1/broken")
        def broken() -> None:
            raise LookupError(f"no such {NAME} {PHONE}")

        assert ask("GET", "/broken").status_code == 500
        seen.append(coordinator.get("/metrics").text + coordinator.get("/health/ready").text)
    with house.pool.connection() as conn:
        seen.append(str(conn.execute("SELECT * FROM audit").fetchall()))
        seen.append(str(conn.execute("SELECT * FROM login_failure").fetchall()))
    captured = capfd.readouterr()
    heard = "\n".join([*seen, str(logged), caplog.text, captured.out, captured.err])
    assert "request_failed" in heard
    assert [canary for canary in CANARIES if canary in heard] == []
