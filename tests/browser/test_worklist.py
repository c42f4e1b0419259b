"""The worklist in a real browser: signed in, worked by keys, live without moving what somebody looks at."""

from datetime import datetime, timedelta
from typing import Any

from playwright.sync_api import Page, expect
from psycopg import Connection

from tests.browser.clinic import add_alert, add_reading, keep_path_up, readings
from tests.browser.conftest import Desk

ROW = "#list > li"


def names(page: Page) -> list[str]:
    return page.locator(f"{ROW} .who a").all_inner_texts()


def open_another(desk: Desk, name: str = "Piotr Wandycz", emergency: bool = False) -> str:
    """Let another patient need somebody, now."""
    key, hub = desk.clinic.patients[name][0], desk.clinic.devices[name][0]

    def act(conn: Connection[Any], now: datetime) -> str:
        add_reading(conn, hub, key, now - timedelta(seconds=3), spo2=82)
        return add_alert(
            conn,
            desk.clinic,
            name,
            rule="spo2_emergency" if emergency else "spo2_low_copd",
            now=now,
            ago=timedelta(0),
            subject="spo2",
            severity="high" if emergency else "medium",
            emergency=emergency,
            response=timedelta(minutes=5),
            kind="threshold",
            operator="<=",
            limit=85,
            unit="%",
            readings=readings("spo2", (now - timedelta(seconds=3), 82.0)),
        )

    return str(desk.change(act))


def test_signing_in_leads_to_the_worklist(desk: Desk) -> None:
    page = desk.browser.new_page(base_url=desk.house.url)
    page.goto("/")
    expect(page).to_have_url(f"{desk.house.url}/login?next=/")
    page.get_by_label("E-mail").fill(desk.email)
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not go together")
    page.get_by_label("E-mail").fill(desk.email)
    page.get_by_label("Password").fill(desk.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("5 of 10 need you")
    expect(page).to_have_title("5 need you · Wardlight")
    page.context.close()


def test_the_emergency_band_stands_first_and_rows_say_why(desk: Desk) -> None:
    page = desk.window()
    page.goto("/")
    assert names(page) == ["Tomás Herrera", "Grace Nakamura", "Walter Osei", "Imogen Achterberg", "Ruth Adeyemi"]
    first = page.locator(ROW).first
    expect(first).to_contain_text("Emergency")
    expect(first).to_contain_text("SpO₂ 85 % for 2 min")
    expect(first).to_contain_text("emergency band ≤ 85")
    expect(first).to_contain_text("his time")
    assert "newest 85" in (first.locator("svg.spark").get_attribute("aria-label") or "")
    expect(page.locator(ROW).nth(2)).to_contain_text("Gateway silent for 13 h")


def test_ages_tick(desk: Desk) -> None:
    page = desk.window()
    page.goto("/")
    age = page.locator(f"{ROW} .why time[data-say=ago]").first
    before = age.inner_text()
    page.wait_for_function(
        "([before]) => document.querySelector('#list .why time[data-say=ago]').textContent !== before",
        arg=[before],
        timeout=3000,
    )


def test_acknowledged_by_one_key_and_taken_back_by_another(desk: Desk) -> None:
    page = desk.window()
    page.goto("/")
    page.keyboard.press("j")
    expect(page.locator(ROW).first).to_be_focused()
    page.keyboard.press("e")
    expect(page.locator(ROW).first.locator(".state b")).to_have_text("You")
    expect(page.locator("#toast")).to_contain_text("Acknowledged Tomás Herrera")
    expect(page.get_by_role("navigation", name="Queues")).to_contain_text("Mine 1")
    acknowledged = "SELECT count(*) FROM alert WHERE acknowledged_by IS NOT NULL"
    assert desk.change(lambda conn, _: conn.execute(acknowledged).fetchone()) == (2,), "both alerts that the row showed"
    page.keyboard.press("u")
    expect(page.locator(ROW).first.locator(".state b")).to_have_text("Unowned")
    assert desk.change(lambda conn, _: conn.execute(acknowledged).fetchone()) == (0,)


def test_resolved_with_what_it_came_to_and_greyed_where_it_stood(desk: Desk) -> None:
    page = desk.window()
    page.goto("/")
    for key in ("j", "j", "r"):
        page.keyboard.press(key)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Grace Nakamura")
    dialog.get_by_label("True, acted on").check()
    dialog.get_by_label("Note").fill("doubles the evening tablet")
    dialog.get_by_role("button", name="Resolve").click()
    row = page.locator(ROW).nth(1)
    expect(row).to_have_class("gone")
    expect(row).to_contain_text("resolved by Sam Keller")
    expect(page.get_by_role("heading", level=1)).to_have_text("4 of 10 need you")
    page.keyboard.press(".")
    expect(page.locator(ROW)).to_have_count(4)
    assert "Grace Nakamura" not in names(page)


def test_a_new_row_waits_while_somebody_looks_at_another(desk: Desk) -> None:
    page = desk.window()
    page.goto("/")
    for key in ("j", "j", "j"):
        page.keyboard.press(key)
    held = page.locator(f"{ROW}[aria-current=true]")
    expect(held).to_contain_text("Walter Osei")
    before, order = held.bounding_box(), names(page)
    open_another(desk, emergency=True)
    expect(page.locator("#show")).to_contain_text("1 new emergency")
    expect(page.get_by_role("heading", level=1)).to_have_text("6 of 10 need you")
    expect(page.locator("#alarm")).to_have_text("Emergency: Piotr Wandycz")
    assert names(page) == order
    assert held.bounding_box() == before
    page.keyboard.press(".")
    assert "Piotr Wandycz" in names(page)[:2], "in the emergency band, by the time left"
    expect(held).to_contain_text("Walter Osei")
    expect(held).to_be_focused()


def test_a_new_row_appears_by_itself_when_nobody_is_looking(desk: Desk) -> None:
    page = desk.window()
    page.goto("/")
    expect(page.locator("#line-state")).to_have_text("Live")
    page.evaluate("fetch('/api/v1/me')")  # the stream is open once the page is
    open_another(desk)
    expect(page.get_by_text("Piotr Wandycz")).to_be_visible(timeout=3000)
    assert names(page)[0] == "Tomás Herrera"


def test_a_row_changes_where_it_stands(desk: Desk) -> None:
    mine, theirs = desk.window(), desk.window()
    for page in (mine, theirs):
        page.goto("/")
    mine.keyboard.press("j")
    theirs.get_by_role("button", name="Acknowledge Ruth Adeyemi").click()
    expect(mine.locator(ROW).last.locator(".state b")).to_have_text("You")
    expect(mine.locator(ROW).first).to_be_focused()


def test_never_calm_when_our_own_path_is_down(desk: Desk) -> None:
    def stop(conn: Connection[Any], now: datetime) -> None:
        conn.execute("UPDATE alert SET closed_at = %s", [now])
        conn.execute("UPDATE path_up SET seen_at = %s", [now - timedelta(minutes=3)])
        conn.execute("UPDATE heartbeat SET at = %s", [now - timedelta(minutes=3)])

    desk.change(stop)
    page = desk.window()
    page.goto("/")
    expect(page.get_by_role("alert").first).to_contain_text("the process that takes them in has stopped")
    expect(page.locator("#empty")).to_contain_text("We cannot tell who needs you")
    expect(page.locator("#pulse")).to_have_class("pulse down")
    expect(page.get_by_role("heading", level=1)).to_have_text("No alerts are known")
    desk.change(keep_path_up)
    expect(page.locator("#empty")).to_contain_text("Nobody needs you", timeout=25_000)
    expect(page.locator("#house-says")).to_be_empty()
    expect(page.locator("#empty")).to_contain_text("10 patients looked after")


def test_works_without_scripts(desk: Desk) -> None:
    page = desk.window(java_script_enabled=False)
    page.goto("/")
    page.get_by_role("button", name="Acknowledge Tomás Herrera").click()
    expect(page.locator(ROW).first.locator(".state b")).to_have_text("You")
    page.get_by_role("link", name="Resolve Tomás Herrera").click()
    page.get_by_label("Already known").check()
    page.get_by_role("button", name="Resolve").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tomás Herrera")


def test_a_screen_that_lost_its_connection_says_so(desk: Desk) -> None:
    page = desk.window()
    page.clock.install()
    page.goto("/")
    expect(page.locator("#lost")).to_be_hidden()
    page.context.set_offline(True)
    page.clock.run_for(90_000)
    expect(page.locator("#lost")).to_be_visible()
    page.context.set_offline(False)
    page.clock.run_for(16_000)
    expect(page.locator("#lost")).to_be_hidden()
    desk.complaints.clear()
