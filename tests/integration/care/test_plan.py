"""A patient's plan in the database: programmes, limits, references, schedules and pauses, dated and never rewritten."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import Connection

from care import queries as care
from care.patient import Patient, PatientFacts
from care.plan import enrol as plan
from care.plan import queries, summaries
from care.plan.own import AlreadyEnrolled, NotEnrolled, in_force, pause_at
from care.programme_files import load_programmes
from care.questionnaire import AnswersRefused
from care.questionnaire_files import load_questionnaires

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PROGRAMMES = load_programmes()


@pytest.fixture
def nurse(connection: Connection[Any]) -> int:
    return care.add_staff(connection, email="n@x.org", name="Nurse", role="clinician", zone="UTC", now=NOW).id


@pytest.fixture
def ruth(connection: Connection[Any]) -> Patient:
    return care.add_patient(connection, PatientFacts("MRN-1", "Ruth Adeyemi"), NOW)


def programmes_of(conn: Connection[Any], patient: Patient) -> tuple[str, ...]:
    return care.load_patient(conn, patient.public_id).programmes


def test_enrolling_lays_out_the_schedule_and_ending_takes_it_back(
    connection: Connection[Any], ruth: Patient, nurse: int
) -> None:
    plan.enrol(connection, ruth.id, PROGRAMMES["heart_failure"], by=nurse, reason="discharged", now=NOW)
    with pytest.raises(AlreadyEnrolled):
        plan.enrol(connection, ruth.id, PROGRAMMES["heart_failure"], by=nurse, reason="again", now=NOW)
    plan.enrol(connection, ruth.id, PROGRAMMES["hypertension"], by=nurse, reason="and this", now=NOW)
    assert programmes_of(connection, ruth) == ("heart_failure", "hypertension")
    asked = in_force(queries.list_schedules(connection, ruth.id), NOW)
    # of two templates the one that asks more often
    assert [(one.measure, one.every, one.programme) for one in asked] == [
        ("systolic_bp", timedelta(hours=12), "hypertension"),
        ("body_weight", DAY, "heart_failure"),
    ]
    assert asked[1].at == ("07:00",) and asked[1].set_by == "Nurse" and asked[1].reason == "discharged"
    plan.end(connection, ruth.id, "hypertension", by=nurse, reason="well", now=NOW + DAY)
    with pytest.raises(NotEnrolled):
        plan.end(connection, ruth.id, "hypertension", by=nurse, reason="well", now=NOW + DAY)
    assert programmes_of(connection, ruth) == ("heart_failure",)
    asked = in_force(queries.list_schedules(connection, ruth.id), NOW + DAY)
    assert [(one.measure, one.programme) for one in asked] == [
        ("systolic_bp", "heart_failure"), ("body_weight", "heart_failure"),
    ]  # fmt: skip
    lasting, ended = queries.list_enrolments(connection, ruth.id)
    assert (lasting.programme, lasting.template, lasting.enrolled_by, lasting.ends_at) == ("heart_failure", 1, "Nurse", None)
    assert (ended.starts_at, ended.ends_at, ended.ended_by, ended.ended_reason) == (NOW, NOW + DAY, "Nurse", "well")
    plan.enrol(connection, ruth.id, PROGRAMMES["hypertension"], by=nurse, reason="again", now=NOW + 2 * DAY)
    assert len(queries.list_enrolments(connection, ruth.id)) == 3


def test_a_record_and_its_enrolments_agree(connection: Connection[Any]) -> None:
    facts = PatientFacts("MRN-2", "Ruth", programmes=("copd", "our_own"))
    ruth = care.add_patient(connection, facts, NOW, templates=PROGRAMMES)
    assert ruth.programmes == ("copd", "our_own")
    assert {(one.programme, one.template) for one in queries.list_enrolments(connection, ruth.id)} == {
        ("copd", 1),
        ("our_own", 0),
    }
    assert [one.measure for one in queries.list_schedules(connection, ruth.id)] == ["spo2"]
    facts = PatientFacts("MRN-2", "Ruth", programmes=("diabetes", "our_own"))
    assert care.edit_patient(connection, ruth.public_id, facts, NOW + DAY, templates=PROGRAMMES).programmes == (
        "our_own",
        "diabetes",
    )
    assert [one.measure for one in in_force(queries.list_schedules(connection, ruth.id), NOW + DAY)] == ["blood_glucose"]
    assert sum(one.ends_at is None for one in queries.list_enrolments(connection, ruth.id)) == 2


def test_programmes_that_no_row_tells_of_are_kept_and_can_be_ended(connection: Connection[Any], ruth: Patient) -> None:
    connection.execute("UPDATE patient SET programmes = '{copd}'")
    plan.enrol(connection, ruth.id, PROGRAMMES["diabetes"], by=None, reason="", now=NOW)
    assert programmes_of(connection, ruth) == ("copd", "diabetes")
    plan.end(connection, ruth.id, "copd", by=None, reason="", now=NOW)
    assert programmes_of(connection, ruth) == ("diabetes",)


def test_an_order_lies_on_top_of_a_lasting_limit_and_gives_way_to_it(
    connection: Connection[Any], ruth: Patient, nurse: int
) -> None:
    def add(limit: float, until: datetime | None, now: datetime) -> str:
        return queries.add_limit(
            connection, ruth.id, "spo2_low", limit, until=until, is_loosening=limit < 90, by=nurse, reason="because", now=now
        )

    add(92, None, NOW)
    add(88, NOW + 3 * DAY, NOW + DAY)
    order, lasting = queries.list_limits(connection, ruth.id)
    assert (lasting.limit, lasting.ends_at, order.limit, order.is_loosening) == (92, None, 88, True)
    add(93, None, NOW + 2 * DAY)
    newest, order, lasting = queries.list_limits(connection, ruth.id)
    assert (newest.ends_at, order.ends_at, lasting.ends_at) == (None, NOW + 2 * DAY, NOW + 2 * DAY)
    assert order.ended_by == "Nurse" and order.ended_reason == "another limit took its place"
    assert queries.end_limits(connection, ruth.id, "spo2_low", by=nurse, reason="well", now=NOW + 4 * DAY)
    assert not queries.end_limits(connection, ruth.id, "spo2_low", by=nurse, reason="well", now=NOW + 4 * DAY)


def test_the_database_refuses_what_must_not_be(connection: Connection[Any], ruth: Patient, nurse: int) -> None:
    with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
        queries.add_limit(connection, ruth.id, "x", 1, until=None, is_loosening=True, by=nurse, reason="y", now=NOW)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
        connection.execute('UPDATE patient_limit SET "limit" = 3')
    with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
        connection.execute("DELETE FROM enrolment")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
        connection.execute("UPDATE questionnaire_answer SET score = 0")


def test_a_limit_makes_workers_forget_what_they_remember(connection: Connection[Any], ruth: Patient, nurse: int) -> None:
    connection.execute("INSERT INTO patient_state (patient_id) VALUES (%s)", (ruth.id,))
    queries.add_limit(connection, ruth.id, "x", 1, until=None, is_loosening=False, by=nurse, reason="y", now=NOW)
    queries.set_reference(connection, ruth.id, "dry_weight", 80, by=nurse, reason="y", now=NOW)
    assert connection.execute("SELECT version FROM patient_state").fetchone() == (2,)


def test_references_take_each_others_place(connection: Connection[Any], ruth: Patient, nurse: int) -> None:
    queries.set_reference(connection, ruth.id, "dry_weight", 80.5, by=nurse, reason="at discharge", now=NOW)
    queries.set_reference(connection, ruth.id, "spo2_scale", 2, by=nurse, reason="target 88 to 92", now=NOW)
    queries.set_reference(connection, ruth.id, "dry_weight", 79, by=nurse, reason="less oedema", now=NOW + DAY)
    newest, scale, old = queries.list_references(connection, ruth.id)
    assert (newest.value, newest.ends_at, scale.ends_at, old.value, old.ends_at) == (79, None, None, 80.5, NOW + DAY)
    assert queries.end_reference(connection, ruth.id, "spo2_scale", by=nurse, reason="no", now=NOW + DAY)
    assert not queries.end_reference(connection, ruth.id, "spo2_scale", by=nurse, reason="no", now=NOW + DAY)


def test_what_is_agreed_goes_before_any_template(connection: Connection[Any], ruth: Patient, nurse: int) -> None:
    plan.enrol(connection, ruth.id, PROGRAMMES["heart_failure"], by=nurse, reason="", now=NOW)
    given: dict[str, Any] = {"by": nurse, "reason": "enough"}
    queries.set_own_schedule(connection, ruth.id, "body_weight", 2 * DAY, [], **given, now=NOW + DAY)
    plan.enrol(connection, ruth.id, PROGRAMMES["hypertension"], by=nurse, reason="", now=NOW + DAY)
    asked = {one.measure: one.every for one in in_force(queries.list_schedules(connection, ruth.id), NOW + DAY)}
    assert asked == {"body_weight": 2 * DAY, "systolic_bp": timedelta(hours=12)}
    queries.set_own_schedule(connection, ruth.id, "systolic_bp", None, [], **given, now=NOW + 2 * DAY)
    asked = {one.measure: one.every for one in in_force(queries.list_schedules(connection, ruth.id), NOW + 2 * DAY)}
    assert asked == {"body_weight": 2 * DAY}
    assert len(queries.list_schedules(connection, ruth.id)) == 4


def measure(conn: Connection[Any], patient: Patient, at: datetime, source: int = 0, **values: float) -> None:
    """Store one measurement of a patient."""
    row = conn.execute(
        "INSERT INTO device (public_id, kind) VALUES ('d1', 'scale')"
        " ON CONFLICT (public_id) DO UPDATE SET kind = 'scale' RETURNING id"
    ).fetchone()
    assert row is not None
    names = ", ".join(values)
    conn.execute(
        f"INSERT INTO measurement (device_time, measured_at, received_at, seq, device_id, boot, patient_id, source, {names})"
        f" VALUES (%s, %s, %s, 1, %s, 1, %s, %s, {', '.join(['%s'] * len(values))})",
        [at, at, at, row[0], patient.id, source, *values.values()],
    )


def test_a_reading_ends_a_pause_and_a_staff_entry_does_not(connection: Connection[Any], ruth: Patient, nurse: int) -> None:
    first = queries.add_pause(connection, ruth.id, "hospital", NOW, NOW + 10 * DAY, by=nurse, note="ward 4", now=NOW)
    measure(connection, ruth, NOW - timedelta(hours=1), body_weight=80)
    measure(connection, ruth, NOW + timedelta(hours=1), source=2, body_weight=80)
    assert queries.end_pauses_by_readings(connection, NOW + timedelta(hours=2)) == []
    assert pause_at(queries.list_pauses(connection, ruth.id), NOW + DAY) is not None
    measure(connection, ruth, NOW + timedelta(hours=3), body_weight=80)
    measure(connection, ruth, NOW + timedelta(hours=4), body_weight=80)
    assert queries.end_pauses_by_readings(connection, NOW + timedelta(hours=5)) == [ruth.id]
    assert queries.end_pauses_by_readings(connection, NOW + timedelta(hours=5)) == []
    (ended,) = queries.list_pauses(connection, ruth.id)
    assert (ended.ends_at, ended.ended_how, ended.ended_by) == (NOW + timedelta(hours=3), "reading", None)
    assert not queries.end_pause(connection, ruth.id, first, by=nurse, now=NOW + DAY)
    second = queries.add_pause(connection, ruth.id, "travel", NOW + DAY, NOW + 9 * DAY, by=nurse, note="", now=NOW + DAY)
    assert queries.end_pause(connection, ruth.id, second, by=nurse, now=NOW + 2 * DAY)
    assert queries.list_pauses(connection, ruth.id)[0].ended_by == "Nurse"


def test_one_action_leaves_somebody_in_peace(connection: Connection[Any], ruth: Patient, nurse: int) -> None:
    plan.enrol(connection, ruth.id, PROGRAMMES["heart_failure"], by=nurse, reason="", now=NOW)
    queries.set_own_schedule(connection, ruth.id, "spo2", DAY, [], by=nurse, reason="", now=NOW)
    queries.add_pause(connection, ruth.id, "travel", NOW, NOW + 9 * DAY, by=nurse, note="", now=NOW)
    assert plan.leave_in_peace(connection, ruth.id, "deceased", by=nurse, reason="her son called", now=NOW + DAY)
    assert not plan.leave_in_peace(connection, ruth.id, "deceased", by=nurse, reason="again", now=NOW + DAY)
    after = care.load_patient(connection, ruth.public_id)
    assert (after.status, after.programmes) == ("deceased", ())
    assert in_force(queries.list_schedules(connection, ruth.id), NOW + DAY) == []
    assert pause_at(queries.list_pauses(connection, ruth.id), NOW + 2 * DAY) is None
    assert connection.execute("SELECT status, reason FROM patient_status").fetchall() == [("deceased", "her son called")]


def test_adherence_and_home_pressure_are_of_the_patients_own_days(connection: Connection[Any], nurse: int) -> None:
    ruth = care.add_patient(
        connection, PatientFacts("MRN-3", "R", programmes=("hypertension",)), NOW - 20 * DAY, templates=PROGRAMMES
    )
    zone = ZoneInfo("America/New_York")
    for back in range(1, 6):
        evening = datetime.combine(date(2026, 11, 23) - back * DAY, datetime.min.time(), zone).replace(hour=23)
        for minutes in (0, 2):
            measure(connection, ruth, evening + timedelta(minutes=minutes), systolic_bp=140, diastolic_bp=80)
            measure(connection, ruth, evening + timedelta(hours=-15, minutes=minutes), systolic_bp=140, diastolic_bp=80)
    measure(connection, ruth, NOW - 6 * DAY, source=2, systolic_bp=99, diastolic_bp=60)
    (found,) = summaries.load_adherence(connection, ruth.id, zone, NOW)
    assert (found.measure, found.kept, found.prescribed) == ("systolic_bp", 5, 7)
    protocol = PROGRAMMES["hypertension"].pressure_protocol
    assert protocol is not None
    week = summaries.load_home_pressure(connection, ruth.id, protocol, zone, NOW)
    assert (week.systolic, week.is_elevated, week.counted, week.asked) == (140, True, 20, 24)
    assert summaries.load_glucose_summary(connection, ruth.id, NOW) is None
    measure(connection, ruth, NOW - DAY, cgm_glucose=120)
    glucose = summaries.load_glucose_summary(connection, ruth.id, NOW)
    assert glucose is not None and glucose.in_range == 1.0 and not glucose.is_enough


def test_the_usual_is_the_median_of_enough_readings(connection: Connection[Any], ruth: Patient) -> None:
    for place, value in enumerate((90, 91, 92, 92)):
        measure(connection, ruth, NOW - place * DAY, spo2=value)
    assert queries.find_usual(connection, ruth.id, "spo2", NOW) is None
    measure(connection, ruth, NOW - 5 * DAY, spo2=70)
    assert queries.find_usual(connection, ruth.id, "spo2", NOW) == 91


def test_answers_are_kept_with_their_score_and_red_flags_are_found(
    connection: Connection[Any], ruth: Patient, nurse: int
) -> None:
    check = load_questionnaires()["heart_failure_check"]
    calm = {question.name: 0 for question in check.questions}
    kept = care.add_answer(connection, ruth.id, check, calm | {"swelling": 2}, NOW, by=None, now=NOW)
    assert (kept.score, kept.red_flags, kept.recorded_by, kept.version) == (2, (), None, 1)
    assert care.find_red_flag(connection, [ruth.id], NOW - DAY) == {}
    care.add_answer(connection, ruth.id, check, calm | {"chest_pain": 1}, NOW + DAY, by=nurse, now=NOW + DAY)
    assert care.find_red_flag(connection, [ruth.id, 999], NOW) == {ruth.id: NOW + DAY}
    assert care.find_red_flag(connection, [ruth.id], NOW + 2 * DAY) == {}
    assert [one.recorded_by for one in care.list_answers(connection, ruth.id)] == ["Nurse", None]
    with pytest.raises(AnswersRefused):
        care.add_answer(connection, ruth.id, check, {}, NOW, by=None, now=NOW)
