"""The rule pages in a real browser: a change is tried before it can go live, and who may not change one is not asked to."""

from datetime import datetime, timedelta
from typing import Any

from playwright.sync_api import expect
from psycopg import Connection

from tests.browser.clinic import add_reading
from tests.browser.conftest import Desk


def promote(desk: Desk, role: str) -> None:
    desk.change(lambda conn, _: conn.execute("UPDATE staff SET role = %s WHERE id = %s", [role, desk.staff_id]))


def fall(desk: Desk) -> None:
    """Let two patients' saturation fall, to 89 and to 87."""

    def send(conn: Connection[Any], now: datetime) -> None:
        for name, value in (("Ruth Adeyemi", 89), ("Ruth Adeyemi", 87)):
            patient, _ = desk.clinic.patients[name]
            device = conn.execute("SELECT device_id FROM assignment WHERE patient_id = %s", [patient]).fetchone()
            assert device is not None
            at = now - timedelta(days=value - 85, hours=5)
            add_reading(conn, device[0], patient, at, spo2=value)
            add_reading(conn, device[0], patient, at + timedelta(hours=1), spo2=97)

    desk.change(send)


def test_a_change_is_tried_and_put_in_force_and_taken_back(desk: Desk) -> None:
    promote(desk, "clinician")
    fall(desk)
    page = desk.window()
    page.goto("/rules")
    page.get_by_role("link", name="Low oxygen saturation", exact=True).last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Low oxygen saturation")
    if page.get_by_role("textbox", name="Limit in %").input_value() != "90":
        page.goto("/rules/spo2_low")
    expect(page.get_by_role("button", name="Put in force")).to_have_count(0)
    page.get_by_role("textbox", name="Limit in %").fill("88")
    page.get_by_label("Where the numbers come from").fill("our oximetry pathway")
    page.get_by_role("button", name="Try it on the past").click()
    trial = page.locator("#trial")
    expect(trial).to_contain_text("limit: 88.0")
    expect(trial).to_contain_text("speaks later or more quietly")
    expect(page.locator("#episodes")).to_contain_text("1 lost")
    expect(page.locator("#episodes tbody tr").first).to_contain_text("Ruth Adeyemi")
    page.get_by_label("Why").fill("fewer calls at night")
    page.get_by_role("button", name="Put in force for everybody").click()
    expect(page.locator(".edit")).to_contain_text("fewer calls at night")
    expect(page.locator(".page-head")).to_contain_text("below 88 %")
    page.get_by_label("Take it back").fill("missed somebody")
    page.get_by_role("button", name="Take back").click()
    expect(page.locator(".page-head")).to_contain_text("below 90 %")
    expect(page.locator(".edit")).to_contain_text("Ended")


def test_a_number_that_cannot_be_meant_is_refused_beside_the_form(desk: Desk) -> None:
    promote(desk, "clinician")
    page = desk.window()
    page.goto("/rules/spo2_low")
    page.get_by_role("textbox", name="Limit in %").fill("120")
    page.get_by_label("Where the numbers come from").fill("a slip")
    page.get_by_role("button", name="Try it on the past").click()
    expect(page.get_by_role("alert").filter(has_text="plausible range")).to_be_visible()
    expect(page.get_by_role("textbox", name="Limit in %")).to_have_value("120")
    desk.complaints.clear()


def test_a_coordinator_may_try_and_not_put_in_force(desk: Desk) -> None:
    promote(desk, "coordinator")
    fall(desk)
    page = desk.window()
    page.goto("/rules/spo2_low")
    page.get_by_role("textbox", name="Limit in %").fill("88")
    page.get_by_label("Where the numbers come from").fill("asking")
    page.get_by_role("button", name="Try it on the past").click()
    expect(page.locator("#trial")).to_contain_text("Clinicians and administrators can put it in force")
    page.goto("/rules/spo2_emergency")
    expect(page.locator("main")).to_contain_text("emergency band, which is changed in the rule files alone")
