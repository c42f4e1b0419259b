"""Triage on the real database: what is shown and sent, what the ledger says, and timers that are rows."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from alerts import actions
from alerts.alert import Alert
from alerts.findings import Changes, write_steps
from alerts.lifecycle import Episode, worsen
from alerts.lifecycle import Step as LifeStep
from alerts.queries import lock_alert
from alerts.rules import RuleSet, load_rules
from alerts.triage import silences
from alerts.triage.deadlines import next_due, run_due
from database.pool import connect
from tests.integration.alerts.ward import NOW, Ward
from tests.unit.alerts.readings import EIGHT, MINUTE

LOW, EMERGENCY = load_rules().by_name["spo2_low"], load_rules().by_name["spo2_emergency"]
PULSE = replace(load_rules().by_name["pulse_high"], programmes=("any",), readings=1)
RECHECKED = replace(LOW, recheck=timedelta(minutes=5), step=2.0)
RULES = RuleSet((RECHECKED, EMERGENCY, PULSE))


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


@pytest.fixture
def ward(plain_connection: Connection[Any]) -> Ward:
    """Give a patient whose oximeter is online and can be told to ask."""
    made = Ward(plain_connection, rules=RULES)
    plain_connection.execute("INSERT INTO device_state (device_id, online) SELECT id, true FROM device")
    plain_connection.commit()
    return made


def ledger(ward: Ward, alert: Alert | None = None) -> list[tuple[Any, ...]]:
    """Return (what, kind, how it ended) of an alert's rows, in order."""
    return ward.conn.execute(
        "SELECT what, kind, ended_how FROM suppression WHERE %s::bigint IS NULL OR alert_id = %s ORDER BY id",
        (alert and alert.id, alert and alert.id),
    ).fetchall()


def ladder(ward: Ward, alert: Alert) -> tuple[Any, ...] | None:
    """Return (when its next step is due, why it began, how it ended)."""
    return ward.conn.execute("SELECT due_at, reason, ended_how FROM escalation WHERE alert_id = %s", (alert.id,)).fetchone()


def recheck(ward: Ward) -> tuple[Any, ...] | None:
    return ward.conn.execute("SELECT outcome, due_at FROM recheck ORDER BY id DESC LIMIT 1").fetchone()


def only(ward: Ward, rule: str = "spo2_low") -> Alert:
    (alert,) = ward.open_alerts(rule)
    return alert


# rechecks -----------------------------------------------------------------------------------------------------------


def test_a_recheck_opens_the_alert_at_once_and_holds_only_the_page(ward: Ward) -> None:
    ward.send([(0, 88)])
    alert = only(ward)
    assert (alert.standing, alert.standing_until) == ("recheck", at(5))
    assert ledger(ward) == [("sent", "recheck", None)]
    assert ladder(ward, alert) == (at(5), "opened", None)
    asked = ward.conn.execute("SELECT recipient, body FROM outbox WHERE channel = 'device_command'").fetchall()
    assert asked == [("dev0", '{"command":"measure","vital":"spo2"}')]


def test_two_readings_in_range_clear_it_and_nobody_is_sent_it(ward: Ward) -> None:
    ward.send([(0, 88)])
    alert = only(ward)
    ward.send([(2, 96)])
    assert only(ward).condition == "resolved", "one reading in range is not enough"
    ward.send([(3, 96)])
    assert not ward.open_alerts()
    assert recheck(ward) == ("cleared", at(5))
    assert ledger(ward) == [("sent", "recheck", "cleared")]
    assert ladder(ward, alert) == (None, "opened", "closed")
    assert ward.events(alert) == ["opened", "resolved", "rechecked", "closed"]
    ward.conn.commit()
    assert run_due(ward.conn, at(6)) == 0


def test_no_reply_is_sent_and_stays_until_somebody_looks(ward: Ward) -> None:
    ward.send([(0, 88)])
    alert = only(ward)
    ward.send([(2, 96)])
    ward.conn.commit()
    assert next_due(ward.conn) == at(5)
    ward.conn.commit()
    assert run_due(ward.conn, at(4.9)) == 0
    assert run_due(ward.conn, at(5)) == 1 and run_due(ward.conn, at(5)) == 0
    assert only(ward).standing == "sent" and recheck(ward) == ("no reply", at(5))
    assert ladder(ward, alert) == (at(5), "opened", None), "the ladder waited for this very moment"
    assert ledger(ward) == [("sent", "recheck", "no reply")]


def test_a_reading_that_still_breaches_after_a_rest_is_sent_at_once(ward: Ward) -> None:
    ward.send([(0, 88)])
    ward.send([(0.5, 88)])
    assert only(ward).standing == "recheck"
    ward.send([(2, 88)])
    assert only(ward).standing == "sent" and recheck(ward) == ("confirmed", at(5))
    assert ladder(ward, only(ward)) == (at(2), "confirmed", None)


def test_i13_crossing_a_higher_band_ends_the_recheck_and_is_sent_at_once(ward: Ward) -> None:
    ward.send([(0, 88)])
    ward.send([(0.5, 84)])
    milder, worse = only(ward), only(ward, "spo2_emergency")
    assert (milder.standing, worse.standing) == ("inhibited", "sent")
    assert recheck(ward) == ("worse", at(5))
    assert ladder(ward, worse) == (at(0.5), "opened", None)
    assert ladder(ward, milder) == (None, "opened", "inhibited")


def test_a_second_abnormal_vital_ends_the_recheck(ward: Ward) -> None:
    ward.send([(0, 88)])
    ward.send([(1, 130)], vital="heart_rate")
    assert recheck(ward) == ("second vital", at(5))
    assert only(ward).standing == "sent"
    assert ladder(ward, only(ward)) == (at(1), "second vital", None)


def test_nothing_is_held_where_no_channel_reaches_the_patient(ward: Ward) -> None:
    ward.conn.execute("UPDATE device_state SET online = false")
    ward.send([(0, 88)])
    assert only(ward).standing == "sent" and recheck(ward) is None
    [[reason]] = ward.conn.execute("SELECT reason FROM outbox").fetchall()
    assert "no channel reaches the patient" in reason


def test_acknowledging_ends_the_recheck(ward: Ward) -> None:
    ward.send([(0, 88)])
    actions.acknowledge(ward.conn, only(ward).public_id, ward.staff, at(1))
    assert recheck(ward) == ("acknowledged", at(5))
    assert ward.conn.execute("SELECT phase FROM escalation").fetchone() == ("reminding",)
    assert ledger(ward) == [("sent", "recheck", "acknowledged"), ("sent", "acknowledged", None)]


# inhibition ---------------------------------------------------------------------------------------------------------


def test_what_was_muted_and_still_holds_is_sent_when_nothing_more_severe_is_open(ward: Ward) -> None:
    ward.send([(0, 84)])
    milder, worse = only(ward), only(ward, "spo2_emergency")
    assert ladder(ward, milder) is None and milder.standing == "inhibited"
    assert ledger(ward, milder) == [("shown", "inhibited", None)]
    ward.send([(1, 88)])
    assert only(ward).standing == "inhibited", "the high one latches, and is shown"
    actions.acknowledge(ward.conn, worse.public_id, ward.staff, at(2))
    assert only(ward).standing == "sent"
    assert ladder(ward, milder) == (at(2), "inhibited ended", None)
    assert ledger(ward, milder)[-1][2] == "nothing more severe is open on it any more"
    told = ward.conn.execute("SELECT state FROM outbox WHERE alert_id = %s ORDER BY id", (milder.id,)).fetchall()
    assert told == [("withheld",)]


# silences -----------------------------------------------------------------------------------------------------------


def quiet(ward: Ward, hours: float = 2, minute: float = 1) -> str:
    ward.conn.commit()
    found = silences.silence(
        ward.conn, only(ward).public_id, ward.staff, timedelta(hours=hours), "known; oxygen is on its way", at(minute)
    )
    ward.conn.commit()
    assert found is not None
    return found[1].silence.public_id


def test_a_silence_hides_survives_the_next_bad_reading_and_ends_by_itself(ward: Ward) -> None:
    ward.send([(0, 88)])
    quiet(ward)
    alert = only(ward)
    assert (alert.standing, alert.standing_until) == ("silenced", at(121))
    assert ladder(ward, alert) == (None, "opened", "silenced")
    ward.send([(10, 96)])
    ward.send([(20, 88)])
    again = only(ward)
    assert (again.standing, again.id) == ("silenced", alert.id)
    assert next_due(ward.conn) == at(121)
    ward.conn.commit()
    assert run_due(ward.conn, at(121)) == 1
    assert only(ward).standing == "sent"
    assert ladder(ward, alert) == (at(121), "silenced ended", None)
    assert [row[1] for row in ledger(ward)] == ["recheck", "silenced", "silenced"]
    assert not [row for row in ledger(ward) if row[2] is None]


def test_i13_a_silence_never_covers_a_higher_band(ward: Ward) -> None:
    ward.send([(0, 88)])
    quiet(ward)
    ward.send([(5, 84)])
    # the milder one worsened by its step as well, so that no silence covers it either
    assert (only(ward).standing, only(ward, "spo2_emergency").standing) == ("inhibited", "sent")


def test_a_silence_is_ended_by_hand(ward: Ward) -> None:
    ward.send([(0, 88)])
    name = quiet(ward)
    ended = silences.unsilence(ward.conn, name, ward.staff, at(30))
    assert ended is not None and ended.ended_at == at(30)
    assert only(ward).standing == "sent" and ladder(ward, only(ward)) == (at(30), "silenced ended", None)
    assert ward.events(only(ward))[-2:] == ["silenced", "unsilenced"]
    assert silences.unsilence(ward.conn, "nobody", ward.staff, at(30)) is None


@pytest.mark.parametrize("hours", [0, 25])
def test_a_silence_of_another_length_is_refused(ward: Ward, hours: float) -> None:
    ward.send([(0, 88)])
    with pytest.raises(silences.CannotSilence, match="24 hours"):
        quiet(ward, hours)


def test_an_emergency_is_never_silenced(ward: Ward) -> None:
    ward.send([(0, 84)])
    ward.conn.commit()
    emergency = only(ward, "spo2_emergency")
    with pytest.raises(silences.CannotSilence, match="never silenced"):
        silences.silence(ward.conn, emergency.public_id, ward.staff, timedelta(hours=1), "", at(1))
    ward.conn.rollback()


# worse is new -------------------------------------------------------------------------------------------------------


def worsened(ward: Ward, minute: float, worst: float) -> None:
    """Let an alert worsen by its rule's step, as the engine says it."""
    ward.conn.commit()
    alert = lock_alert(ward.conn, only(ward).public_id)
    assert alert is not None
    episode = Episode(at(0), at(0), at(minute), worst=worst)
    step = worsen(LifeStep(replace(alert, worst=alert.worst or 88.0)), RECHECKED, episode, at(minute))
    assert step.has("worsened")
    write_steps(ward.conn, [step], at(minute), Changes())
    ward.conn.commit()


def test_i13_worse_is_sent_again_whatever_was_acknowledged(ward: Ward) -> None:
    ward.send([(0, 88)])
    actions.acknowledge(ward.conn, only(ward).public_id, ward.staff, at(1))
    worsened(ward, 3, 86.0)
    alert = only(ward)
    assert (alert.standing, alert.acknowledged_at, alert.news_at) == ("sent", None, at(3))
    assert ladder(ward, alert) == (at(3), "worse", None)
    assert ledger(ward)[-1] == ("sent", "acknowledged", "it worsened")


def test_i13_readings_that_worsen_by_the_step_are_sent_again_and_smaller_ones_are_not(ward: Ward) -> None:
    ward.send([(0, 89)])
    actions.acknowledge(ward.conn, only(ward).public_id, ward.staff, at(1))
    ward.conn.commit()
    ward.send([(2, 88)])
    assert only(ward).standing == "acknowledged"
    ward.send([(3, 87)])
    alert = only(ward)
    assert (alert.standing, alert.worst, alert.acknowledged_at) == ("sent", 87.0, None)
    assert ladder(ward, alert) == (at(3), "worse", None)


def test_i13_worse_is_sent_again_whatever_was_silenced_or_rechecking(ward: Ward) -> None:
    ward.send([(0, 88)])
    worsened(ward, 0.5, 86.0)
    assert recheck(ward) == ("worse", at(5)) and ladder(ward, only(ward)) == (at(0.5), "worse", None)
    quiet(ward, minute=1)
    assert only(ward).standing == "silenced"
    worsened(ward, 3, 84.0)
    assert only(ward).standing == "sent" and ladder(ward, only(ward)) == (at(3), "worse", None)


# flapping, ledger, storms -------------------------------------------------------------------------------------------


def test_i13_what_flaps_is_held_open_as_one_and_sent_once(ward: Ward) -> None:
    for place in range(7):
        ward.send([(2 * place, 88)])
        ward.send([(2 * place + 1, 96)])
    alert = only(ward)
    assert alert.flapping_at == at(6) and alert.condition == "resolved" and alert.times == 7
    assert ladder(ward, alert) is not None
    kinds = [row[1] for row in ledger(ward)]
    assert kinds.count("flapping") == 3
    actions.resolve(ward.conn, alert.public_id, ward.staff, "false_limit", "", at(20))
    assert not ward.open_alerts() and ladder(ward, alert) == (None, "regressed", "acknowledged")


def test_i9_every_open_alert_that_is_not_sent_has_a_row_in_the_ledger_and_no_other(ward: Ward) -> None:
    ward.send([(0, 88)])
    quiet(ward)
    ward.send([(5, 84)])
    ward.send([(6, 130)], vital="heart_rate")
    actions.acknowledge(ward.conn, only(ward, "pulse_high").public_id, ward.staff, at(7))
    open_rows = "SELECT alert_id, kind FROM suppression WHERE ended_at IS NULL ORDER BY alert_id"
    standing = "SELECT id, standing FROM alert WHERE closed_at IS NULL AND standing <> 'sent' ORDER BY id"
    assert ward.conn.execute(open_rows).fetchall() == ward.conn.execute(standing).fetchall() != []
    unsent = (
        "SELECT alert.id FROM alert LEFT JOIN escalation ON alert_id = alert.id AND phase = 'paging' AND ended_at IS NULL"
        " WHERE closed_at IS NULL AND (standing IN ('sent', 'recheck')) <> (alert_id IS NOT NULL)"
    )
    assert not ward.conn.execute(unsent).fetchall(), "a ladder runs for what is sent, and for nothing else"


def test_i10_timers_outlive_whoever_set_them(ward: Ward, plain_database_url: str) -> None:
    ward.send([(0, 88)])
    with connect(plain_database_url) as another, connect(plain_database_url) as third:
        assert next_due(another) == at(5)
        another.commit()
        assert run_due(another, at(5)) + run_due(third, at(5)) == 1
    assert only(ward).standing == "sent"


def test_a_storm_is_decided_in_a_handful_of_statements(plain_connection: Connection[Any]) -> None:
    ward = Ward(plain_connection, patients=500, rules=RULES)
    plain_connection.execute("INSERT INTO device_state (device_id, online) SELECT id, true FROM device")
    plain_connection.commit()
    ward.take(ward.batch([(place, EIGHT, {"spo2": 96.0}) for place in range(500)], NOW), NOW)
    later = at(1)
    counted = _Counting(plain_connection)
    rows = [(place, EIGHT + MINUTE, {"spo2": 88.0 if place % 2 else 84.0}) for place in range(500)]
    with counted:
        ward.take(ward.batch(rows, later), later)
    assert counted.statements < 60, counted.statements
    standings = plain_connection.execute("SELECT standing, count(*) FROM alert GROUP BY 1 ORDER BY 1").fetchall()
    assert standings == [("inhibited", 250), ("recheck", 250), ("sent", 250)]


class _Counting:
    """Counts the statements of a connection."""

    def __init__(self, conn: Connection[Any]) -> None:
        self._conn, self.statements = conn, 0

    def __enter__(self) -> None:
        sound = type(self._conn).execute

        def execute(*given: Any, **named: Any) -> Any:
            self.statements += 1
            return sound(self._conn, *given, **named)

        self._conn.execute = execute  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        del self._conn.execute  # type: ignore[method-assign]
