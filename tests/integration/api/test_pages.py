"""The pages over HTTP: what they answer to whom, what a live screen is sent, and that refusals are said in words."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import httpx
import pytest

from tests.browser.clinic import Clinic, add_alert, open_clinic, readings
from tests.browser.morning import leave_loose_ends, open_morning
from tests.house import House


@pytest.fixture
def clinic(house: House) -> Clinic:
    staff, _ = house.add_staff("owner@clinic.example")
    now = datetime.now(UTC)
    with house.pool.connection() as conn:
        opened = open_clinic(conn, now, staff.id, days=3)
        open_morning(conn, opened, now)
        leave_loose_ends(conn, opened, now)
    return opened


@pytest.fixture
def window(coordinator: httpx.Client) -> httpx.Client:
    """Give a coordinator's browser as a browser speaks: it wants pages."""
    coordinator.headers["Accept"] = "text/html"
    return coordinator


def delta(client: httpx.Client, since: str = "", queue: str = "clinical") -> tuple[str, list[str], list[str]]:
    """Fetch what changed: (mark, names of the rows sent, patients in order)."""
    answer = client.get("/worklist/rows", params={"since": since, "queue": queue})
    assert answer.status_code == 200, answer.text
    mark, order = re.findall(r'data-mark="([^"]*)"', answer.text)[0], re.findall(r'data-order="([^"]*)"', answer.text)[0]
    return mark, re.findall(r'data-name="([^"]*)"', answer.text), order.split()


def change(house: House, statement: LiteralString, *parameters: Any) -> None:
    with house.pool.connection() as conn:
        conn.execute(statement, parameters)


def test_a_live_screen_is_sent_only_what_changed(house: House, clinic: Clinic, window: httpx.Client) -> None:
    mark, names, order = delta(window)
    assert len(names) == len(order) == 5
    same, names, order = delta(window, mark)
    assert (same, names, len(order)) == (mark, [], 5)
    with house.pool.connection() as conn:
        now = datetime.now(UTC)
        add_alert(
            conn,
            clinic,
            "Ana Lima",
            rule="systolic_high",
            now=now,
            subject="systolic_bp",
            response=timedelta(hours=30),
            operator=">=",
            limit=180,
            kind="threshold",
            readings=readings("systolic_bp", (now, 190.0)),
        )
    newer, names, order = delta(window, mark)
    assert names == ["Ana Lima"]
    assert order[-1] == clinic.patients["Ana Lima"][1]
    assert delta(window, newer)[1] == []
    assert len(delta(window, "another-process.7")[1]) == 6


def test_a_row_that_left_says_what_became_of_it(house: House, clinic: Clinic, window: httpx.Client) -> None:
    mark, _, _ = delta(window)
    change(house, "UPDATE alert SET closed_at = now() WHERE rule = 'weight_high'")
    answer = window.get("/worklist/rows", params={"since": mark})
    assert f"<dt>{clinic.patients['Ruth Adeyemi'][1]}</dt><dd>cleared by itself</dd>" in answer.text


def test_queues_and_marks_go_together(house: House, clinic: Clinic, window: httpx.Client) -> None:
    assert delta(window, queue="technical")[1] == ["Bartholomew Vandersteen-Okonkwo"]
    assert len(delta(window, queue="unowned")[1]) == 6
    assert delta(window, queue="mine")[1] == []
    assert delta(window, queue="' OR 1=1")[1][0] == "Tomás Herrera", "an unknown queue is the clinical one"


def test_acknowledges_what_the_row_showed_and_nothing_newer(house: House, clinic: Clinic, window: httpx.Client) -> None:
    page = window.get("/").text
    shown = re.findall(r'data-waiting="([^"]*)"[^>]*data-name="Grace Nakamura"', page)[0]
    with house.pool.connection() as conn:
        add_alert(
            conn,
            clinic,
            "Grace Nakamura",
            rule="diastolic_high",
            now=datetime.now(UTC),
            subject="diastolic_bp",
            kind="threshold",
            operator=">=",
            limit=120,
            readings=readings("diastolic_bp", (datetime.now(UTC), 122.0)),
        )
    assert window.post("/worklist/acknowledge", data={"alerts": shown}).status_code == 204
    with house.pool.connection() as conn:
        acknowledged = conn.execute("SELECT rule FROM alert WHERE acknowledged_at IS NOT NULL").fetchall()
    assert acknowledged == [("systolic_high",)]
    assert "1 of 2 seen" in window.get("/").text


def test_only_ones_own_acknowledgement_can_be_taken_back(house: House, clinic: Clinic, window: httpx.Client) -> None:
    with house.pool.connection() as conn:
        [[alert]] = conn.execute("SELECT public_id FROM alert WHERE rule = 'weight_high'").fetchall()
    window.post("/worklist/acknowledge", data={"alerts": alert})
    _, password = house.add_staff("kim@clinic.example")
    with house.browser("kim@clinic.example", password) as other:
        refused = other.post("/worklist/undo", data={"alerts": alert})
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not_yours")
    assert window.post("/worklist/undo", data={"alerts": alert}).status_code == 204


@pytest.mark.parametrize("path", ["/patients/nobody", "/alerts/none", "/devices/none", "/nowhere", "/patients/nobody/charts"])
def test_what_does_not_exist_is_said_on_a_page(window: httpx.Client, path: str) -> None:
    del window.headers["X-CSRF-Token"]
    answer = window.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "There is nothing here" in answer.text


def test_staff_pages_are_for_administrators(window: httpx.Client, administrator: httpx.Client) -> None:
    del window.headers["X-CSRF-Token"]
    refused = window.get("/staff")
    assert refused.status_code == 403
    assert "Only administrators may do this" in refused.text
    added = administrator.post(
        "/staff", data={"email": "kim@clinic.example", "name": "Kim L.", "role": "coordinator", "zone": "UTC"}
    )
    assert "Password for Kim L." in added.text
    assert "shown this once" in added.text
    assert "Password for" not in administrator.get("/staff").text


def test_a_form_of_another_page_is_refused(house: House, clinic: Clinic, window: httpx.Client) -> None:
    del window.headers["X-CSRF-Token"]
    refused = window.post("/worklist/acknowledge", data={"alerts": "x", "csrf": "made up"})
    assert refused.status_code == 403
    assert "too old; reload it" in refused.text
    csrf = re.findall(r'name="csrf" value="([^"]+)"', window.get("/").text)[0]
    alert = re.findall(r'data-waiting="([^" ]+)', window.get("/").text)[0]
    done = window.post("/worklist/acknowledge", data={"alerts": alert, "csrf": csrf, "back": "//evil.example"})
    assert (done.status_code, done.headers["location"]) == (303, "/")


def test_readings_of_nobody_are_given_to_somebody(house: House, clinic: Clinic, window: httpx.Client) -> None:
    page = window.get("/whose").text
    assert "scale-77" in page
    assert "had this device before" in page
    assert "3 measurements" in page
    _, ruth = clinic.patients["Ruth Adeyemi"]
    assert (
        window.post("/whose/claim", data={"device": "scale-77", "user_slot": "", "patient": ruth, "keep": "1"}).status_code
        == 204
    )
    assert "Every reading has an owner" in window.get("/whose").text
    assert "Ruth Adeyemi" in window.get("/devices/scale-77").text
    assert "81.2 kg" in window.get(f"/patients/{ruth}").text


def test_quarantine_is_listed_with_its_reason_and_tried_again(house: House, clinic: Clinic, window: httpx.Client) -> None:
    page = window.get("/quarantine").text
    assert "The vital is never measured in this unit." in page
    assert "3 times since" in page
    ids = re.findall(r'name="ids" value="([^"]+)"', page)[0]
    assert window.post("/quarantine/retry", data={"ids": ids}).status_code == 204


def test_reading_a_patients_page_is_audited(house: House, clinic: Clinic, window: httpx.Client) -> None:
    _, ruth = clinic.patients["Ruth Adeyemi"]
    assert window.get(f"/patients/{ruth}").status_code == 200
    with house.pool.connection() as conn:
        found = conn.execute("SELECT action FROM audit WHERE object = %s", [f"patient/{ruth}"]).fetchall()
    assert ("read_patient",) in found


def test_no_page_holds_inline_code_or_style(house: House, clinic: Clinic, window: httpx.Client) -> None:
    _, ruth = clinic.patients["Ruth Adeyemi"]
    for path in ("/", f"/patients/{ruth}", "/whose", "/quarantine", "/devices", "/me", "/patients", "/login"):
        page = window.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", page), path


def test_names_are_escaped(house: House, clinic: Clinic, window: httpx.Client) -> None:
    name = """<img src=x onerror=alert(1)>"&'"""
    change(house, "UPDATE patient SET name = %s, address = %s WHERE id = %s", name, name, clinic.patients["Tomás Herrera"][0])
    for path in ("/", "/worklist/rows", "/patients", f"/patients/{clinic.patients['Tomás Herrera'][1]}", "/devices"):
        page = window.get(path).text
        assert "<img" not in page, path
        assert "&lt;img" in page, path


def test_a_screen_that_nobody_touches_does_not_keep_its_session(house: House, clinic: Clinic, window: httpx.Client) -> None:
    change(house, "UPDATE staff_session SET seen_at = seen_at - interval '10 minutes'")
    old = seen(house)
    window.get("/worklist/rows", headers={"X-Background": "1"})
    assert seen(house) == old
    window.get("/worklist/rows")
    assert seen(house) > old


def seen(house: House) -> datetime:
    with house.pool.connection() as conn:
        row = conn.execute("SELECT max(seen_at) FROM staff_session").fetchone()
    assert row is not None
    found: datetime = row[0]
    return found
