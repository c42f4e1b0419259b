"""Who stands where on the worklist, and what the row says."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from api.pages.facts import OpenAlert, Series
from api.pages.worklist import Case, Row, build_row, lead, sort
from tests.unit.api.pages.people import AMERICAN, NOW, SAM, alert, person, threshold


def row(*alerts: OpenAlert, case: Case | None = None) -> Row:
    return build_row(case or Case(person(), alerts), alerts, SAM, NOW)


def title(of: Row) -> str:
    return of.reason.plain


def details(of: Row) -> list[str]:
    return [part.text for part in of.reason.details]


def test_the_emergency_band_comes_first_then_the_time_left() -> None:
    cases = [
        Case(person(1, "Late"), (alert(1, due=400, patient=1),)),
        Case(person(2, "Soon"), (alert(2, due=10, patient=2),)),
        Case(person(3, "Overdue"), (alert(3, due=-20, patient=3),)),
        Case(person(4, "Emergency"), (alert(4, due=500, patient=4, emergency=True, severity="high"),)),
    ]
    assert [case.person.name for case, _ in sort(cases, "clinical", SAM)] == ["Emergency", "Overdue", "Soon", "Late"]


@given(st.lists(st.tuples(st.booleans(), st.integers(-600, 6000)), min_size=1, max_size=30))
def test_no_row_stands_above_a_more_urgent_one(facts: list[tuple[bool, int]]) -> None:
    cases = [
        Case(person(i, f"P{i}"), (alert(i, due=due, patient=i, emergency=emergency),))
        for i, (emergency, due) in enumerate(facts)
    ]
    keys = [(not own[0].emergency, own[0].due_at) for _, own in sort(cases, "clinical", SAM)]
    assert keys == sorted(keys)


def test_one_row_per_patient_and_the_worst_decides() -> None:
    both = (
        alert(1, due=200),
        alert(2, due=5, subject="heart_rate", severity="high", explanation=threshold("heart_rate", ">", 120, 131)),
    )
    [(_, own)] = sort([Case(person(), both)], "clinical", SAM)
    built = row(*own)
    assert built.word == "high"
    assert title(built) == "Heart rate 131 /min"
    assert built.others == ("SpO₂ 85 %",)
    assert built.due_at == both[1].due_at


def test_the_soonest_deadline_counts_though_another_alert_is_worse() -> None:
    worst = alert(1, due=200, severity="high")
    assert row(worst, alert(2, due=5, subject="heart_rate")).due_at == NOW + timedelta(minutes=5)
    answered = alert(2, due=5, subject="heart_rate", acknowledged_at=NOW, acknowledged_by="kim")
    assert row(worst, answered).due_at == worst.due_at


def test_says_value_limit_and_age() -> None:
    held = alert(
        explanation=threshold("spo2", "<=", 85, 85, 84, 85, for_seconds=120, n=2),
        emergency=True,
        since=NOW - timedelta(minutes=4),
    )
    built = row(held)
    assert title(built) == "SpO₂ 85 % for 3 min"
    assert details(built) == ["emergency band ≤ 85", "measured "]
    assert built.reason.details[1].at == NOW - timedelta(seconds=40)
    assert built.word == "emergency"


def test_says_whose_limit_and_how_many_in_a_row() -> None:
    built = row(
        alert(
            explanation=threshold("spo2", "<", 88, 86, 85, n=2, whose_limit="limit of copd"), since=NOW - timedelta(minutes=2)
        )
    )
    assert title(built) == "SpO₂ 85 %, 2 in a row"
    assert details(built)[0] == "COPD limit < 88"


def test_speaks_the_readers_units() -> None:
    weight = alert(subject="body_weight", explanation=threshold("body_weight", ">", 83, 83.1))
    case = Case(person(), (weight,))
    built = build_row(case, [weight], AMERICAN, NOW)
    assert title(built) == "Weight 183.2 lb"
    assert details(built)[0] == "limit > 183.0"
    sugar = alert(subject="blood_glucose", explanation=threshold("blood_glucose", "<", 70, 63))
    assert title(build_row(case, [sugar], AMERICAN, NOW)) == "Blood glucose 3.5 mmol/L"


def test_a_newer_reading_is_told_too() -> None:
    first = alert()
    at = (NOW - timedelta(seconds=10)).timestamp()
    built = row(first, case=Case(person(), (first,), (Series("spo2", (at - 500, at), (90.0, 92.0)),)))
    assert title(built) == "SpO₂ 85 %"
    assert details(built)[-1] == "now 92 %, "
    assert built.spark is not None and built.spark.label.startswith("Oxygen saturation")


def test_a_condition_that_goes_on_is_told_as_it_stands_now() -> None:
    first = alert()
    at = (NOW - timedelta(seconds=10)).timestamp()
    built = row(first, case=Case(person(), (first,), (Series("spo2", (at - 500, at), (85.0, 81.0)),)))
    assert title(built) == "SpO₂ 81 % for 4 min"
    assert details(built) == ["limit < 88", "measured "]


def test_a_milder_alert_on_the_same_vital_is_not_named_again() -> None:
    built = row(alert(1, emergency=True, severity="high"), alert(2, rule="spo2_low"), alert(3, subject="heart_rate"))
    assert len(built.others) == 1
    assert len(built.alerts) == 3


def test_late_and_retrospective_alerts_say_so() -> None:
    late = alert(lateness="late")
    assert details(row(late)) == ["limit < 88", "measured ", "arrived "]
    old = alert(lateness="retrospective", condition="resolved", resolved_at=NOW)
    assert details(row(old)) == ["limit < 88", "measured ", "arrived after newer readings, "]


def test_a_latched_alert_says_that_it_is_over() -> None:
    over = alert(severity="high", condition="resolved", resolved_at=NOW - timedelta(minutes=1))
    assert details(row(over))[-1] == "over since "


def test_silence_says_since_when_and_what_was_due() -> None:
    told = {
        "kind": "silence",
        "device_kind": "pulse_oximeter",
        "expected_seconds": 43200,
        "last_received_at": (NOW - timedelta(hours=13)).isoformat(),
    }
    built = row(alert(subject="hub-01", category="technical", severity="low", explanation=told))
    assert title(built) == "Pulse oximeter silent"
    assert built.reason.title[0].form == "since"
    assert details(built) == ["last heard ", "a reading is due every 12 h"]
    assert built.word == "technical"


def test_an_alert_of_an_unknown_kind_is_told_by_its_own_sentence() -> None:
    assert (
        title(row(alert(subject=None, explanation={"kind": "unjudged", "reason": "Readings could not be judged"})))
        == "Readings could not be judged"
    )


def test_owner_and_what_is_next() -> None:
    waiting = row(alert())
    assert (waiting.owner, [part.text for part in waiting.note]) == ("Unowned", ["due ", "no coordinator"])
    assert waiting.waiting == ("a1",)
    mine = alert(acknowledged_at=NOW, acknowledged_by="sam", acknowledged_name="Sam K.")
    assert row(mine).owner == "You"
    assert row(mine).waiting == ()
    assert row(mine).undo == ("a1",)
    theirs = replace(mine, acknowledged_by="kim", acknowledged_name="Kim L.")
    assert row(theirs).owner == "Kim L."
    assert row(theirs).undo == ()
    half = row(mine, alert(2, subject="heart_rate"))
    assert half.owner == "Unowned"
    assert half.note[-1].text == "1 of 2 seen"


def test_queues_hold_what_belongs_to_them() -> None:
    cases = [
        Case(person(1), (alert(1), alert(2, subject="hub", category="technical"))),
        Case(person(2), (alert(3, patient=2, acknowledged_at=NOW, acknowledged_by="sam", emergency=True),)),
    ]
    counted = lead(cases, "clinical", 85, SAM, NOW)
    assert counted.counts == {"clinical": 2, "adherence": 0, "technical": 1, "mine": 1, "unowned": 1}
    assert (counted.need, counted.total, counted.emergencies) == (2, 85, 1)
    assert [case.person.id for case, _ in sort(cases, "technical", SAM)] == [1]
    assert [[each.id for each in own] for _, own in sort(cases, "unowned", SAM)] == [[1, 2]]


def test_what_is_silenced_or_muted_has_no_row_of_its_own_and_goes_with_what_speaks_for_it() -> None:
    quiet = alert(1, patient=1, standing="silenced")
    loud = alert(2, patient=2, severity="high", subject="heart_rate")
    muted = alert(3, patient=2, standing="inhibited", subject="heart_rate")
    cases = [Case(person(1), (quiet,)), Case(person(2), (loud, muted))]
    assert [case.person.id for case, _ in sort(cases, "clinical", SAM)] == [2]
    shown = build_row(cases[1], (loud,), SAM, NOW)
    assert shown.alerts == shown.waiting == ("a2", "a3")
    assert [part.text for part in shown.marks] == ["1 milder alert goes with it"]
    counted = lead(cases, "clinical", 85, SAM, NOW)
    assert (counted.need, counted.silenced) == (1, 1)


def test_a_row_says_what_stands_about_its_alerts() -> None:
    def said(**changes: object) -> list[str]:
        return [part.text for part in row(alert(**changes)).marks]  # type: ignore[arg-type]

    assert said() == []
    assert "asked to measure again" in said(standing="recheck", standing_until=NOW)[0]
    assert said(flapping_at=NOW, regressed=4) == ["comes and goes, held open as one"]
    assert said(regressed=2) == ["came back 2 times after it was closed"]
    assert said(news_at=NOW) == ["worse since "]


def test_only_a_vital_beyond_a_limit_and_below_the_emergency_band_may_be_silenced() -> None:
    assert row(alert(direction="low")).silenceable_name == "low SpO₂"
    for one in (alert(), alert(direction="low", emergency=True), alert(direction="low", subject="hub")):
        assert row(one).silenceable == ""


def test_what_was_given_to_somebody_is_theirs_and_still_waits() -> None:
    given = row(alert(assigned_to="sam", assigned_name="Sam"))
    assert given.owner == "You" and given.waiting and given.is_own
    assert row(alert(assigned_to="kim", assigned_name="Kim")).owner == "Kim"


def test_many_patients_within_minutes_are_told_of_in_one_line() -> None:
    def counted(patients: int, opened: float = 2) -> object:
        cases = [
            Case(person(n), (alert(n, patient=n, opened=opened, explanation=threshold("spo2", "<", 88, 85, title="Low")),))
            for n in range(patients)
        ]
        return lead(cases, "clinical", 500, SAM, NOW).surge

    assert counted(19) is None and counted(40, opened=30) is None
    surge = counted(40)
    assert surge is not None and (surge.patients, surge.titles) == (40, (("Low", 40),))  # type: ignore[attr-defined]
