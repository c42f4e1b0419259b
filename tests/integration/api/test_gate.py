"""Deny by default: without a login nothing is readable but what is listed here by name."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount

from alerts.rules import RuleSet
from api.app import API, GUARDED, OWN_GATE, PUBLIC
from api.settings import Settings
from care.staff import Role
from database.pool import open_pool
from tests.house import House, running_house

#: everything that answers a stranger
OPEN = {
    ("GET", "/login"),
    ("POST", "/login"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),  # from this machine; see test_metrics_are_not_for_strangers
}


def _routes() -> Iterator[tuple[str, str]]:
    for prefix, routers in (("", (*PUBLIC, *GUARDED)), ("/api/v1", API)):
        for router in routers:
            for route in router.routes:
                assert isinstance(route, APIRoute), f"{route} is not behind the gate"
                for method in route.methods:
                    yield method, prefix + route.path


def test_every_router_of_the_application_is_listed(house: House) -> None:
    served = [getattr(route, "original_router", None) for route in house.app.routes]
    assert [router for router in served if router is not None] == [*PUBLIC, *OWN_GATE, *GUARDED, *API]
    rest = [route for route, router in zip(house.app.routes, served, strict=True) if router is None]
    assert [route.path for route in rest if isinstance(route, Mount)] == ["/static"] and len(rest) == 1


def test_nothing_answers_a_stranger(house: House) -> None:
    routes = set(_routes())
    assert len(routes) > 20 and routes >= OPEN
    with house.visitor() as stranger:
        for method, path in sorted(routes - OPEN):
            address = path.replace("{", "").replace("}", "")
            answer = stranger.request(method, address, json={})
            sent_away = answer.status_code == 303 and answer.headers["location"].startswith("/login")
            assert sent_away or answer.status_code == 401, f"{method} {path} answered a stranger with {answer.status_code}"


def test_worthless_credentials_are_no_credentials(house: House) -> None:
    staff, _ = house.add_staff()
    with house.programme(scope="metrics") as metrics, house.visitor(headers={"Authorization": "Bearer x"}) as guess:
        assert metrics.get("/api/v1/me").status_code == guess.get("/api/v1/me").status_code == 401
        assert guess.get("/metrics").status_code == 401
    with house.visitor(cookies={"wardlight": "x"}) as client:
        assert client.get("/api/v1/me").status_code == 401
    with house.programme(staff) as programme:
        assert programme.get("/metrics").status_code == 401
        with house.pool.connection() as conn:
            conn.execute("UPDATE api_token SET expires_at = now() - interval '1 second'")
        assert programme.get("/api/v1/me").status_code == 401


def test_metrics_are_not_for_strangers(house: House) -> None:
    with house.visitor() as local, house.programme(scope="metrics") as scraper:
        assert local.get("/metrics").status_code == 200
        through_proxy = {"X-Forwarded-For": "127.0.0.1"}
        assert local.get("/metrics", headers=through_proxy).status_code == 401
        assert scraper.get("/metrics", headers=through_proxy).status_code == 200


@pytest.mark.parametrize("role", ["coordinator", "clinician"])
def test_only_administrators_manage_staff_and_tokens(house: House, role: Role) -> None:
    colleague, _ = house.add_staff()
    _, password = house.add_staff("viewer@clinic.example", role)
    with house.browser("viewer@clinic.example", password) as viewer:
        for method, path, body in (
            ("POST", "/staff", {"email": "new@clinic.example", "name": "New"}),
            ("POST", f"/staff/{colleague.public_id}/disable", None),
            ("POST", f"/staff/{colleague.public_id}/enable", None),
            ("POST", f"/staff/{colleague.public_id}/reset", None),
            ("GET", "/tokens", None),
            ("POST", "/tokens", {"name": "mine", "scope": "api"}),
            ("POST", "/tokens/1/revoke", None),
        ):
            answer = viewer.request(method, f"/api/v1{path}", json=body)
            assert answer.json()["type"] == "/problems/administrators_only", f"{method} {path}"
        assert viewer.get("/staff").status_code == 403


@pytest.mark.parametrize(("role", "loosens"), [("administrator", False), ("coordinator", False), ("clinician", True)])
def test_only_clinicians_give_orders(house: House, role: Role, loosens: bool) -> None:
    rules = house.app.state.rules.rules
    house.app.state.rules = RuleSet(
        tuple(replace(rule, override="order") if rule.name == "spo2_low" else rule for rule in rules)
    )
    _, password = house.add_staff("viewer@clinic.example", role)
    until = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    with house.browser("viewer@clinic.example", password) as viewer:
        made = viewer.post("/api/v1/patients", json={"record_number": "1", "name": "Ruth Adeyemi"}).json()
        patient = f"/api/v1/patients/{made['patient']['public_id']}"
        answers = [
            viewer.put(f"{patient}/limits/spo2_low", json={"limit": 88, "until": until, "reason": "x"}),
            viewer.put(f"{patient}/references/dry_weight", json={"value": 80, "reason": "x"}),
            viewer.put(f"{patient}/references/spo2_scale", json={"value": 2, "reason": "x"}),
        ]
        assert [answer.status_code for answer in answers] == [200 if loosens else 409] * 3
        stricter = viewer.put(f"{patient}/limits/spo2_low", json={"limit": 92, "reason": "x"})
        assert stricter.status_code == 200 and stricter.json()["own"]["is_loosening"] is False


def test_pages_send_a_stranger_to_the_login(house: House) -> None:
    with house.visitor() as stranger:
        answer = stranger.get("/api/v1/me", headers={"Accept": "text/html"})
        assert answer.status_code == 401 and answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("host", ["evil.example", "", "127.0.0.1.evil.example", "[::1", "ward.example@evil.example"])
def test_unknown_hosts_are_refused(house: House, host: str) -> None:
    with house.visitor() as client:
        answer = client.get("/login", headers={"Host": host})
    assert answer.status_code == 400


def test_the_public_host_is_known(plain_database_url: str) -> None:
    settings = Settings(database_url=plain_database_url, public_url="https://ward.example:8443")
    with (
        open_pool(plain_database_url) as pool,
        running_house(plain_database_url, pool, settings) as house,
        house.visitor() as client,
    ):
        for host in ("ward.example:8443", "WARD.example", "localhost:1", "[::1]:9"):
            assert client.get("/health/live", headers={"Host": host}).status_code == 200


def test_every_answer_carries_the_headers(house: House) -> None:
    with house.visitor() as client:
        for path in ("/login", "/api/v1/me", "/nothing/here", "/static/nothing", "/health/live"):
            headers = client.get(path).headers
            assert "'unsafe" not in headers["content-security-policy"]
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert headers["referrer-policy"] == "same-origin"  # so no other site learns an address
            assert headers["x-content-type-options"] == "nosniff"
            assert "server" not in headers
            if not path.startswith("/static/"):
                assert headers["cache-control"] == "no-store"
