"""Quarantine after a fix: what could not be taken is taken once, amends what is stored, is counted where it ended (I2, I8)."""

import datetime as dt
from collections.abc import Iterator

import psycopg
import pytest

from alerts.engine import Engine
from alerts.rules import load_rules
from database.pool import connect
from devices.units import CONVERSION
from ingest.commit import Committer
from ingest.quarantine import Retried, retry
from ingest.queries import list_quarantined
from tests.ingesting import Client, Street, add_device, add_patient, assign, good, until


def retry_all(street: Street) -> Retried:
    """Try everything in quarantine again, as a member of staff would, acting as the application."""
    committer = Committer(Engine(load_rules(None)))
    with connect(street.database_url) as connection:
        ids = [one.public_id for one in list_quarantined(connection)]
        done = retry(connection, committer, ids, dt.datetime.now(dt.UTC))
        connection.commit()
        committer.engine.committed()
    return done


def judged(street: Street) -> int:
    """Return how many measurements have been judged, which must be all that belong to somebody."""
    (count,) = street.connection.execute("SELECT coalesce(sum(judged), 0) FROM patient_state").fetchone() or (0,)
    (rows,) = street.connection.execute("SELECT count(*) FROM measurement WHERE patient_id IS NOT NULL").fetchone() or (0,)
    assert count == rows
    return int(count)


@pytest.fixture
def reaumur() -> Iterator[None]:
    """Know one more unit while it lasts."""
    yield
    CONVERSION.pop(("body_temperature", "degRe"), None)


def fever(**more: object) -> dict[str, object]:
    """Return a measurement with a temperature in a unit that nobody knows yet."""
    return {"values": {"heart_rate": {"value": 72, "unit": "/min"}, "body_temperature": {"value": 32, "unit": "degRe"}}, **more}


def test_a_stranger_is_taken_once_it_is_known(street: Street) -> None:
    street.send("late", [good(61, boot="b", seq=1), good(62, boot="b", seq=2, time="2026-01-01T00:00:00Z")])
    street.client.publish("wardlight/v1/late/state", {"state": "online", "boot": "old"})
    street.settle()
    assert street.refused() == {"unknown_device": (2, 2, 0)}
    assert retry_all(street) == Retried(settled=0, refused=2, readings=0)
    device = add_device(street.connection, "late", add_patient(street.connection, "P2"))
    assert retry_all(street) == Retried(settled=2, refused=0, readings=2)
    assert [(row["heart_rate"], row["seq"]) for row in street.stored("late")] == [(61.0, 1), (62.0, 2)]
    assert street.counts("late") == (2, 0, 0, 0) and judged(street) == 2 and street.refused() == {}
    # a state says how a device is now: one from quarantine says nothing
    (online,) = street.connection.execute("SELECT online FROM device_state WHERE device_id = %s", (device,)).fetchone() or (
        "?",
    )
    assert online is None


def test_i2_a_stranger_that_sent_again_meanwhile_is_stored_once(street: Street) -> None:
    """Without a clock the time of a measurement is its arrival, so only the sequence tells that it is the same."""
    street.send("late", good(61, boot="b", seq=1))
    street.settle()
    add_device(street.connection, "late", add_patient(street.connection, "P2"))
    street.send("late", good(61, boot="b", seq=1))
    street.send("late", good(62, boot="b", seq=2))
    street.settle()
    assert retry_all(street) == Retried(settled=1, refused=0, readings=0)
    assert [row["heart_rate"] for row in street.stored("late")] == [61.0, 62.0]
    assert street.counts("late") == (2, 0, 1, 0) and judged(street) == 2


LONG_AGO = "2026-01-01T00:00:00Z"


@pytest.mark.parametrize("time", [None, LONG_AGO], ids=["now", "long ago"])
def test_a_value_amends_the_measurement_it_belongs_to(street: Street, reaumur: None, time: str | None) -> None:
    for _ in range(2):
        street.send("d1", fever(boot="b", seq=1, time=time))
    street.settle()
    # the second time its sequence tells that all of it was taken
    assert street.refused() == {"unknown_unit": (1, 1, 1)} and street.counts() == (1, 0, 1, 1)
    assert retry_all(street) == Retried(settled=0, refused=1, readings=0)
    CONVERSION["body_temperature", "degRe"] = (1.25, 0.0)
    assert retry_all(street) == Retried(settled=1, refused=0, readings=1)
    (row,) = street.stored()
    assert (row["heart_rate"], row["body_temperature"]) == (72.0, 40.0)
    assert street.counts() == (2, 0, 1, 0) and judged(street) == 1
    (fired,) = street.connection.execute(
        "SELECT array_agg(DISTINCT lateness) FROM alert WHERE subject = 'body_temperature'"
    ).fetchone() or ([],)
    assert fired == (["retrospective"] if time else ["live"])


def test_a_value_of_a_measurement_without_sequence_is_stored_beside_it(street: Street, reaumur: None) -> None:
    """What it is recognised by is its content, and half of a content is another."""
    for _ in range(2):
        street.send("d1", fever(time=LONG_AGO))
    street.settle()
    assert street.refused() == {"unknown_unit": (1, 2, 1)} and street.counts() == (1, 0, 1, 2)
    CONVERSION["body_temperature", "degRe"] = (1.25, 0.0)
    assert retry_all(street) == Retried(settled=1, refused=0, readings=1)
    assert sorted((row.get("heart_rate", 0), row.get("body_temperature", 0)) for row in street.stored()) == [(0, 40), (72, 0)]
    assert street.counts() == (2, 0, 2, 0) and judged(street) == 2


def test_an_impossible_time_stays_where_it_is(street: Street) -> None:
    street.send("d1", good(61, boot="b", seq=1, time="1970-01-01T00:00:10Z"))
    street.client.publish("wardlight/v1/d1/readings", good(62), retain=True)
    street.settle()
    assert retry_all(street).settled == 0 and len(street.stored()) <= 1


def test_one_bad_element_does_not_hold_the_others(street: Street) -> None:
    street.send("late", [good(61, boot="b", seq=1), fever(boot="b", seq=2), 7])
    street.settle()
    add_device(street.connection, "late")
    assert retry_all(street) == Retried(settled=1, refused=0, readings=2)
    assert sorted(street.refused()) == ["not_a_measurement", "unknown_unit"]
    assert retry_all(street) == Retried(settled=0, refused=2, readings=0)


def test_a_batch_that_the_database_refuses_is_halved_until_the_offender_is_alone(street: Street) -> None:
    street.connection.execute("ALTER TABLE measurement ADD CONSTRAINT no_beast CHECK (heart_rate <> 266)")
    for seq in range(1, 41):
        street.send("d1", good(266 if seq == 23 else 60 + seq, boot="b", seq=seq))
    street.send("d1", [good(266 if n == 30 else 61, boot="c", seq=n) for n in range(1, 51)])
    street.settle()
    assert [row["seq"] for row in street.stored() if row["heart_rate"] != 61][:40] == [n for n in range(2, 41) if n != 23]
    assert len(street.stored()) == 39 + 49
    assert street.refused() == {"refused": (2, 2, 2)} and street.counts() == (88, 0, 0, 2)
    with Client(street.broker, "watcher") as watcher:  # what is in quarantine counts as taken
        watcher.subscribe("wardlight/v1/d1/ack")
        until(lambda: watcher.last("wardlight/v1/d1/ack") in ({"boot": "b", "seq": 40}, {"boot": "c", "seq": 50}))
    marks = street.connection.execute(
        "SELECT boot, seq FROM device_state WHERE boot = 'c' UNION SELECT boot, seq FROM device_boot WHERE boot = 'b'"
    )
    assert sorted(marks) == [("b", 40), ("c", 50)]
    assert retry_all(street) == Retried(settled=0, refused=2, readings=0)
    street.connection.execute("ALTER TABLE measurement DROP CONSTRAINT no_beast")
    assert retry_all(street) == Retried(settled=2, refused=0, readings=2)
    assert len(street.stored()) == 90 and street.counts() == (90, 0, 0, 0) and judged(street) == 90


def test_a_fault_of_the_database_itself_puts_nothing_into_quarantine(street: Street) -> None:
    """A missing permission is nobody's bad reading: nothing is acknowledged, ingest ends, and all of it comes back."""
    street.connection.execute("REVOKE INSERT ON measurement FROM wardlight_app")
    street.send("d1", good(61, boot="b", seq=1))
    until(lambda: not street.worker.is_alive())
    assert isinstance(street.worker.failure, psycopg.errors.InsufficientPrivilege)
    street.connection.execute("GRANT INSERT ON measurement TO wardlight_app")
    assert street.refused() == {}
    with street.again():
        until(lambda: len(street.stored()) == 1)


def test_a_late_assignment_claims_nothing_twice(street: Street) -> None:
    street.send("d2", good(61, boot="b", seq=1))
    street.settle()
    (device,) = street.connection.execute("SELECT id FROM device WHERE public_id = 'd2'").fetchone() or (0,)
    assign(street.connection, device, add_patient(street.connection, "P2"))
    street.send("d2", good(61, boot="b", seq=1))
    street.send("d2", good(62, boot="b", seq=2))
    street.settle()
    assert ["patient_id" in row for row in street.stored("d2")] == [False, True]
