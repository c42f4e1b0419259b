"""Who is paged, passed over, held or told, without a database or a clock."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from alerts.escalation.contact import Attempt, WelfareCheck, next_contact
from alerts.escalation.coverage import cover, preflight
from alerts.escalation.crews import shipped_ladder
from alerts.escalation.pages import GATHER, LastPage, place
from alerts.escalation.plan import Crew, Standing, foretell, on_duty, take
from care.team import HOURS, Reach, Schedule, Window

#: a Monday, 10:00 UTC
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
NIGHT = NOW + timedelta(hours=12)
CORA, FINN, LEA = 1, 2, 3
HOOK = (("webhook", "https://x.example"),)


def person(key: int, name: str, *, able: bool = True, reached: bool = True) -> Reach:
    return Reach(key, f"p{key}", name, able, HOOK if reached else ())


def crew(*windows: Window, **changes: object) -> Crew:
    people = {CORA: person(CORA, "Cora"), FINN: person(FINN, "Finn"), LEA: person(LEA, "Lea")}
    made = Crew("team North", Schedule(ZoneInfo("UTC"), windows), shipped_ladder(), LEA, (CORA, FINN, LEA), people)
    return replace(made, **changes)  # type: ignore[arg-type]


def always(layer: int, who: int) -> tuple[Window, ...]:
    return tuple(Window(day + 1, "w", layer, who, day, time(0), time(0), date(2026, 1, 1)) for day in range(7))


HOURS_OPEN = tuple(Window(50 + day, "h", HOURS, None, day, time(8), time(17), date(2026, 1, 1)) for day in range(5))


def test_each_person_is_paged_once_a_step_however_often_it_names_them() -> None:
    taken = take(crew(*always(1, CORA)), "emergency", CORA, Standing(), "opened", NOW)
    assert [called.staff_id for called in taken.called] == [CORA]
    assert taken.standing == Standing(1) and taken.due_at == NOW + timedelta(minutes=3)


def test_a_step_without_anybody_is_passed_over_and_says_why() -> None:
    people = {CORA: person(CORA, "Cora", able=False), LEA: person(LEA, "Lea")}
    taken = take(crew(people=people, members=(CORA, LEA)), "high", CORA, Standing(), "opened", NOW)
    assert [called.staff_id for called in taken.called] == [LEA] and taken.standing.step == 3
    assert any("may no longer sign in" in passed.reason for passed in taken.passed)
    assert any("nobody is on call" in passed.reason for passed in taken.passed)


def test_i11_behind_the_last_step_everybody_is_paged_again_and_again() -> None:
    standing, at = Standing(99), NOW
    for round_number in (1, 2, 3):
        taken = take(crew(*always(1, FINN)), "high", CORA, standing, "opened", at)
        assert taken.is_exhausted and {called.staff_id for called in taken.called} == {CORA, FINN, LEA}
        assert taken.standing.rounds == round_number
        standing, at = taken.standing, taken.due_at


def test_a_medium_alert_waits_for_the_morning_and_a_high_one_wakes() -> None:
    closed = crew(*HOURS_OPEN)
    held = take(closed, "medium", CORA, Standing(), "opened", NIGHT)
    assert held.is_held and held.called == () and held.due_at == datetime(2026, 11, 24, 8, tzinfo=UTC)
    woken = take(closed, "high", CORA, Standing(), "opened", NIGHT)
    assert [called.staff_id for called in woken.called] == [LEA] and woken.unstaffed is not None
    assert not take(closed, "medium", CORA, Standing(), "opened", NOW).is_held
    on_call = take(crew(*HOURS_OPEN, *always(1, FINN)), "medium", CORA, Standing(), "opened", NIGHT)
    assert not on_call.is_held and [called.staff_id for called in on_call.called] == [FINN]


def test_a_coordinator_who_is_on_call_is_paged_outside_the_hours_too() -> None:
    taken = take(crew(*HOURS_OPEN, *always(1, CORA)), "high", CORA, Standing(), "opened", NIGHT)
    assert [called.staff_id for called in taken.called] == [CORA] and taken.standing.step == 1


def test_what_is_foretold_ends_where_everybody_is_paged() -> None:
    told = list(foretell(crew(*always(1, FINN)), "high", CORA, Standing(), NOW))
    assert told[-1].is_exhausted and not any(one.is_exhausted for one in told[:-1])
    assert [one.called[0].staff_id for one in told[:2]] == [CORA, CORA]


@pytest.mark.parametrize("at", [NOW, NIGHT])
@pytest.mark.parametrize("coordinator", [CORA, None, 99])
@pytest.mark.parametrize("owner", [FINN, None])
@pytest.mark.parametrize("windows", [(), HOURS_OPEN, always(1, FINN), (*HOURS_OPEN, *always(1, 99))])
def test_i11_every_alert_has_an_owner_or_a_named_time_without_one(
    at: datetime, coordinator: int | None, owner: int | None, windows: tuple[Window, ...]
) -> None:
    found = cover(crew(*windows), owner, coordinator, at)
    assert (found.owner is None) == bool(found.unstaffed)
    if found.owner is None:
        assert not on_duty(crew(*windows), coordinator, at)


def test_an_owner_without_a_channel_is_no_owner_who_can_be_reached() -> None:
    silent = crew(
        *always(1, FINN), people={CORA: person(CORA, "Cora"), FINN: person(FINN, "Finn", reached=False)}, members=(CORA,)
    )
    found = cover(silent, FINN, None, NOW)
    assert found.owner is None and found.unstaffed == "on duty without a working channel: Finn"


def test_the_preflight_finds_what_is_lacking() -> None:
    silent = crew(
        *always(1, FINN),
        people={CORA: person(CORA, "Cora"), FINN: person(FINN, "Finn", reached=False), LEA: person(LEA, "Lea")},
    )
    lacks = preflight({7: silent, None: crew(name="")}, ["a1"], NOW)
    assert {(lack.kind, lack.about) for lack in lacks} == {
        ("gap", "team North"), ("channel", "Finn"), ("team", "patients without a team"), ("coordinator", "1 patient"),
    }  # fmt: skip
    assert preflight({7: crew(*always(1, FINN), *always(2, CORA))}, [], NOW) == []


@pytest.mark.parametrize(
    ("last", "word", "joins", "after"),
    [
        (None, "high", None, 0),
        (LastPage(5, "high", NOW - GATHER, is_open=False), "high", None, 0),
        (LastPage(5, "high", NOW - timedelta(seconds=1), is_open=False), "high", None, 4),
        (LastPage(5, "high", NOW - timedelta(seconds=1), is_open=False), "emergency", None, 0),
        (LastPage(5, "high", NOW + timedelta(seconds=4), is_open=True), "medium", 5, 4),
        (LastPage(5, "high", NOW + timedelta(seconds=4), is_open=True), "emergency", 5, 0),
        (LastPage(5, "high", NOW + timedelta(hours=1), is_open=True), "high", None, 0),  # the clock was set back
    ],
)
def test_where_a_page_goes(last: LastPage | None, word: str, joins: int | None, after: int) -> None:
    placed = place(last, word, NOW)  # type: ignore[arg-type]
    assert placed.joins == joins and placed.send_at == NOW + timedelta(seconds=after)


def attempt(minute: int, outcome: str, whom: str = "patient") -> Attempt:
    return Attempt("a", whom, "call", outcome, "", "Sam", NOW + timedelta(minutes=minute))  # type: ignore[arg-type]


def decided(minute: int, decision: str) -> WelfareCheck:
    return WelfareCheck("w", decision, "why", "Sam", NOW + timedelta(minutes=minute))  # type: ignore[arg-type]


FAILED_3 = [attempt(1, "no_answer"), attempt(2, "voicemail"), attempt(3, "wrong_number")]


@pytest.mark.parametrize(
    ("attempts", "checks", "what"),
    [
        ([], [], "try_patient"),
        (FAILED_3[:2], [], "try_patient"),
        (FAILED_3, [], "call_emergency_contact"),
        ([*FAILED_3, attempt(4, "no_answer", "emergency_contact")], [], "decide_welfare_check"),
        ([*FAILED_3, attempt(4, "caregiver", "emergency_contact")], [], "done"),
        ([*FAILED_3[:2], attempt(3, "reached"), attempt(4, "no_answer")], [], "try_patient"),
        ([attempt(1, "in_hospital")], [], "done"),
        ([*FAILED_3, attempt(4, "no_answer", "emergency_contact")], [decided(5, "send")], "done"),
        ([*FAILED_3, attempt(4, "no_answer", "emergency_contact")], [decided(5, "wait")], "try_patient"),
    ],
)
def test_three_failures_lead_to_the_emergency_contact_and_then_to_a_decision(
    attempts: list[Attempt], checks: list[WelfareCheck], what: str
) -> None:
    assert next_contact(attempts, checks).what == what
