"""A patient's plan in a real browser: enrolled, limited, paused, asked; and patients added and edited."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from alerts.rules import RuleSet
from tests.browser.conftest import Desk


@pytest.fixture
def plan(desk: Desk) -> Page:
    """Open Ruth's plan, with rules whose limits may be ordered."""
    rules = desk.house.app.state.rules.rules
    desk.house.app.state.rules = RuleSet(
        tuple(replace(rule, override="order") if rule.name in ("spo2_low", "systolic_low") else rule for rule in rules)
    )
    page = desk.window()
    page.goto(f"/patients/{desk.clinic.patients['Ruth Adeyemi'][1]}/plan")
    return page


def be(desk: Desk, role: str) -> None:
    desk.change(lambda conn, _: conn.execute("UPDATE staff SET role = %s WHERE id = %s", [role, desk.staff_id]))


def in_days(count: int) -> str:
    return (datetime.now() + timedelta(days=count)).strftime("%Y-%m-%dT%H:%M")  # noqa: DTZ005 - as a person types it


def set_limit(page: Page, limit: str, until: str = "") -> None:
    row = page.locator("tr", has_text="Low oxygen saturation")
    row.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Limit").fill(limit)
    dialog.get_by_label("Until").fill(until)
    dialog.get_by_label("Why?").fill("agreed with her")
    dialog.get_by_role("button", name="Set").click()


def test_limits_are_refused_with_the_way_out_and_set_with_who_and_why(desk: Desk, plan: Page) -> None:
    set_limit(plan, "88", in_days(20))
    error = plan.locator("#own-limit .form-error")
    expect(error).to_contain_text("only a clinician may loosen a limit: ask one for an order with an end")
    plan.get_by_role("button", name="Leave it").click()
    be(desk, "clinician")
    plan.reload()
    set_limit(plan, "85", in_days(20))
    expect(error).to_contain_text("the emergency band begins at 85 %")
    plan.get_by_role("button", name="Leave it").click()
    set_limit(plan, "88", in_days(20))
    row = plan.locator("tr", has_text="Low oxygen saturation")
    expect(row).to_contain_text("< 88 %")
    expect(row).to_contain_text("looser, an order")
    expect(row).to_contain_text("Sam Keller: agreed with her")
    row.get_by_role("button", name="End").click()
    plan.get_by_role("dialog").get_by_label("Why?").fill("well again")
    plan.get_by_role("dialog").get_by_role("button", name="End it").click()
    expect(row).to_contain_text("the rule's")
    plan.get_by_text("Limits that are over").click()
    expect(plan.get_by_text("well again")).to_be_visible()


def test_a_limit_is_tried_on_past_readings_before_it_is_set(plan: Page) -> None:
    plan.locator("tr", has_text="Low oxygen saturation").get_by_role("button", name="Change").click()
    plan.locator("#own-limit input[name=limit]").fill("92")
    plan.get_by_role("button", name="Try it on past readings").click()
    expect(plan.locator("#limit-trial")).to_contain_text("with this limit:")
    plan.locator("#own-limit").get_by_role("button", name="Leave it").click()
    plan.locator("tr", has_text="Low oxygen saturation").get_by_role("button", name="Change").click()
    expect(plan.locator("#limit-trial")).to_be_empty()


def test_programmes_schedules_and_pauses_are_kept_with_who_and_why(plan: Page) -> None:
    plan.locator("summary", has_text="Enrol").click()
    plan.locator("select[name=programme]").select_option("hypertension")
    plan.locator("form[action$=enrol]").get_by_label("Why?").fill("180 at the practice")
    plan.get_by_role("button", name="Enrol").click()
    expect(plan.locator("section", has_text="Programmes").first).to_contain_text("180 at the practice")
    asked = plan.locator("section", has_text="Asked to measure").last
    expect(asked).to_contain_text("Blood pressure twice a day at 07:00, 19:00")
    expect(asked).to_contain_text("Week at home not enough")
    asked.get_by_text("Change the schedule").click()
    asked.locator("select[name=measure]").select_option("body_weight")
    asked.get_by_label("How often").select_option("2880")
    asked.get_by_label("Why?").fill("enough for her")
    asked.get_by_role("button", name="Agree").click()
    expect(asked).to_contain_text("Weight every other day")
    pauses = plan.locator("section", has_text="Pauses").last
    pauses.locator("summary").click()
    pauses.get_by_label("Until").fill(in_days(90))
    pauses.get_by_role("button", name="Pause").click()
    expect(pauses.locator(".form-error").last).to_contain_text("60 days at most")
    pauses.get_by_label("Until").fill(in_days(9))
    pauses.get_by_label("Note").fill("ward 4")
    pauses.get_by_role("button", name="Pause").click()
    expect(plan.get_by_text("Nothing is expected, and nobody is called silent")).to_be_visible()
    pauses.get_by_role("button", name="End now").click()
    expect(plan.get_by_text("Nothing is expected, and nobody is called silent")).to_have_count(0)
    expect(pauses).to_contain_text("ended by Sam Keller")


def test_answers_are_written_down_and_a_red_flag_reaches_the_worklist(desk: Desk, plan: Page) -> None:
    plan.get_by_text("Write down: Heart failure check").click()
    for question in plan.locator(".question").all():
        question.get_by_role("radio").first.check()
    plan.get_by_label("yes, now or today").check()
    plan.get_by_role("button", name="Write down").click()
    expect(plan.get_by_text("red flag: chest pain")).to_be_visible()
    plan.goto(f"/patients/{desk.clinic.patients['Ruth Adeyemi'][1]}")
    expect(plan.locator("article.alert").first).to_contain_text("Do you have pain or pressure in your chest?")


def test_patients_are_added_and_edited(desk: Desk) -> None:
    page = desk.window()
    page.goto("/patients")
    page.get_by_role("link", name="Add a patient").click()
    page.get_by_label("Name", exact=True).fill("Ines Dalmau")
    page.get_by_label("Record number").fill("40-1170")
    page.get_by_label("Born").fill("1950-02-03")
    page.locator("input[name=phone]").fill("+1 555 555 0199")
    page.get_by_label("Heart failure").check()
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".form-error")).to_have_text("another patient already has this record number")
    page.get_by_label("Record number").fill("99-0001")
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".identity h1")).to_have_text("Ines Dalmau")
    expect(page.locator("main")).to_contain_text("Weight every day at 07:00")
    page.get_by_role("link", name="edit").click()
    page.get_by_label("Address").fill("7 Mill Lane")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".about")).to_contain_text("7 Mill Lane")
    expect(page.locator(".about")).to_contain_text("heart failure")


def test_one_action_leaves_a_patient_in_peace(plan: Page) -> None:
    plan.get_by_text("Leave in peace").click()
    form = plan.locator("form[action$=status]")
    form.get_by_label("Status").select_option("deceased")
    form.get_by_label("Why?").fill("her son called")
    form.get_by_role("button", name="Set status").click()
    expect(plan.get_by_text("Nothing is asked of this patient, and nobody is texted or called")).to_be_visible()
    expect(plan.locator("section", has_text="Programmes").first).to_contain_text("In no programme")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_nothing_serious_stands_in_anybodys_way(desk: Desk, width: int, scheme: str) -> None:
    page = desk.window(width, 844, scheme)
    own = f"/patients/{desk.clinic.patients['Ruth Adeyemi'][1]}"
    for address in (f"{own}/plan", f"{own}/edit", "/patients/new"):
        page.goto(address)
        for summary in page.locator("details > summary").all():
            summary.click()
        serious = [each for each in Axe().run(page).response["violations"] if each["impact"] in ("serious", "critical")]
        assert not [(each["id"], [node["html"][:160] for node in each["nodes"][:3]]) for each in serious], address
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
