"""Signing in and out: cookies, CSRF, throttling, time-outs, and accounts that end at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx

from api import queries
from api.passwords import Passwords
from api.settings import Settings
from database.pool import open_pool
from tests.house import House, running_house


def _age_sessions(house: House, **columns: timedelta) -> None:
    with house.pool.connection() as conn:
        for column, age in columns.items():
            conn.execute(f"UPDATE staff_session SET {column} = {column} - %s", [age])


def test_sign_in_sets_an_opaque_cookie_whose_hash_is_kept(house: House) -> None:
    _, password = house.add_staff()
    with house.visitor() as client:
        answer = client.post("/login", data={"email": "SAM@clinic.example", "password": password, "next": "/patients"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/patients")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=lax" in cookie and "secure" not in cookie
        assert client.get("/api/v1/me").json()["email"] == "sam@clinic.example"
        with house.pool.connection() as conn:
            [kept] = conn.execute("SELECT token_hash FROM staff_session").fetchall()
        assert client.cookies["wardlight"].encode() not in bytes(kept[0])


def test_https_sites_get_a_host_cookie(plain_database_url: str) -> None:
    settings = Settings(database_url=plain_database_url, public_url="https://ward.example")
    with open_pool(plain_database_url) as pool, running_house(plain_database_url, pool, settings) as house:
        _, password = house.add_staff()
        with house.visitor(headers={"Host": "ward.example"}) as client:
            answer = client.post("/login", data={"email": "sam@clinic.example", "password": password})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-wardlight=") and "Secure" in cookie and "Path=/" in cookie and "Domain" not in cookie
        assert "max-age" in answer.headers["strict-transport-security"]


def test_next_never_leads_to_another_site(house: House) -> None:
    _, password = house.add_staff()
    with house.visitor() as client:
        for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"):
            data = {"email": "sam@clinic.example", "password": password, "next": elsewhere}
            assert client.post("/login", data=data).headers["location"] == "/"


def test_unsafe_requests_of_a_browser_need_the_csrf_value(house: House, coordinator: httpx.Client) -> None:
    body = {"units": "us"}
    with httpx.Client(base_url=house.url, cookies=coordinator.cookies) as forger:
        assert forger.patch("/api/v1/me", json=body).json()["type"] == "/problems/csrf"
        assert forger.patch("/api/v1/me", json=body, headers={"X-CSRF-Token": "guess"}).status_code == 403
        assert forger.post("/logout", data={"csrf": "é"}).status_code == 403
    cross = coordinator.patch("/api/v1/me", json=body, headers={"Origin": "https://evil.example"})
    assert cross.json()["type"] == "/problems/cross_site"
    assert coordinator.patch("/api/v1/me", json=body, headers={"Origin": house.url}).json()["units"] == "us"


def test_forms_may_carry_the_csrf_value_in_a_field(coordinator: httpx.Client) -> None:
    csrf = coordinator.headers.pop("X-CSRF-Token")
    assert coordinator.post("/logout", data={"csrf": csrf}).status_code == 303
    assert coordinator.get("/api/v1/me").status_code == 401


def test_login_of_another_site_is_refused(house: House) -> None:
    _, password = house.add_staff()
    for header in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        with house.visitor(headers=header) as client:
            assert client.post("/login", data={"email": "sam@clinic.example", "password": password}).status_code == 403


def test_sessions_end_when_idle_and_when_old(house: House, coordinator: httpx.Client) -> None:
    _age_sessions(house, seen_at=timedelta(minutes=29))
    assert coordinator.get("/api/v1/me").status_code == 200  # and that was a use
    _age_sessions(house, seen_at=timedelta(minutes=29))
    assert coordinator.get("/api/v1/me", headers={"X-Background": "1"}).status_code == 200  # and that was none
    _age_sessions(house, seen_at=timedelta(minutes=2))
    assert coordinator.get("/api/v1/me").status_code == 401


def test_sessions_end_after_twelve_hours_of_use(house: House, coordinator: httpx.Client) -> None:
    _age_sessions(house, expires_at=timedelta(hours=12))
    assert coordinator.get("/api/v1/me").status_code == 401


def test_failures_of_an_account_are_throttled_and_say_how_long(house: House) -> None:
    _, password = house.add_staff()
    with house.visitor() as client:
        for _ in range(5):
            assert client.post("/login", data={"email": "sam@clinic.example", "password": "wrong"}).status_code == 401
        refused = client.post("/login", data={"email": "Sam@Clinic.example", "password": password})
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 30
        assert "Wait 30 seconds" in refused.text
        with house.pool.connection() as conn:
            conn.execute("DELETE FROM login_failure")
            queries.drop_old_failures(conn, datetime.now(UTC))
        assert client.post("/login", data={"email": "sam@clinic.example", "password": password}).status_code == 303


def test_attempts_made_at_once_are_counted_one_by_one(house: House) -> None:
    house.add_staff()

    def attempt(_: int) -> int:
        with house.visitor() as client:
            return client.post("/login", data={"email": "sam@clinic.example", "password": "wrong"}).status_code

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(attempt, range(24)))
    assert answers.count(401) == 5 and answers.count(429) == 19


def test_addresses_are_throttled_whatever_the_account(house: House) -> None:
    with house.visitor() as client:
        answers = [
            client.post("/login", data={"email": f"{number}@clinic.example", "password": "x"}).status_code
            for number in range(52)
        ]
        assert answers[:50] == [401] * 50 and answers[50:] == [429] * 2
        spoofed = client.post("/login", data={"email": "y@y", "password": "x"}, headers={"X-Forwarded-For": "203.0.113.9"})
        assert spoofed.status_code == 429


def test_unknown_accounts_are_refused_in_the_same_words(house: House) -> None:
    house.add_staff()
    with house.visitor() as client:
        known = client.post("/login", data={"email": "sam@clinic.example", "password": "wrong"})
        unknown = client.post("/login", data={"email": "nobody@clinic.example", "password": "wrong"})
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)


def test_stale_hashes_are_renewed(house: House) -> None:
    staff, password = house.add_staff()
    old = Passwords(memory_kib=128, passes=2).hash(password)
    with house.pool.connection() as conn:
        queries.save_password_hash(conn, staff.id, old)
    house.browser("sam@clinic.example", password).close()
    with house.pool.connection() as conn:
        kept = queries.find_password_hash(conn, staff.id)
    assert kept is not None and kept != old and kept.startswith("$argon2id$")
    house.browser("sam@clinic.example", password).close()


def test_disabling_ends_sessions_and_tokens_at_once(house: House, administrator: httpx.Client) -> None:
    staff, password = house.add_staff()
    with house.browser("sam@clinic.example", password) as client, house.programme(staff) as programme:
        assert client.get("/api/v1/me").status_code == programme.get("/api/v1/me").status_code == 200
        assert administrator.post(f"/api/v1/staff/{staff.public_id}/disable").json()["disabled_at"]
        assert client.get("/api/v1/me").status_code == programme.get("/api/v1/me").status_code == 401
        again = client.post("/login", data={"email": "sam@clinic.example", "password": password})
        assert again.status_code == 401
    assert administrator.post(f"/api/v1/staff/{staff.public_id}/enable").status_code == 200
    house.browser("sam@clinic.example", password).close()


def test_changing_the_password_ends_other_sessions(house: House) -> None:
    _, password = house.add_staff()
    with house.browser("sam@clinic.example", password) as one, house.browser("sam@clinic.example", password) as other:
        wrong = one.post("/api/v1/me/password", json={"current": "wrong", "new": "correct horse battery"})
        assert (wrong.status_code, wrong.json()["type"]) == (409, "/problems/wrong_password")
        assert one.post("/api/v1/me/password", json={"current": password, "new": "correct horse battery"}).status_code == 204
        assert (one.get("/api/v1/me").status_code, other.get("/api/v1/me").status_code) == (200, 401)
    house.browser("sam@clinic.example", "correct horse battery").close()
