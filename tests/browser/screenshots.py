"""Take the pictures that people look at before a release: `python -m tests.browser.screenshots FOLDER`.

Not a test: opens the clinic's morning, works it a little, and saves the main pages at desk and phone width, in both colours,
with the README's docs/worklist.png among them as readme.png.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from care import queries as care
from database.pool import open_pool
from tests.browser.clinic import open_clinic
from tests.browser.conftest import CHROMIUM, QUIET
from tests.browser.morning import leave_loose_ends, open_morning
from tests.browser.night import open_night
from tests.clusters import running_cluster
from tests.house import running_house

SIZES = ((1440, 900), (390, 844))
SCHEMES = ("light", "dark")


def take(folder: Path) -> None:
    """Save all pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        running_cluster("plain") as cluster,
        cluster.fresh_database() as url,
        open_pool(url) as pool,
        running_house(url, pool) as house,
        sync_playwright() as playwright,
    ):
        staff, password = house.add_staff("sam@clinic.example", "administrator")
        other, _ = house.add_staff("kim@clinic.example")
        now = datetime.now(UTC)
        with pool.connection() as conn:
            conn.execute("UPDATE staff SET zone = 'America/New_York', name = 'Sam Keller' WHERE id = %s", [staff.id])
            conn.execute("UPDATE staff SET name = 'Kim Lindqvist' WHERE id = %s", [other.id])
            clinic = open_clinic(conn, now, staff.id)
            open_morning(conn, clinic, now)
            leave_loose_ends(conn, clinic, now)
            care.save_preferences(conn, staff.id, zone="America/New_York", units="metric", glucose_unit="mg/dL")
            conn.execute(
                "UPDATE alert SET acknowledged_at = %s, acknowledged_by = %s WHERE rule = 'systolic_high'",
                [now - timedelta(minutes=20), other.id],
            )
            team = open_night(conn, staff.id, other.id, now)
            [[alert]] = conn.execute("SELECT public_id FROM alert WHERE emergency AND closed_at IS NULL LIMIT 1").fetchall()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        emergency = f"/patients/{clinic.patients['Tomás Herrera'][1]}"
        patient = f"/patients/{clinic.patients['Ruth Adeyemi'][1]}"
        pages = {"worklist": "/", "patient": patient, "patient-emergency": emergency, "whose": "/whose", "devices": "/devices"}
        pages |= {"rules": "/rules", "rule": "/rules/spo2_low", "scorecards": "/scorecards"}
        pages |= {
            "teams": "/teams",
            "team": f"/teams/{team}",
            "hand-over": "/hand-over",
            "reaching": f"/alerts/{alert}",
            "suppressed": "/suppressed",
            "cleared": "/cleared",
            "me": "/me",
        }
        state = None
        for width, height in SIZES:
            for scheme in SCHEMES:
                context = browser.new_context(
                    base_url=house.url,
                    viewport={"width": width, "height": height},
                    color_scheme=scheme,  # type: ignore[arg-type]
                    storage_state=state,
                )
                page = context.new_page()
                if state is None:
                    sign_in(page, staff.email, password)
                    state = context.storage_state()
                for name, address in pages.items():
                    page.goto(address)
                    page.wait_for_timeout(900)
                    if name == "worklist" and width > 1000:
                        page.keyboard.press("j")
                        page.wait_for_timeout(200)
                    page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=width < 1000)
                context.close()
        context = browser.new_context(base_url=house.url, viewport={"width": 1360, "height": 620}, storage_state=state)
        page = context.new_page()
        page.goto("/")
        page.wait_for_timeout(900)
        page.screenshot(path=folder / "readme.png")
        browser.close()


def sign_in(page: Page, email: str, password: str) -> None:
    """Sign in through the form."""
    page.goto("/login")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")


if __name__ == "__main__":
    take(Path(sys.argv[1] if len(sys.argv) > 1 else "var/screenshots"))
