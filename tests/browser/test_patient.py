"""The patient's page in a real browser: nobody is mixed up, charts are drawn, readings can be entered and marked wrong."""

from datetime import datetime, timedelta
from typing import Any

from playwright.sync_api import expect
from psycopg import Connection

from tests.browser.clinic import add_alert, add_reading, readings
from tests.browser.conftest import Desk


def address(desk: Desk, name: str) -> str:
    return f"/patients/{desk.clinic.patients[name][1]}"


def test_the_header_prevents_mix_ups(desk: Desk) -> None:
    page = desk.window()
    page.goto(address(desk, "Ruth Adeyemi"))
    expect(page.locator(".identity")).to_contain_text("born 4 Mar 1948")
    expect(page.locator(".identity")).to_contain_text("record 40-1172")
    about = page.locator(".about")
    for said in (
        "Another patient is called Ruth Adeyemi, born 23 Aug 1971",
        "English, phone call or text",
        "her time",
        "call 911",
        "14 Elm St",
    ):
        expect(about).to_contain_text(said)
    page.mouse.wheel(0, 2000)
    expect(page.locator(".identity h1")).to_be_in_viewport()


def test_charts_are_drawn_with_a_story_for_who_does_not_see_them(desk: Desk) -> None:
    page = desk.window()
    page.goto(address(desk, "Ruth Adeyemi"))
    expect(page.locator(".plot canvas")).to_have_count(4)
    weight = page.locator("[data-chart=body_weight]")
    assert "1 beyond a limit" in (weight.get_attribute("aria-label") or "")
    assert page.locator(".vital h3").first.inner_text() == "Weight", "what the alert is about leads"
    page.get_by_role("link", name="24 h").click()
    expect(page.locator(".plot canvas")).not_to_have_count(0)
    expect(page.get_by_role("link", name="24 h")).to_have_attribute("aria-current", "true")


def test_a_reading_is_entered_in_the_readers_unit_and_judged(desk: Desk) -> None:
    page = desk.window()
    page.goto(address(desk, "Leilani Kahale"))
    page.keyboard.press("n")
    page.get_by_label("Weight", exact=True).fill("four")
    page.get_by_role("button", name="Enter", exact=True).click()
    expect(page.locator("#entry .form-error")).to_have_text("body weight is not a number")
    page.get_by_label("Weight", exact=True).fill("158,5")
    page.get_by_label("Unit of weight").select_option("[lb_av]")
    page.get_by_role("button", name="Enter", exact=True).click()
    row = page.locator("#rows tr").first
    expect(row).to_contain_text("71.9 kg")
    expect(row).to_contain_text("entered by staff")


def test_a_wrong_reading_is_struck_through_and_can_count_again(desk: Desk) -> None:
    page = desk.window()
    page.goto(address(desk, "Ana Lima"))
    row = page.locator("#rows tr").first
    row.get_by_role("button", name="Mark a reading").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Blood pressure").check()
    dialog.get_by_label("Why is it wrong?").fill("cuff was loose")
    dialog.get_by_role("button", name="Mark wrong").click()
    expect(row.locator("s")).to_contain_text("Blood pressure")
    expect(row).to_contain_text("marked wrong by Sam Keller: cuff was loose")
    assert desk.change(lambda conn, _: conn.execute("SELECT count(*) FROM correction WHERE undone_at IS NULL").fetchone()) == (
        2,
    )
    row.get_by_role("button", name="undo").click()
    expect(row.locator("s")).to_have_count(0)


def test_units_are_the_viewers_own(desk: Desk) -> None:
    page = desk.window()
    page.goto("/me")
    page.get_by_label("Weight and temperature").select_option("us")
    page.get_by_label("Glucose").select_option("mmol/L")
    with page.expect_event("load"):
        page.get_by_role("button", name="Keep").click()
    page.goto(address(desk, "Ruth Adeyemi"))
    expect(page.locator(".vital .num").first).to_have_text("183.2 lb")
    expect(page.locator("article.alert")).to_contain_text("limit > 183.0")
    page.goto(address(desk, "Imogen Achterberg"))
    expect(page.locator(".vital .num").first).to_have_text("6.5 mmol/L")


def test_an_alert_explains_itself_and_is_resolved_from_the_page(desk: Desk) -> None:
    page = desk.window()
    page.goto(address(desk, "Grace Nakamura"))
    page.get_by_role("link", name="Why this alert?").click()
    expect(page.locator("main")).to_contain_text("Systolic pressure 182 mmHg is at or above 180 mmHg")
    expect(page.locator("main")).to_contain_text("2 readings in a row")
    page.go_back()
    page.keyboard.press("r")
    page.get_by_role("dialog").get_by_label("True, acted on").check()
    page.get_by_role("dialog").get_by_role("button", name="Resolve").click()
    expect(page.locator("article.alert")).to_have_count(0)
    expect(page.locator("ol.line")).to_contain_text("true, acted on")


def test_older_readings_follow(desk: Desk) -> None:
    page = desk.window()
    page.goto(address(desk, "Ruth Adeyemi"))
    expect(page.locator("#rows tr")).to_have_count(15)
    page.get_by_role("link", name="Older readings").click()
    expect(page.locator("#rows tr")).to_have_count(29)


def test_search_finds_by_part_of_a_name_and_leaves_it_out_of_the_address(desk: Desk) -> None:
    page = desk.window()
    page.goto("/")
    page.keyboard.press("/")
    page.get_by_label("Find by name").fill("adey")
    expect(page.locator(".people li")).to_have_count(2)
    assert "adey" not in page.url
    page.get_by_role("link", name="Ruth Adeyemi").last.click()
    expect(page.locator(".identity")).to_contain_text("record 40-1175")


def test_new_values_arrive_on_an_open_page(desk: Desk) -> None:
    page = desk.window()
    page.goto(address(desk, "Piotr Wandycz"))
    expect(page.locator("article.alert")).to_have_count(0)
    key, hub = desk.clinic.patients["Piotr Wandycz"][0], desk.clinic.devices["Piotr Wandycz"][0]

    def act(conn: Connection[Any], now: datetime) -> None:
        add_reading(conn, hub, key, now - timedelta(seconds=3), spo2=82)
        add_alert(
            conn,
            desk.clinic,
            "Piotr Wandycz",
            rule="spo2_emergency",
            now=now,
            ago=timedelta(0),
            subject="spo2",
            severity="high",
            emergency=True,
            kind="threshold",
            operator="<=",
            limit=85,
            unit="%",
            readings=readings("spo2", (now - timedelta(seconds=3), 82.0)),
        )

    desk.change(act)
    page.get_by_role("button", name="The alerts of this patient changed").click()
    expect(page.locator("article.alert")).to_have_count(1)
