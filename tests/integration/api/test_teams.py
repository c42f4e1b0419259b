"""Teams, coverage, contacts, SBAR and hand-over over HTTP, as a browser uses them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from alerts.escalation import deadlines
from alerts.escalation.ladder import Call, begin
from api.settings import Settings
from database.pool import open_pool
from tests.house import House, running_house


@pytest.fixture
def house(plain_database_url: str) -> Iterator[House]:
    settings = Settings(database_url=plain_database_url, webhook_secret="secret")
    with open_pool(plain_database_url) as pool, running_house(plain_database_url, pool, settings) as running:
        yield running


@pytest.fixture
def team(administrator: httpx.Client) -> str:
    answer = administrator.post("/api/v1/teams", json={"name": "North", "zone": "America/Chicago"})
    assert answer.status_code == 201
    return str(answer.json()["public_id"])


@pytest.fixture
def alert(house: House, administrator: httpx.Client, team: str) -> str:
    """Open a high alert of a patient of the team, whose coordinator is the coordinator."""
    staff = {one["email"]: one["public_id"] for one in administrator.get("/api/v1/staff").json()}
    body = {"record_number": "1", "name": "Ruth Adeyemi", "birth_date": "1948-03-02", "programmes": ["copd"]}
    body |= {"coordinator": staff["administrator@clinic.example"]}
    patient = administrator.post("/api/v1/patients", json=body).json()["patient"]["public_id"]
    given = {"team": team, "emergency_contact": "Tola, daughter"}
    assert administrator.put(f"/api/v1/patients/{patient}/care", json=given).json()["team_name"] == "North"
    reading = {"values": {"spo2": {"value": 80, "unit": "%"}}}
    assert administrator.post(f"/api/v1/patients/{patient}/readings", json=reading).status_code == 201
    found = administrator.get("/api/v1/alerts").json()[0]["alert"]["public_id"]
    now = datetime.now(UTC)
    with house.pool.connection() as conn:
        [[key, owner]] = conn.execute("SELECT id, patient_id FROM alert WHERE public_id = %s", [found]).fetchall()
        begin(conn, [Call(key, owner, "high", now, "opened with severity high")], now)
    with house.pool.connection() as conn:
        deadlines.run_due(conn, now)
    return str(found)


def test_a_team_is_set_up(house: House, administrator: httpx.Client, team: str) -> None:
    sam, _ = house.add_staff()
    where = f"/api/v1/teams/{team}"
    assert administrator.post(f"{where}/members", json={"staff": sam.public_id}).json()["members"] == [sam.public_id]
    night = {"layer": 1, "staff": sam.public_id, "weekdays": [0, 1, 2, 3, 4, 5, 6], "starts": "20:00", "ends": "08:00"}
    told = administrator.post(f"{where}/windows", json=night).json()
    assert len(told["windows"]) == 7 and told["windows"][0]["name"] == sam.name and told["is_shipped"]
    days = administrator.get(f"{where}/on-call", params={"days": 2}).json()
    assert {one["is_covered"] for one in days} == {True, False} and days[0]["layer"] == 1
    hours = {"layer": 0, "weekdays": [0], "starts": "08:00", "ends": "17:00"}
    assert administrator.post(f"{where}/windows", json=hours).status_code == 201
    assert administrator.post(f"{where}/windows", json=hours | {"staff": sam.public_id}).json()["type"] == "/problems/invalid"
    away = {
        "layer": 1,
        "staff": None,
        "starts_at": "2026-12-24T08:00:00Z",
        "ends_at": "2026-12-25T08:00:00Z",
        "reason": "holiday",
    }
    told = administrator.post(f"{where}/overrides", json=away).json()
    override = told["overrides"][0]["override"]["public_id"]
    assert administrator.post(f"{where}/overrides/{override}/remove").json()["overrides"] == []
    window = told["windows"][0]["window"]["public_id"]
    assert len(administrator.post(f"{where}/windows/{window}/end").json()["windows"]) == 7
    assert administrator.post(f"{where}/members/leave", json={"staff": sam.public_id}).json()["members"] == []
    again = administrator.post("/api/v1/teams", json={"name": "north"})
    assert again.json()["type"] == "/problems/team_name_taken"


def test_a_team_has_a_ladder_of_its_own(administrator: httpx.Client, team: str) -> None:
    where = f"/api/v1/teams/{team}"
    climb = {"again_minutes": 5, "remind_minutes": 5, "steps": [{"who": ["lead"], "wait_minutes": 5}]}
    body = dict.fromkeys(("emergency", "high", "medium", "low"), climb)
    told = administrator.put(f"{where}/ladder", json=body).json()
    assert not told["is_shipped"] and told["ladder"]["version"] == 2 and told["ladder"]["high"]["steps"][0]["who"] == ["lead"]
    wrong = body | {"high": climb | {"steps": [{"who": ["the boss"], "wait_minutes": 5}]}}
    assert administrator.put(f"{where}/ladder", json=wrong).status_code == 422


def test_an_address_counts_once_its_code_came_back(house: House, coordinator: httpx.Client) -> None:
    body = {"channel": "webhook", "address": "https://hooks.example/T0/secret"}
    added = coordinator.post("/api/v1/me/addresses", json=body).json()
    assert added["place"] == "hooks.example" and added["verified_at"] is None and "secret" not in str(added)
    with house.pool.connection() as conn:
        [[text, address]] = conn.execute("SELECT body, address FROM outbox").fetchall()
    assert address == body["address"]
    where = f"/api/v1/me/addresses/{added['public_id']}"
    wrong = "000000" if not text.endswith("000000") else "000001"
    assert coordinator.post(f"{where}/verify", json={"code": wrong}).json()["type"] == "/problems/wrong_code"
    assert coordinator.post(f"{where}/verify", json={"code": text[-6:]}).status_code == 204
    assert coordinator.get("/api/v1/me/addresses").json()[0]["verified_at"]
    assert coordinator.post(f"{where}/remove").json() == []
    for unusable in ("http://hooks.example/", "ftp://x", "https://user:pw@hooks.example/", "https:///"):
        answer = coordinator.post("/api/v1/me/addresses", json={"channel": "webhook", "address": unusable})
        assert answer.status_code == 422 and "hooks.example" not in answer.text, unusable


def test_a_code_may_be_guessed_ten_times(house: House, coordinator: httpx.Client) -> None:
    added = coordinator.post("/api/v1/me/addresses", json={"channel": "console"}).json()
    with house.pool.connection() as conn:
        [[text]] = conn.execute("SELECT body FROM outbox").fetchall()
    where = f"/api/v1/me/addresses/{added['public_id']}/verify"
    for guess in range(10):
        code = f"{(int(text[-6:]) + 1 + guess) % 1_000_000:06d}"
        assert coordinator.post(where, json={"code": code}).status_code == 409
    assert coordinator.post(where, json={"code": text[-6:]}).status_code == 404


def test_i11_coverage_names_who_is_there_or_why_nobody_is(administrator: httpx.Client, alert: str) -> None:
    told = administrator.get("/api/v1/coverage").json()
    [one] = [one for one in told["alerts"] if one["alert"] == alert]
    assert one["cover"]["owner"] is None and "without a working channel" in one["cover"]["unstaffed"]
    kinds = {lack["kind"] for lack in told["lacks"]}
    assert {"gap", "ladder"} <= kinds
    ladder = administrator.get(f"/api/v1/alerts/{alert}/ladder").json()
    assert ladder["pages"][0]["receipts"] == ["in_app: delivered", "console: pending"]
    assert ladder["outlook"]["coming"][-1]["note"].startswith("everybody, and again every")


def test_three_failures_lead_to_the_emergency_contact_and_then_to_a_decision(administrator: httpx.Client, alert: str) -> None:
    where = f"/api/v1/alerts/{alert}"
    steps = []
    for whom in ("patient", "patient", "patient", "emergency_contact"):
        body = {"whom": whom, "how": "call", "outcome": "no_answer"}
        steps.append(administrator.post(f"{where}/contacts", json=body).json()["next"]["what"])
    assert steps == ["try_patient", "try_patient", "call_emergency_contact", "decide_welfare_check"]
    decided = administrator.post(f"{where}/welfare-check", json={"decision": "send", "reason": "lives alone"}).json()
    assert decided["next"]["what"] == "done" and decided["checks"][0]["decision"] == "send"
    assert decided["emergency_contact"] == "Tola, daughter" and len(decided["attempts"]) == 4


def test_a_physician_is_asked_replies_and_orders_are_read_back(house: House, administrator: httpx.Client, alert: str) -> None:
    where = f"/api/v1/alerts/{alert}/sbar"
    parts = administrator.get(f"{where}/draft").json()
    assert parts["situation"].startswith("Ruth Adeyemi") and "80" in parts["assessment"] and "copd" in parts["background"]
    doctor, _ = house.add_staff("doctor@clinic.example")
    asked = administrator.post(where, json=parts | {"physician": "Dr. O", "staff": doctor.public_id}).json()[0]
    assert asked["due_at"] and asked["reminded"] == 0
    with house.pool.connection() as conn:
        told = conn.execute("SELECT body, link FROM outbox WHERE staff_id = %s", [doctor.id]).fetchall()
        assert told == [("Wardlight: 1 alert waits for you, emergency", f"/alerts/{alert}")]
        sent = str(conn.execute("SELECT body, reason FROM outbox").fetchall())
    assert "Ruth" not in sent and "80" not in sent
    one = f"/api/v1/sbar/{asked['public_id']}"
    assert administrator.post(f"{one}/reply", json={"reply": "see her today"}).status_code == 204
    assert administrator.post(f"{one}/reply", json={"reply": "no"}).json()["type"] == "/problems/already_replied"
    [order] = administrator.post(f"{one}/orders", json={"text": "oxygen 2 L/min"}).json()[0]["orders"]
    assert order["read_back_at"] is None
    back = f"/api/v1/orders/{order['public_id']}/read-back"
    assert administrator.post(back, json={"confirmed_by": "Dr. O"}).status_code == 204
    assert administrator.post(back, json={"confirmed_by": "Dr. O"}).json()["type"] == "/problems/already_read_back"
    [done] = administrator.get(where).json()
    assert done["due_at"] is None and done["orders"][0]["confirmed_by"] == "Dr. O"


def test_a_hand_over_stays_with_the_giver_until_it_is_accepted(house: House, administrator: httpx.Client, alert: str) -> None:
    _, password = house.add_staff("kim@clinic.example")
    with house.browser("kim@clinic.example", password) as kim:
        to = kim.get("/api/v1/me").json()["public_id"]
        own = "/api/v1/hand-overs"
        assert administrator.post(own, json={"to": to}).json()["type"] == "/problems/nothing_to_hand_over"
        administrator.post(f"/api/v1/alerts/{alert}/acknowledge")
        [item] = administrator.post(own, json={"to": to, "note": "call at six"}).json()
        assert item["state"] == "pending"

        def owner() -> object:
            with house.pool.connection() as conn:
                [[name]] = conn.execute(
                    "SELECT staff.email FROM alert JOIN staff ON staff.id = coalesce(assigned_to, acknowledged_by)"
                    " WHERE alert.public_id = %s", [alert],
                ).fetchall()  # fmt: skip
            return name

        assert owner() == "administrator@clinic.example"
        where = f"{own}/items/{item['public_id']}"
        assert administrator.post(where, json={"answer": "accepted"}).json()["type"] == "/problems/not_yours"
        assert kim.post(where, json={"answer": "accepted", "note": "thanks"}).status_code == 204
        assert owner() == "kim@clinic.example"
        assert kim.post(where, json={"answer": "declined"}).json()["type"] == "/problems/already_settled"
    _, other = house.add_staff("lee@clinic.example")
    with house.browser("lee@clinic.example", other) as lee:
        assert lee.post(where, json={"answer": "accepted"}).status_code == 404


def test_what_could_not_be_delivered_is_listed_and_tried_again(house: House, administrator: httpx.Client) -> None:
    with house.pool.connection() as conn:
        conn.execute(
            "INSERT INTO outbox (channel, recipient, body, state, reason, due_at, finished_at, error, address)"
            " VALUES ('webhook', 'Sam', 'text', 'dead', 'opened', now(), now(), 'it answers 404', 'https://secret.example')"
        )
    [dead] = administrator.get("/api/v1/outbox/dead").json()
    assert dead["error"] == "it answers 404" and "secret" not in str(dead)
    where = f"/api/v1/outbox/dead/{dead['number']}/retry"
    assert administrator.post(where).status_code == 204
    assert administrator.post(where).json()["type"] == "/problems/not_dead"
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert administrator.get("/api/v1/outbox/dead", params={"since": since}).json() == []
