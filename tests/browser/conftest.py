"""A real Chromium before the real application over a clinic of its own."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from psycopg import Connection

from database.pool import open_pool
from tests.browser.clinic import Clinic, open_clinic
from tests.browser.morning import open_morning
from tests.conftest import lacking
from tests.house import House, running_house

CHROMIUM = (
    os.environ.get("WARDLIGHT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--metrics-recording-only",
    "--mute-audio",
]
ZONE = "America/New_York"


def _is_complaint(message: ConsoleMessage) -> bool:
    # a refusal that a test provokes is logged by the browser itself
    return message.type == "error" and not any(f"status of {status}" in message.text for status in (409, 422))


@dataclass
class Desk:
    """A coordinator at work: the house, the clinic, and browser windows that are signed in."""

    house: House
    clinic: Clinic
    browser: Browser
    email: str
    password: str
    staff_id: int
    cookies: list[Any]
    _open: list[BrowserContext] = field(default_factory=list)

    def window(self, width: int = 1440, height: int = 900, scheme: str = "light", **options: Any) -> Page:
        """Open a window that is signed in; whatever its console complains about fails the test."""
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            base_url=self.house.url,
            **options,  # type: ignore[arg-type]
        )
        context.add_cookies(self.cookies)
        self._open.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text) if _is_complaint(message) else None)
        return page

    complaints: list[str] = field(default_factory=list)

    def change(self, act: Callable[[Connection[Any], datetime], Any]) -> Any:
        """Change something in the database, in a transaction of its own."""
        with self.house.pool.connection() as conn:
            return act(conn, datetime.now(UTC))

    def close(self) -> None:
        """Close all windows."""
        for context in self._open:
            context.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start one Chromium for a module; it must be gone before other tests, since its loop runs in their thread."""
    if not Path(CHROMIUM).exists():
        lacking("no Chromium: install chromium, or set WARDLIGHT_CHROMIUM")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield opened
        opened.close()


@pytest.fixture
def desk(plain_database_url: str, browser: Browser) -> Iterator[Desk]:
    """Give a coordinator's desk on a morning with something to do; the edition of the database cannot matter here."""
    with open_pool(plain_database_url) as pool, running_house(plain_database_url, pool) as house:
        staff, password = house.add_staff("sam@clinic.example", "administrator")
        with pool.connection() as conn:
            conn.execute("UPDATE staff SET zone = %s, name = 'Sam Keller' WHERE id = %s", [ZONE, staff.id])
            now = datetime.now(UTC)
            clinic = open_clinic(conn, now, staff.id)
            open_morning(conn, clinic, now)
        with house.visitor() as client:
            client.post("/login", data={"email": staff.email, "password": password})
            cookies = [{"name": "wardlight", "value": client.cookies["wardlight"], "url": house.url}]
        at_work = Desk(house, clinic, browser, staff.email, password, staff.id, cookies)
        try:
            yield at_work
        finally:
            at_work.close()
        assert not at_work.complaints
