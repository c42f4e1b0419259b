"""Triage in a real browser: owned, silenced and taken back by keys; what is suppressed is listed; a storm stays readable."""

import re
import time
from datetime import datetime, timedelta
from typing import Any

from playwright.sync_api import expect
from psycopg import Connection

from tests.browser.clinic import add_alert, readings
from tests.browser.conftest import Desk
from tests.browser.test_worklist import ROW, names

QUIET = "Piotr Wandycz"


def open_quietable(desk: Desk) -> str:
    """Open a medium alert about low oxygen, which a person may silence."""

    def act(conn: Connection[Any], now: datetime) -> str:
        return add_alert(
            conn, desk.clinic, QUIET, rule="spo2_low_copd", now=now, ago=timedelta(minutes=1), subject="spo2",
            kind="threshold", title="Low oxygen saturation", operator="<", limit=88, unit="%",
            readings=readings("spo2", (now - timedelta(minutes=1), 86.0)),
        )  # fmt: skip

    return str(desk.change(act))


def test_owned_by_one_key_and_given_back_by_another(desk: Desk) -> None:
    page = desk.window()
    page.goto("/")
    page.keyboard.press("j")
    page.keyboard.press("o")
    row = page.locator(ROW).first
    expect(row.locator(".state b")).to_have_text("You")
    expect(row.locator(".state")).to_contain_text("not answered yet")
    expect(page.get_by_role("navigation", name="Queues")).to_contain_text("Mine 1")
    page.keyboard.press("u")
    expect(row.locator(".state b")).to_have_text("Unowned")


def test_silenced_from_the_row_visible_and_taken_back(desk: Desk) -> None:
    open_quietable(desk)
    page = desk.window()
    page.goto("/")
    page.locator(ROW, has_text=QUIET).click()
    page.keyboard.press("s")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Silence low SpO₂")
    dialog.get_by_label("8 h").check()
    dialog.get_by_label("Why?").fill("known, oxygen is on its way")
    dialog.get_by_role("button", name="Silence", exact=True).click()
    expect(page.locator(ROW, has_text=QUIET)).to_have_class("gone")
    expect(page.get_by_role("link", name="1 silenced")).to_be_visible()
    page.keyboard.press("u")
    expect(page.locator("#toast")).to_contain_text("The silence has ended")
    expect(page.get_by_role("link", name="1 silenced")).to_have_count(0)


def test_the_emergency_band_cannot_be_silenced(desk: Desk) -> None:
    page = desk.window()
    page.goto("/")
    page.keyboard.press("j")
    page.locator(ROW).first.evaluate("row => { row.dataset.quiet = ''; }")
    page.keyboard.press("s")
    expect(page.locator("#toast")).to_contain_text("never the emergency band")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_everything_about_one_alert_on_its_page(desk: Desk) -> None:
    name = open_quietable(desk)
    page = desk.window()
    page.goto(f"/alerts/{name}")
    page.get_by_label("Comment").fill("daughter is with him")
    page.get_by_role("button", name="Add comment").click()
    expect(page.get_by_text("Comment · daughter is with him")).to_be_visible()
    page.get_by_label("Give it to").select_option("Sam Keller")
    page.get_by_role("button", name="Give", exact=True).click()
    expect(page.locator("article.alert")).to_contain_text("given to you")
    page.get_by_role("button", name=re.compile("^Silence")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why?").fill("known")
    dialog.get_by_role("button", name="Silence", exact=True).click()
    expect(page.get_by_text("Low SpO₂ is silenced until")).to_be_visible()
    expect(page.get_by_role("table").nth(1)).to_contain_text("silenced by a person")
    page.goto("/suppressed?kind=silenced")
    expect(page.get_by_role("table").first).to_contain_text(QUIET)
    expect(page.get_by_role("table").first).to_contain_text("Sam Keller")
    page.get_by_role("button", name=f"End the silence of {QUIET}").click()
    expect(page.get_by_text("Nothing is suppressed now.")).to_be_visible()
    expect(page.get_by_text("the silence ended")).to_be_visible()


def test_what_cleared_by_itself_stays_in_the_days_list(desk: Desk) -> None:
    name = open_quietable(desk)
    desk.change(
        lambda conn, now: conn.execute(
            "UPDATE alert SET condition = 'resolved', resolved_at = %s, closed_at = %s WHERE public_id = %s", [now, now, name]
        )
    )
    page = desk.window()
    page.goto("/")
    page.get_by_role("link", name="1 cleared by itself today").click()
    expect(page.get_by_role("table")).to_contain_text(QUIET)
    expect(page.get_by_role("table")).to_contain_text("SpO₂ 86 %")


def test_a_storm_of_500_patients_stays_readable(desk: Desk) -> None:
    def storm(conn: Connection[Any], now: datetime) -> None:
        conn.execute(
            "INSERT INTO patient (record_number, name) SELECT 'S' || n, 'Patient ' || n FROM generate_series(1, 500) AS n"
        )
        for key, public_id, name in conn.execute("SELECT id, public_id, name FROM patient WHERE record_number LIKE 'S%'"):
            desk.clinic.patients[name] = (key, public_id)
            number = int(name.split()[1])
            add_alert(
                conn, desk.clinic, name, rule="spo2_low", now=now, ago=timedelta(seconds=number % 10), subject="spo2",
                kind="threshold", title="Low oxygen saturation", operator="<", limit=90, unit="%",
                response=timedelta(minutes=30 + number), readings=readings("spo2", (now, 86.0)),
            )  # fmt: skip

    page = desk.window()
    page.goto("/")
    desk.change(storm)
    began = time.monotonic()
    answer = page.goto("/")
    assert answer is not None
    taken, weight = time.monotonic() - began, len(answer.body())
    assert weight < 400_000, f"{weight} bytes"
    assert taken < 10, f"{taken:.1f} s"
    expect(page.locator(ROW)).to_have_count(100)
    expect(page.get_by_text(re.compile(r"50\d patients came up within minutes"))).to_be_visible()
    expect(page.get_by_text("500 × Low oxygen saturation")).to_be_visible()
    assert names(page)[0] == "Tomás Herrera", "the emergency band first, whatever the storm"
    shown = [int(name.split()[1]) for name in names(page) if name.startswith("Patient ")]
    assert shown == sorted(shown), "by the time left"
    page.get_by_role("link", name="show all").click()
    expect(page.locator(ROW)).to_have_count(505)
