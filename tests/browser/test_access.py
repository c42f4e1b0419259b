"""Every page at every width, in both colours, by keyboard and screen reader."""

from datetime import datetime
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from psycopg import Connection

from tests.browser.conftest import Desk
from tests.browser.morning import leave_loose_ends
from tests.browser.night import open_night

PAGES = (
    "/",
    "/?queue=technical",
    "/patients",
    "PATIENT",
    "ALERT",
    "/whose",
    "/quarantine",
    "/devices",
    "/devices/scale-77",
    "/teams",
    "TEAM",
    "/hand-over",
    "/staff",
    "/me",
    "/login",
)


def gather_team(conn: Connection[Any], now: datetime) -> str:
    """Put a team around the clinic: everybody who may sign in, one of them added."""
    first = conn.execute("SELECT min(id) FROM staff").fetchone()
    kim = conn.execute(
        "INSERT INTO staff (email, name, role) VALUES ('night@clinic.example', 'Kim Lindqvist', 'coordinator') RETURNING id"
    ).fetchone()
    assert first is not None and kim is not None
    conn.execute("UPDATE alert SET acknowledged_at = %s, acknowledged_by = %s WHERE rule = 'systolic_high'", [now, kim[0]])
    return open_night(conn, first[0], kim[0], now)


def addresses(desk: Desk) -> list[str]:
    desk.change(lambda conn, now: leave_loose_ends(conn, desk.clinic, now))
    alert = desk.change(lambda conn, _: conn.execute("SELECT public_id FROM alert WHERE emergency").fetchone())[0]
    team = desk.change(gather_team)
    own = {
        "TEAM": f"/teams/{team}",
        "PATIENT": f"/patients/{desk.clinic.patients['Ruth Adeyemi'][1]}",
        "ALERT": f"/alerts/{alert}",
    }
    return [own.get(page, page) for page in PAGES]


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_nothing_serious_stands_in_anybodys_way(desk: Desk, width: int, scheme: str) -> None:
    page = desk.window(width, 844, scheme)
    found = {}
    for address in addresses(desk):
        page.goto(address)
        if address.startswith("/patients/"):
            expect(page.locator(".plot canvas")).not_to_have_count(0)
        result = Axe().run(page)
        serious = [each for each in result.response["violations"] if each["impact"] in ("serious", "critical")]
        if serious:
            found[address] = [(each["id"], [node["html"][:160] for node in each["nodes"][:3]]) for each in serious]
        fits = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if not fits:
            found.setdefault(address, []).append(("scrolls sideways", []))
    assert not found


def test_dark_is_dark(desk: Desk) -> None:
    page = desk.window(scheme="dark")
    page.goto("/")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 27)"


def test_dialogs_are_accessible_and_keys_can_be_switched_off(desk: Desk) -> None:
    page = desk.window()
    page.goto("/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    serious = [each["id"] for each in Axe().run(page).response["violations"] if each["impact"] in ("serious", "critical")]
    assert not serious
    page.get_by_label("Single keys act on this device").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator("#list > li[aria-current]")).to_have_count(0)
