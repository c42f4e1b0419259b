"""Ladders on the real database: climbed step by step, stopped, begun again, merged in a storm, never quiet at their end."""

from datetime import timedelta
from typing import Any

from psycopg import Connection

from alerts.escalation import deadlines
from alerts.escalation.ladder import Call, begin
from api.watch.house import load_pulse
from api.watch.pace import Pace
from care import teams
from database.pool import connect
from tests.integration.alerts.escalation.clinic import MINUTE, NOW, Clinic


def test_a_high_alert_climbs_until_everybody_is_paged_again_and_again(clinic: Clinic) -> None:
    alert = clinic.open()
    clinic.run_until(NOW + 55 * MINUTE)
    assert clinic.paged(alert) == [
        (0, "Cora"),
        (5, "Cora"), (5, "Finn"), (10, "Cora"), (10, "Finn"),
        (15, "Lea"), (15, "Sena"),
        (25, "Cora"), (25, "Finn"), (25, "Lea"), (25, "Sena"),
        (35, "Cora"), (35, "Finn"), (35, "Lea"), (35, "Sena"),
        (45, "Cora"), (45, "Finn"), (45, "Lea"), (45, "Sena"),
        (55, "Cora"), (55, "Finn"), (55, "Lea"), (55, "Sena"),
    ]  # fmt: skip
    assert next(row for row in clinic.rows(alert) if row[0] == "console")[1:3] == ("operator", "pending")
    events = clinic.conn.execute("SELECT what FROM alert_event WHERE alert_id = %s", (alert,)).fetchall()
    assert events == [("ladder exhausted",)]


def test_i9_every_page_says_why_and_whoever_is_passed_over_is_named(plain_connection: Connection[Any]) -> None:
    clinic = Clinic(plain_connection, on_call=False)
    alert = clinic.open(clinic.add_patient(None))
    clinic.run(NOW)
    reasons = [(recipient, state, reason) for _, recipient, state, reason in clinic.rows(alert)]
    assert any(who == "coordinator" and "no primary coordinator is named" in why for who, _, why in reasons)
    assert any(who == "on call 1" and "no window covers it" in why for who, _, why in reasons)
    assert clinic.paged(alert) == [(0, "Lea")]  # the first who could be found
    assert all(reason for _, _, reason in reasons)


def test_i10_a_restart_forgets_no_step(clinic: Clinic) -> None:
    alert = clinic.open()
    clinic.run(NOW)
    assert clinic.due(alert) == 5
    # hours pass in which no worker ran at all
    late = NOW + timedelta(hours=3)
    assert deadlines.next_due(clinic.conn) == NOW + 5 * MINUTE
    clinic.run(late)
    assert clinic.paged(alert)[-2:] == [(180, "Cora"), (180, "Finn")] and clinic.due(alert) == 185


def test_who_takes_it_on_stops_the_ladder_and_is_asked_again_where_nothing_follows(clinic: Clinic) -> None:
    alert = clinic.open()
    clinic.run(NOW)
    clinic.acknowledge(alert, clinic.first, NOW + 2 * MINUTE)
    assert clinic.due(alert) == 32
    clinic.run_until(NOW + 100 * MINUTE)
    #: reminded twice, then paged from the first step
    assert clinic.paged(alert)[:4] == [(0, "Cora"), (32, "Finn"), (62, "Finn"), (92, "Cora")]
    assert any("taken on and forgotten" in row[3] for row in clinic.rows(alert))


def test_something_written_puts_the_reminder_off(clinic: Clinic) -> None:
    alert = clinic.open()
    clinic.run(NOW)
    clinic.acknowledge(alert, clinic.first, NOW + 2 * MINUTE)
    clinic.conn.execute(
        "INSERT INTO contact_attempt (patient_id, alert_id, whom, how, outcome, staff_id, at)"
        " VALUES (%s, %s, 'patient', 'call', 'voicemail', %s, %s)",
        (clinic.patients[0], alert, clinic.first, NOW + 20 * MINUTE),
    )
    clinic.run_until(NOW + 49 * MINUTE)
    assert clinic.paged(alert) == [(0, "Cora")] and clinic.due(alert) == 50
    clinic.run_until(NOW + 50 * MINUTE)
    assert clinic.paged(alert)[-1] == (50, "Finn")


def test_a_closed_alert_pages_nobody_and_what_waited_is_withheld(clinic: Clinic) -> None:
    alert = clinic.open()
    clinic.run(NOW)
    clinic.close(alert, NOW + MINUTE)
    assert clinic.due(alert) is None
    clinic.run_until(NOW + timedelta(days=1))
    assert clinic.paged(alert) == [(0, "Cora")]
    assert [row[2] for row in clinic.rows(alert)] == ["withheld"] and "not sent: closed" in clinic.rows(alert)[0][3]


def test_i13_worse_is_new_begins_anew_also_when_it_was_taken_on(clinic: Clinic) -> None:
    alert = clinic.open(severity="medium")
    clinic.run(NOW)
    clinic.acknowledge(alert, clinic.coordinator, NOW + MINUTE)
    clinic.conn.execute("UPDATE alert SET severity = 'high' WHERE id = %s", (alert,))
    begin(clinic.conn, [Call(alert, clinic.patients[0], "high", NOW + 3 * MINUTE, "worse")], NOW + 3 * MINUTE)
    clinic.conn.commit()
    clinic.run_until(NOW + 9 * MINUTE)
    assert clinic.paged(alert) == [(0, "Cora"), (3, "Cora"), (8, "Cora"), (8, "Finn")]


def test_a_storm_is_one_page_for_each_person_that_counts_it(plain_connection: Connection[Any]) -> None:
    clinic = Clinic(plain_connection, 500)
    for patient in clinic.patients:
        clinic.open(patient, emergency=True)
    clinic.run(NOW)
    pages = clinic.conn.execute("SELECT staff_id, alerts, patients FROM page ORDER BY staff_id").fetchall()
    assert pages == [(clinic.coordinator, 500, 500), (clinic.first, 500, 500)]
    sent = clinic.conn.execute("SELECT body FROM outbox WHERE state = 'pending' ORDER BY id").fetchall()
    assert [body for (body,) in sent] == [
        "Wardlight: 500 alerts of 500 patients wait for you, the most urgent an emergency"
    ] * 2
    told = clinic.conn.execute("SELECT alert_id, count(*) FROM outbox GROUP BY alert_id").fetchall()
    assert len(told) == 500 and {count for _, count in told} == {2}  # every alert says where it went
    assert clinic.conn.execute("SELECT count(*) FROM outbox WHERE state = 'merged'").fetchone() == (998,)


def test_a_storm_over_ten_seconds_is_a_page_every_five_and_something_worse_never_waits(
    plain_connection: Connection[Any],
) -> None:
    clinic = Clinic(plain_connection, 100)
    for place, patient in enumerate(clinic.patients):
        at = NOW + timedelta(seconds=place / 10)
        clinic.open(patient, at=at)
        clinic.run(at)
    pages = clinic.conn.execute(
        "SELECT alerts, send_at - %s FROM page WHERE staff_id = %s ORDER BY id", (NOW, clinic.coordinator)
    )
    found = pages.fetchall()
    assert sum(alerts for alerts, _ in found) == 100
    assert [at for _, at in found] == [timedelta(0), timedelta(seconds=5), timedelta(seconds=10)]
    clinic.open(clinic.patients[0], emergency=True, at=NOW + timedelta(seconds=10))
    clinic.run(NOW + timedelta(seconds=10))
    (newest,) = clinic.conn.execute(
        "SELECT max(send_at) - %s FROM page WHERE staff_id = %s", (NOW, clinic.coordinator)
    ).fetchone() or (None,)
    assert newest == timedelta(seconds=10)


def test_a_dead_page_makes_the_ladder_go_on_at_once(clinic: Clinic) -> None:
    alert = clinic.open()
    clinic.run(NOW)
    clinic.conn.execute(
        "UPDATE outbox SET state = 'dead', finished_at = %s, error = 'it answers 404' WHERE page_id IS NOT NULL",
        (NOW + timedelta(seconds=2),),
    )
    clinic.conn.commit()
    assert deadlines.next_due(clinic.conn) == NOW + timedelta(seconds=2)
    clinic.run(NOW + timedelta(seconds=3))
    assert clinic.paged(alert) == [(0, "Cora"), (0, "Cora"), (0, "Finn")] and clinic.due(alert) == 5


def test_two_workers_take_every_step_once(clinic: Clinic, plain_database_url: str) -> None:
    alerts = [clinic.open() for _ in range(20)]
    with connect(plain_database_url) as other:
        with clinic.conn.transaction():
            assert len(deadlines.queries.claim_due(clinic.conn, NOW, 5)) == 5
            deadlines.run_due(other, NOW)  # takes the rest and waits for nothing
            other.commit()
        clinic.run(NOW)
        assert deadlines.run_due(other, NOW) == 0
        other.commit()
    assert all(clinic.paged(alert) == [(0, "Cora")] for alert in alerts)


def test_an_alert_that_somebody_holds_is_taken_the_next_moment(clinic: Clinic, plain_database_url: str) -> None:
    alert = clinic.open()
    with connect(plain_database_url) as other:
        other.execute("SELECT FROM alert WHERE id = %s FOR UPDATE", (alert,))
        assert clinic.run(NOW) == 0  # neither waits nor fails
        other.rollback()
    assert clinic.run(NOW) == 1


def test_i11_in_an_unstaffed_time_a_medium_alert_waits_and_the_patient_is_told_once(plain_connection: Connection[Any]) -> None:
    clinic = Clinic(plain_connection, hours=True, on_call=False)
    night = NOW + timedelta(hours=14)  # Monday 22:00
    alert, other = clinic.open(severity="medium", at=night), clinic.open(severity="medium", at=night)
    clinic.run(night)
    assert clinic.paged(alert) == [] and clinic.due(alert) == 24 * 60  # Tuesday 8:00
    told = [row for key in (alert, other) for row in clinic.rows(key) if row[1] == "patient"]
    assert len(told) == 1 and told[0][2] == "withheld" and "nobody is on duty" in told[0][3]
    (body,) = clinic.conn.execute("SELECT body FROM outbox WHERE recipient = 'patient'").fetchone() or ("",)
    assert body == "Nobody reads your numbers until Tue 8:00. If you feel unwell call 911 now."
    clinic.run_until(NOW + timedelta(hours=24))
    assert clinic.paged(alert) == [(24 * 60, "Cora")]


def test_i11_a_high_alert_wakes_the_team_in_an_unstaffed_time(plain_connection: Connection[Any]) -> None:
    clinic = Clinic(plain_connection, hours=True, on_call=False)
    night = NOW + timedelta(hours=14)
    alert = clinic.open(at=night)
    clinic.run(night)
    assert clinic.paged(alert) == [(14 * 60, "Lea")]
    assert any("outside the team's hours" in row[3] for row in clinic.rows(alert))
    assert any(row[1] == "patient" for row in clinic.rows(alert))


def test_i11_an_exhausted_ladder_stands_above_every_page(clinic: Clinic) -> None:
    alert = clinic.open()
    clinic.run_until(NOW + 34 * MINUTE)
    assert "unanswered" not in [fault.kind for fault in load_pulse(clinic.conn, Pace(), NOW).faults]
    clinic.run_until(NOW + 35 * MINUTE)
    [fault] = [fault for fault in load_pulse(clinic.conn, Pace(), NOW).faults if fault.kind == "unanswered"]
    assert fault.detail == "1 alert" and fault.since == NOW + 35 * MINUTE
    clinic.acknowledge(alert, clinic.lead, NOW + 36 * MINUTE)
    assert "unanswered" not in [fault.kind for fault in load_pulse(clinic.conn, Pace(), NOW).faults]


def test_nobody_at_all_is_loud(plain_connection: Connection[Any]) -> None:
    clinic = Clinic(plain_connection, on_call=False)
    clinic.conn.execute("UPDATE staff SET disabled_at = now()")
    alert = clinic.open()
    clinic.run_until(NOW + 20 * MINUTE)
    console = [row for row in clinic.rows(alert) if row[0] == "console"]
    assert len(console) == 3 and all(row[2] == "pending" for row in console)  # at 0, 10 and 20 minutes


def test_who_has_no_channel_is_told_by_the_screen_and_the_operator_hears_of_it(clinic: Clinic) -> None:
    clinic.conn.execute("UPDATE staff_address SET removed_at = now()")
    alert = clinic.open()
    clinic.run(NOW)
    assert [row[:3] for row in clinic.rows(alert)] == [("in_app", "Cora", "delivered"), ("console", "operator", "pending")]


def test_an_overdue_reply_is_asked_for_again_and_again(clinic: Clinic) -> None:
    alert = clinic.open()
    clinic.acknowledge(alert, clinic.coordinator, NOW)
    clinic.conn.execute(
        "INSERT INTO sbar (alert_id, patient_id, asked_by, physician_id, physician, situation, background, assessment,"
        " recommendation, asked_at, reply_within, due_at) VALUES (%s, %s, %s, %s, 'Dr', 's', 'b', 'a', 'r', %s, '10 min', %s)",
        (alert, clinic.patients[0], clinic.coordinator, clinic.second, NOW, NOW + 10 * MINUTE),
    )
    clinic.run_until(NOW + 20 * MINUTE)
    assert clinic.paged(alert) == [(10, "Cora"), (10, "Sena"), (20, "Cora"), (20, "Sena")]
    clinic.conn.execute("UPDATE sbar SET replied_at = %s, due_at = NULL", (NOW + 21 * MINUTE,))
    clinic.run_until(NOW + 29 * MINUTE)
    assert len(clinic.paged(alert)) == 4


def test_a_swap_pages_whoever_has_taken_over(clinic: Clinic) -> None:
    teams.add_override(
        clinic.conn, clinic.team.id, layer=1, staff_id=clinic.second, starts_at=NOW, ends_at=NOW + timedelta(hours=1),
        reason="swap", by=None, now=NOW,
    )  # fmt: skip
    alert = clinic.open()
    clinic.run_until(NOW + 5 * MINUTE)
    assert clinic.paged(alert)[-1] == (5, "Sena")
