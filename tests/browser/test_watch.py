"""What is wrong with the house stands on every page, in words, and goes when it is over."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect
from psycopg import Connection

from tests.browser.clinic import keep_path_up
from tests.browser.conftest import Desk

pytestmark = pytest.mark.usefixtures("desk")


def stop_work(conn: Connection[Any], now: datetime) -> None:
    conn.execute("UPDATE heartbeat SET at = %s WHERE process = 'work'", [now - timedelta(minutes=3)])
    # everything else stays heard of for as long as the test may wait
    conn.execute("UPDATE heartbeat SET at = %s WHERE process <> 'work'", [now + timedelta(minutes=5)])
    conn.execute("UPDATE path_up SET seen_at = %s", [now + timedelta(minutes=5)])


def open_unrouted(conn: Connection[Any], now: datetime) -> None:
    conn.execute(
        "UPDATE outbox SET alert_id = NULL"
        " WHERE alert_id = (SELECT min(id) FROM alert WHERE closed_at IS NULL AND opened_at < %s)",
        [now - timedelta(minutes=2)],
    )


def test_i12_every_page_says_that_nobody_is_paged(desk: Desk) -> None:
    desk.change(stop_work)
    page = desk.window()
    page.goto("/")
    # nobody is missed in the first half minute of a database, and this one may be that young
    expect(page.locator("#house-says").get_by_role("alert")).to_contain_text("Nobody is being paged", timeout=60_000)
    ruth = desk.clinic.patients["Ruth Adeyemi"][1]
    for address in ("/", f"/patients/{ruth}", "/patients", "/whose", "/quarantine", "/devices", "/staff", "/me", "/house"):
        page.goto(address)
        said = page.locator("#house-says").get_by_role("alert")
        expect(said).to_contain_text("Nobody is being paged")
        expect(said).to_contain_text("still show on this screen")


def test_i12_an_open_page_learns_of_it_by_itself_and_that_it_is_over(desk: Desk) -> None:
    page = desk.window()
    page.goto("/patients")
    expect(page.locator("#house-says")).to_be_empty()
    desk.change(stop_work)
    expect(page.locator("#house-says").get_by_role("alert")).to_contain_text("Nobody is being paged", timeout=60_000)
    desk.change(keep_path_up)
    expect(page.locator("#house-says")).to_be_empty(timeout=30_000)


def test_any_page_that_lost_the_server_says_so_and_takes_it_back(desk: Desk) -> None:
    page = desk.window()
    page.clock.install()
    page.goto("/patients")
    expect(page.locator("#lost")).to_be_hidden()
    page.context.set_offline(True)
    page.clock.run_for(60_000)
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("#lost")).to_contain_text("Nothing was heard since")
    page.context.set_offline(False)
    page.clock.run_for(20_000)
    expect(page.locator("#lost")).to_be_hidden()
    desk.complaints.clear()  # the browser itself logs that it is offline


def test_an_alert_that_nobody_was_sent_is_listed(desk: Desk) -> None:
    desk.change(open_unrouted)
    page = desk.window()
    page.goto("/house")
    expect(page.locator("#house-says").get_by_role("alert")).to_contain_text("1 alert that nobody was sent")
    expect(page.get_by_role("heading", name="Alerts that nobody was sent")).to_be_visible()
    page.locator("section", has_text="Alerts that nobody was sent").get_by_role("link").first.click()
    expect(page).to_have_url(re.compile("/alerts/"))
