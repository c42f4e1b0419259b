"""Devices, assignments and stored measurements, on both editions of the database."""

import datetime as dt
from typing import Any

import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from database.pool import connect
from devices import queries
from devices.device import AssignmentOverlaps, DeviceExists
from devices.measurement import MeasurementKey, ReadingUnknown
from devices.vitals import VITALS
from tests.integration.devices.house import DAY, HOUR, MINUTE, NOW, House, furnish, measure


@pytest.fixture
def house(connection: Connection[Any]) -> House:
    return furnish(connection)


def test_devices_are_added_found_scheduled_and_revoked(connection: Connection[Any], house: House) -> None:
    found = queries.find_device(connection, "scale-1")
    assert found == house.scale
    assert (found.expected_every, found.readings_stored, found.silent, found.online) == (DAY, 0, False, None)
    assert queries.schedule_device(connection, "scale-1", None).expected_every is None
    assert queries.revoke_device(connection, "scale-1", NOW).revoked_at == NOW
    assert queries.revoke_device(connection, "scale-1", NOW + DAY).revoked_at == NOW, "the first revocation stands"
    assert queries.find_device(connection, "scale-2") is None
    with pytest.raises(LookupError, match="scale-2"):
        queries.revoke_device(connection, "scale-2", NOW)
    queries.add_device(connection, "theengs-5ccad34cee74", "scale", codec="theengs", now=NOW)
    assert [device.public_id for device in queries.list_devices(connection)] == ["scale-1", "theengs-5ccad34cee74"]


def test_a_device_has_a_name_of_its_own_that_mqtt_can_carry(connection: Connection[Any], house: House) -> None:
    with pytest.raises(DeviceExists, match="scale-1"):
        queries.add_device(connection, "scale-1", "scale", now=NOW)
    for name in ("", "a/b", "+", "#", "x" * 65, "a b"):
        with pytest.raises(ValueError, match="cannot name a device"):
            queries.add_device(connection, name, "scale", now=NOW)
    with pytest.raises(ValueError, match="no codec"):
        queries.add_device(connection, "fine", "scale", codec="morse", now=NOW)


def test_a_device_belongs_to_one_patient_at_a_time(connection: Connection[Any], house: House) -> None:
    first = queries.assign(
        connection, house.scale.id, house.anna, starts_at=NOW - DAY, assigned_by=house.nurse, now=NOW
    ).assignment
    assert (first.device, first.starts_at, first.ends_at, first.user_slot) == ("scale-1", NOW - DAY, None, None)
    with pytest.raises(AssignmentOverlaps):
        queries.assign(connection, house.scale.id, house.bert, starts_at=NOW, now=NOW)
    queries.end_assignment(connection, first.public_id, NOW)
    second = queries.assign(connection, house.scale.id, house.bert, starts_at=NOW, now=NOW).assignment
    with pytest.raises(AssignmentOverlaps):
        queries.end_assignment(connection, first.public_id, NOW + HOUR)
    with pytest.raises(ValueError, match="before it starts"):
        queries.end_assignment(connection, second.public_id, NOW)
    with pytest.raises(ValueError, match="slot from 0 to 99"):
        queries.assign(connection, house.scale.id, house.bert, user_slot=100, starts_at=NOW, now=NOW)
    assert [one.patient_id for one in queries.list_assignments(connection, device_id=house.scale.id)] == [
        house.bert,
        house.anna,
    ]
    assert queries.list_assignments(connection, patient_id=house.anna)[0].ends_at == NOW
    assert [device.id for device in queries.list_devices_of(connection, house.anna, NOW - MINUTE)] == [house.scale.id]
    assert queries.list_devices_of(connection, house.anna, NOW) == []


def test_slots_of_one_device_belong_to_several(connection: Connection[Any], house: House) -> None:
    for slot, patient in ((1, house.anna), (2, house.bert)):
        queries.assign(connection, house.scale.id, patient, user_slot=slot, starts_at=NOW - DAY, now=NOW)
    for slot in (1, 2, 3, -1):
        measure(connection, house.scale, slot + 10, NOW + slot * MINUTE, slot, body_weight=70 + slot)
    assert [one.values for one in queries.measurements(connection, house.anna, NOW - DAY, NOW + DAY)] == [{"body_weight": 71.0}]
    assert [one.values for one in queries.measurements(connection, house.bert, NOW - DAY, NOW + DAY)] == [{"body_weight": 72.0}]
    waiting = {one.user_slot: one for one in queries.list_unattributed(connection)}
    assert set(waiting) == {3, None}
    assert set(waiting[3].candidates) == {house.anna, house.bert}
    (of_a_guest,) = queries.unattributed_measurements(connection, house.scale.id, None)
    assert (of_a_guest.patient_id, of_a_guest.values) == (None, {"body_weight": 69.0})


def test_a_late_assignment_gives_the_patient_what_was_measured_before(connection: Connection[Any], house: House) -> None:
    for hour in range(4):
        measure(connection, house.scale, hour + 1, NOW - hour * HOUR, body_weight=80.0)
    assert queries.list_unattributed(connection)[0].measurements == 4
    done = queries.assign(connection, house.scale.id, house.anna, starts_at=NOW - 2 * HOUR, now=NOW)
    assert (done.measurements, done.patients) == (3, (house.anna,))
    assert queries.list_unattributed(connection)[0].measurements == 1
    ended = queries.end_assignment(connection, done.assignment.public_id, NOW - HOUR)
    assert (ended.measurements, ended.patients) == (2, (house.anna,))
    passed_on = queries.assign(connection, house.scale.id, house.bert, starts_at=NOW - HOUR, now=NOW)
    assert (passed_on.measurements, passed_on.patients) == (2, (house.bert,))


def test_whose_is_this_is_answered_for_just_that_time(connection: Connection[Any], house: House) -> None:
    for hour in range(6):
        measure(connection, house.scale, hour + 1, NOW + hour * HOUR, body_weight=80.0)
    queries.assign(connection, house.scale.id, house.bert, starts_at=NOW + 2 * HOUR, ends_at=NOW + 3 * HOUR, now=NOW)
    claimed = queries.claim_unattributed(
        connection, house.scale.id, None, house.anna, since=NOW, until=NOW + 5 * HOUR, assigned_by=house.nurse, now=NOW
    )
    assert [one.measurements for one in claimed] == [2, 2]
    assert [one.assignment.assigned_by for one in claimed] == [house.nurse, house.nurse]
    hours = [(one.measured_at - NOW) // HOUR for one in queries.measurements(connection, house.anna, NOW, NOW + DAY)]
    assert hours == [0, 1, 3, 4]
    assert queries.list_unattributed(connection)[0].measurements == 1


def test_a_batch_in_flight_and_an_assignment_never_miss_each_other(
    pool: ConnectionPool[Connection[Any]], database_url: str
) -> None:
    with pool.connection() as conn:
        house = furnish(conn)
    with connect(database_url) as ingest, connect(database_url) as staff:
        ingest.execute("SELECT FROM device_state WHERE device_id = %s FOR UPDATE", (house.scale.id,))
        measure(ingest, house.scale, 1, NOW, body_weight=80.0)
        staff.execute("SET LOCAL lock_timeout = '100ms'")
        with pytest.raises(Exception, match="lock timeout"):
            queries.assign(staff, house.scale.id, house.anna, starts_at=NOW - DAY, now=NOW)
        staff.rollback()
        ingest.commit()
        assert queries.assign(staff, house.scale.id, house.anna, starts_at=NOW - DAY, now=NOW).measurements == 1


def test_measurements_come_back_as_they_were(connection: Connection[Any], house: House) -> None:
    queries.assign(connection, house.scale.id, house.anna, starts_at=NOW - DAY, now=NOW)
    measure(connection, house.scale, 1, NOW, heart_rate=310.0, body_temperature=36.6)
    measure(connection, house.scale, 2, NOW + MINUTE, heart_rate=70.0)
    first, second = queries.measurements(connection, house.anna, NOW, NOW + HOUR)
    assert (first.values, first.suspect, first.wrong) == ({"heart_rate": 310.0, "body_temperature": 36.6}, ("heart_rate",), ())
    assert (first.device, first.source, first.device_time, first.original) == ("scale-1", "device", NOW, None)
    assert second.measured_at == NOW + MINUTE
    assert queries.find_measurement(connection, MeasurementKey.parse(first.key)) == first
    assert queries.measurements(connection, house.anna, NOW, NOW + HOUR, limit=1) == [second]
    assert queries.measurements(connection, house.anna, NOW, NOW + MINUTE) == [first], "until is not included"
    assert queries.measurements(connection, house.bert, NOW, NOW + HOUR) == []


def test_a_reading_marked_wrong_is_kept_and_left_out_of_what_is_computed(connection: Connection[Any], house: House) -> None:
    queries.assign(connection, house.scale.id, house.anna, starts_at=NOW - DAY, now=NOW)
    measure(connection, house.scale, 1, NOW, heart_rate=70.0)
    measure(connection, house.scale, 2, NOW + MINUTE, heart_rate=310.0, spo2=97.0)
    key = MeasurementKey.parse(queries.measurements(connection, house.anna, NOW, NOW + HOUR)[1].key)
    for _ in range(2):
        assert (
            queries.mark_wrong(connection, key, "heart_rate", marked_by=house.nurse, reason="cuff slipped", now=NOW)
            == house.anna
        )
    marked = queries.find_measurement(connection, key)
    assert marked is not None
    assert (marked.wrong, marked.values) == (("heart_rate",), {"heart_rate": 310.0, "spo2": 97.0})
    newest = queries.latest(connection, [house.anna, house.bert], NOW - DAY)
    assert {name: one.value for name, one in newest[house.anna].items()} == {"heart_rate": 70.0, "spo2": 97.0}
    assert newest[house.bert] == {}
    (bucket,) = queries.rollup(connection, house.anna, NOW, NOW + HOUR, HOUR)
    assert (bucket.values["heart_rate"].count, bucket.values["heart_rate"].high, bucket.suspect) == (1, 70.0, ())
    assert queries.undo_wrong(connection, key, "heart_rate", now=NOW) == house.anna
    again = queries.latest(connection, [house.anna], NOW - DAY)[house.anna]["heart_rate"]
    assert (again.value, again.is_suspect) == (310.0, True)
    (bucket,) = queries.rollup(connection, house.anna, NOW, NOW + HOUR, HOUR)
    assert bucket.suspect == ("heart_rate",)
    for vital in ("heart_rate", "body_weight", "nonsense"):
        with pytest.raises(ReadingUnknown):
            queries.undo_wrong(connection, key, vital, now=NOW)
    with pytest.raises(ReadingUnknown):
        queries.mark_wrong(connection, key, "body_weight", marked_by=house.nurse, reason="", now=NOW)


def test_a_mark_follows_the_reading_to_the_patient_it_belongs_to(connection: Connection[Any], house: House) -> None:
    mine = queries.assign(connection, house.scale.id, house.anna, starts_at=NOW - DAY, now=NOW).assignment
    measure(connection, house.scale, 1, NOW, body_weight=80.0)
    key = MeasurementKey.parse(queries.measurements(connection, house.anna, NOW, NOW + HOUR)[0].key)
    queries.mark_wrong(connection, key, "body_weight", marked_by=house.nurse, reason="dog", now=NOW)
    queries.end_assignment(connection, mine.public_id, NOW - HOUR)
    assert queries.assign(connection, house.scale.id, house.bert, starts_at=NOW - HOUR, now=NOW).patients == (house.bert,)
    assert queries.latest(connection, [house.bert], NOW - DAY) == {house.bert: {}}


def test_a_chart_has_equal_stretches_from_its_start(connection: Connection[Any], house: House) -> None:
    queries.assign(connection, house.scale.id, house.anna, starts_at=NOW - DAY, now=NOW)
    for minute in range(0, 180, 5):
        measure(connection, house.scale, minute + 1, NOW + minute * MINUTE, heart_rate=60.0 + minute % 60, spo2=97.0)
    buckets = queries.rollup(connection, house.anna, NOW - HOUR, NOW + 3 * HOUR, HOUR)
    assert [bucket.at for bucket in buckets] == [NOW, NOW + HOUR, NOW + 2 * HOUR]
    spread = buckets[1].values["heart_rate"]
    assert (spread.low, spread.high, spread.count, spread.mean) == (60.0, 115.0, 12, 87.5)
    assert set(buckets[0].values) == {"heart_rate", "spo2"}
    with pytest.raises(ValueError, match="resolution"):
        queries.rollup(connection, house.anna, NOW, NOW + HOUR, dt.timedelta(0))


def test_every_vital_has_its_place_in_the_statements(connection: Connection[Any], house: House) -> None:
    queries.assign(connection, house.scale.id, house.anna, starts_at=NOW - DAY, now=NOW)
    values = {vital.name: (vital.low + vital.high) / 2 for vital in VITALS}
    measure(connection, house.scale, 1, NOW, **values)
    (stored,) = queries.measurements(connection, house.anna, NOW, NOW + HOUR)
    assert stored.values == pytest.approx(values, rel=1e-6)
    newest = queries.latest(connection, [house.anna], NOW)[house.anna]
    assert {name: one.value for name, one in newest.items()} == pytest.approx(values, rel=1e-6)
    (bucket,) = queries.rollup(connection, house.anna, NOW, NOW + HOUR, HOUR)
    assert {name: one.low for name, one in bucket.values.items()} == pytest.approx(values, rel=1e-6)
