"""Staff and tokens, as administrators manage them."""

import httpx

from tests.house import House

SAM = {"email": "sam@clinic.example", "name": "Sam K.", "zone": "America/Chicago"}


def test_a_new_member_of_staff_gets_a_password_once(house: House, administrator: httpx.Client) -> None:
    added = administrator.post("/api/v1/staff", json=SAM)
    assert added.status_code == 201
    account = added.json()
    assert account["staff"]["role"] == "coordinator" and "id" not in account["staff"]
    with house.browser("sam@clinic.example", account["password"]) as sam:
        assert sam.get("/api/v1/me").json() == account["staff"]
    assert account["password"] not in administrator.get("/api/v1/staff").text
    again = administrator.post("/api/v1/staff", json=SAM | {"email": "SAM@CLINIC.example"})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/email_taken")


def test_a_reset_gives_another_password_and_ends_sessions(house: House, administrator: httpx.Client) -> None:
    staff, password = house.add_staff()
    with house.browser("sam@clinic.example", password) as sam:
        account = administrator.post(f"/api/v1/staff/{staff.public_id}/reset").json()
        assert sam.get("/api/v1/me").status_code == 401
        assert sam.post("/login", data={"email": "sam@clinic.example", "password": password}).status_code == 401
    house.browser("sam@clinic.example", account["password"]).close()


def test_the_last_administrator_stays(house: House, administrator: httpx.Client) -> None:
    myself = administrator.get("/api/v1/me").json()["public_id"]
    refused = administrator.post(f"/api/v1/staff/{myself}/disable")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/last_administrator")
    other, _ = house.add_staff("second@clinic.example", "administrator")
    assert administrator.post(f"/api/v1/staff/{other.public_id}/disable").status_code == 200
    assert administrator.post(f"/api/v1/staff/{myself}/disable").status_code == 409


def test_tokens_act_for_somebody_until_revoked(house: House, administrator: httpx.Client) -> None:
    staff, _ = house.add_staff()
    made = administrator.post("/api/v1/tokens", json={"name": "night job", "scope": "api", "staff": staff.public_id}).json()
    with house.visitor(headers={"Authorization": f"Bearer {made['token']}"}) as programme:
        assert programme.get("/api/v1/me").json()["public_id"] == staff.public_id
        assert programme.patch("/api/v1/me", json={"units": "us"}).status_code == 200  # and needs no CSRF value
        assert programme.get("/api/v1/tokens").status_code == 403  # for it can do no more than they can
        [listed] = administrator.get("/api/v1/tokens").json()
        assert listed["staff"] == staff.public_id and made["token"] not in str(listed)
        assert administrator.post(f"/api/v1/tokens/{made['id']}/revoke").status_code == 204
        assert programme.get("/api/v1/me").status_code == 401
    assert administrator.post("/api/v1/tokens/999/revoke").status_code == 404


def test_every_change_of_staff_is_audited(house: House, administrator: httpx.Client) -> None:
    staff, _ = house.add_staff()
    for action in ("disable", "enable", "reset"):
        administrator.post(f"/api/v1/staff/{staff.public_id}/{action}")
    with house.pool.connection() as conn:
        rows = conn.execute(
            "SELECT a.action, s.email FROM audit a JOIN staff s ON s.id = a.staff_id WHERE object = %s ORDER BY a.id",
            [f"staff/{staff.public_id}"],
        ).fetchall()
    assert rows == [
        (f"{action}", "administrator@clinic.example") for action in ("disable_staff", "enable_staff", "reset_password")
    ]
