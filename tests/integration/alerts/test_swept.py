"""What the sweep judges once a day or every quarter of an hour, and what answers open, on the real database."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection

from alerts import actions
from alerts.alert import Alert
from alerts.explain import explain
from alerts.queries import find_story, list_open
from alerts.questionnaire import judge_answer
from alerts.sweep import Swept, sweep
from care import queries as care
from care.plan import queries
from care.questionnaire_files import load_questionnaires
from tests.integration.alerts.test_silence import hours, path_was_up
from tests.integration.alerts.ward import NOW, Ward

DAY = timedelta(days=1)
CHECK = load_questionnaires()["heart_failure_check"]
CALM = {question.name: 0 for question in CHECK.questions}


@pytest.fixture
def ward(connection: Connection[Any]) -> Ward:
    made = Ward(connection, programmes=["heart_failure"])
    connection.execute("INSERT INTO device_state (device_id) SELECT id FROM device ON CONFLICT DO NOTHING")
    connection.commit()
    return made


def swept(ward: Ward, at: float) -> Swept:
    return sweep(ward.conn, ward.engine, hours(at))


def opened(ward: Ward, *kinds: str) -> list[Alert]:
    found = [alert for alert in list_open(ward.conn) if alert.explanation["kind"] in kinds]
    ward.conn.commit()
    return found


def ask_weight(ward: Ward, since: float = -24 * 20) -> None:
    queries.set_own_schedule(ward.conn, ward.patients[0], "body_weight", DAY, [], by=ward.staff, reason="", now=hours(since))
    ward.conn.commit()


def weigh(ward: Ward, *days: int) -> None:
    """Weigh in at noon of days before today."""
    for day in sorted(days, reverse=True):
        ward.send([((4 - 24 * day) * 60, 80)], vital="body_weight")


def test_few_days_make_one_note_a_week_with_both_numbers(ward: Ward) -> None:
    ask_weight(ward)
    weigh(ward, 1, 3, 6)
    path_was_up(ward, (-24 * 30, 24 * 30))
    assert swept(ward, 0).adherence == 1
    assert swept(ward, 5).adherence == 0  # once in the patient's own day
    (note,) = opened(ward, "adherence")
    why = note.explanation
    assert (note.subject, note.category, note.severity, note.direction) == ("body_weight", "adherence", "low", None)
    assert (why["kept_days"], why["prescribed_days"], why["paused_days"]) == (3, 7, 0)
    assert why["reason"] == "Weight: 3 of 7 days in a week, fewer than 4 of 7 days"
    story = find_story(ward.conn, note.public_id)
    assert story is not None and "3 of 7 days, 2026-11-16 to 2026-11-22" in "\n".join(explain(story, NOW.tzinfo))  # type: ignore[arg-type]
    actions.resolve(ward.conn, note.public_id, ward.staff, "technique_taught", "", hours(6))
    ward.conn.commit()
    for day in range(1, 7):
        assert swept(ward, 24 * day).adherence == 0
    assert swept(ward, 24 * 7).adherence == 1


def test_enough_days_end_the_note(ward: Ward) -> None:
    ask_weight(ward)
    weigh(ward, 1, 3, 6)
    path_was_up(ward, (-24 * 30, 24 * 30))
    swept(ward, 0)
    weigh(ward, 0)
    assert opened(ward, "adherence")
    swept(ward, 24)  # three of the days and today's
    assert opened(ward, "adherence") == []


def test_pauses_and_our_own_outage_are_left_out(ward: Ward) -> None:
    ask_weight(ward)
    weigh(ward, 1, 2)
    queries.add_pause(
        ward.conn, ward.patients[0], "hospital", hours(-24 * 6), hours(-24 * 4 + 8), by=ward.staff, note="", now=hours(-200)
    )
    path_was_up(ward, (-24 * 30, -24 * 7 + 10), (-24 * 7 + 30, 48))
    swept(ward, 0)
    assert opened(ward, "adherence") == []  # two of three days: too few to say anything


def test_a_note_ends_where_nothing_is_asked_any_more(ward: Ward) -> None:
    ask_weight(ward)
    path_was_up(ward, (-24 * 30, 48))
    swept(ward, 0)
    assert opened(ward, "adherence")
    queries.add_pause(ward.conn, ward.patients[0], "travel", hours(1), hours(30), by=ward.staff, note="", now=hours(1))
    ward.conn.commit()
    swept(ward, 2)
    assert opened(ward, "adherence")
    queries.set_own_schedule(ward.conn, ward.patients[0], "body_weight", None, [], by=ward.staff, reason="", now=hours(3))
    ward.conn.commit()
    swept(ward, 4)
    assert opened(ward, "adherence") == []


def test_a_zone_turns_its_own_day(ward: Ward) -> None:
    ask_weight(ward)
    ward.conn.execute("INSERT INTO contact (patient_id, zone) VALUES (%s, 'Pacific/Auckland')", (ward.patients[0],))
    path_was_up(ward, (-24 * 30, 48))
    assert swept(ward, 2).adherence == 1  # 10:00 UTC is 23:00 there
    (note,) = opened(ward, "adherence")
    assert note.explanation["last_day"] == "2026-11-22"


def test_faults_of_devices_open_and_end_by_themselves(ward: Ward) -> None:
    def be(**state: Any) -> None:
        for name, value in state.items():
            ward.conn.execute(f"UPDATE device_state SET {name} = %s", (value,))
        ward.conn.commit()

    be(battery=19, clock_offset=-400)
    assert swept(ward, 0).technical == 2
    assert swept(ward, 0.1).technical == 0
    battery, clock = sorted(opened(ward, "technical"), key=lambda alert: alert.rule)
    assert (battery.rule, battery.subject, battery.category, battery.severity) == ("battery_low", "dev0", "technical", "low")
    assert battery.explanation["reason"] == "Pulse oximeter dev0: battery 19 %, below 20 %"
    assert clock.explanation["reason"] == "Pulse oximeter dev0: its clock is 400 s off, more than 300 s"
    be(battery=25, clock_offset=250)
    swept(ward, 0.5)
    assert len(opened(ward, "technical")) == 2  # within the hysteresis
    be(battery=31, clock_offset=10)
    swept(ward, 0.8)
    assert opened(ward, "technical") == []
    be(battery=5)
    swept(ward, 2)
    (battery,) = opened(ward, "technical")
    actions.resolve(ward.conn, battery.public_id, ward.staff, "true_acted", "", hours(2))
    ward.conn.commit()
    assert swept(ward, 20).technical == 0
    assert swept(ward, 27).technical == 1


def test_lost_and_implausible_measurements(ward: Ward) -> None:
    device = ward.devices[ward.patients[0]]
    ward.conn.execute(
        "INSERT INTO device_gap (device_id, boot, from_seq, to_seq, recorded_at) VALUES (%s, 'b', 5, 7, %s)",
        (device, hours(-1)),
    )
    ward.conn.commit()
    ward.send([(minute, 96) for minute in range(-60, -51)])
    ward.send([(minute, 45) for minute in range(-50, -47)], suspect=True)
    assert swept(ward, 0).technical == 2
    lost, implausible = sorted(opened(ward, "technical"), key=lambda alert: alert.explanation["fault"])
    assert lost.explanation["reason"] == "Pulse oximeter dev0 gave up on measurements: 3 lost in a day"
    assert implausible.explanation["figure"] == 25.0 and implausible.severity == "medium"
    swept(ward, 25)
    assert [alert.rule for alert in opened(ward, "technical")] == ["implausible_values"]  # nothing new says that it is well
    ward.send([(25 * 60 + minute, 96) for minute in range(10)])
    swept(ward, 26)
    assert opened(ward, "technical") == []


def answer(ward: Ward, hour: float, **points: int) -> list[int]:
    kept = care.add_answer(ward.conn, ward.patients[0], CHECK, CALM | points, hours(hour), by=None, now=hours(hour))
    changed = judge_answer(
        ward.conn, ward.engine.rules, ward.engine.ruleset_id(ward.conn), kept, CHECK, ["heart_failure"], hours(hour)
    )
    ward.conn.commit()
    return changed


def test_a_score_opens_holds_worsens_and_ends(ward: Ward) -> None:
    assert answer(ward, 0, swelling=3) == []
    assert len(answer(ward, 1, swelling=3, lying_flat=1)) == 1
    (alert,) = opened(ward, "questionnaire")
    assert (alert.rule, alert.subject, alert.severity) == ("heart_failure_symptoms", "heart_failure_check", "medium")
    assert alert.explanation["reason"] == "Heart failure check: 4 of 13 points, at or above 4"
    assert answer(ward, 2, swelling=3, lying_flat=2) == []
    answer(ward, 3, swelling=3, lying_flat=3)
    assert ward.events(alert) == ["opened", "worsened"]
    answer(ward, 4)
    assert opened(ward, "questionnaire") == []


def test_a_red_flag_goes_to_a_person_at_once_and_latches(ward: Ward) -> None:
    answer(ward, 0, chest_pain=1)
    (alert,) = opened(ward, "red_flag")
    assert (alert.severity, alert.rule, alert.due_at - alert.opened_at) == ("high", "red_flag", timedelta(minutes=15))
    assert alert.explanation["reason"] == "Answered with a red flag: Do you have pain or pressure in your chest?"
    answer(ward, 1)
    assert [one.condition for one in opened(ward, "red_flag")] == ["resolved"]
    assert care.find_red_flag(ward.conn, ward.patients, NOW) == {ward.patients[0]: NOW}
    ward.conn.commit()
