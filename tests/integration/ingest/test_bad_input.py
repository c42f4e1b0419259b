"""Everything that can be wrong with a message, through a real broker: nothing crashes or vanishes, siblings survive (I8)."""

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg
import pytest

from devices.decoded import REASONS
from ingest.queries import count_quarantined, list_quarantined
from tests.ingesting import Client, Street, Worker, add_device, broker_in, good, until


def beside(name: str, given: Any) -> bytes:
    """Return a message with a good value and another one, which may be no valid JSON number."""
    text = given if isinstance(given, str) else msgspec.json.encode(given).decode()
    return b'{"values":{"heart_rate":{"value":72,"unit":"/min"},%s:%s}}' % (msgspec.json.encode(name), text.encode())


#: payloads of which nothing can be read, and the reason under which each is kept
UNREADABLE: Final[dict[str, tuple[bytes, str]]] = {
    "cut off": (b'{"values":{"heart_rate":{"value":72', "bad_json"),
    "not JSON": (b"hello", "bad_json"),
    "two documents": (b"{}{}", "bad_json"),
    "an endless integer": (b'{"values":' + b"9" * 5000 + b"}", "bad_json"),
    "not text": (b"\xff\xfe\x00\x01", "not_text"),
    "blanks": (b"  \n ", "empty"),
    "nothing": (b"", "empty"),
    "an empty array": (b"[]", "empty"),
    "a number": (b"42", "wrong_shape"),
    "null": (b"null", "wrong_shape"),
    "a text": (b'"72"', "wrong_shape"),
    "a million brackets": (b"[" * 100_000, "too_deep"),
    "deep but closed": (b'{"values":' * 200 + b"1" + b"}" * 200, "too_deep"),
    "too large": (b'{"pad":"' + b"x" * (257 * 1024) + b'"}', "too_large"),
    "10,000 elements": (b"[" + b",".join([b'{"values":{}}'] * 10_000) + b"]", "too_many"),
}

#: payloads whose one measurement is broken as a whole
BROKEN: Final[dict[str, tuple[Any, str]]] = {
    "an empty object": ({}, "no_values"),
    "no values": ({"boot": "b", "seq": 1, "values": {}}, "no_values"),
    "values of another type": ({"values": 5}, "no_values"),
    "a sequence without a boot name": ({"boot": "", "seq": 1, **good()}, "bad_sequence"),
    "a sequence of another type": ({"boot": "b", "seq": "1", **good()}, "bad_sequence"),
    "NUL in the boot": ({"boot": "b\0", "seq": 1, **good()}, "bad_sequence"),
    "a slot of another type": ({"user_slot": "left", **good()}, "bad_user_slot"),
    "a time without an offset": ({"time": "2026-01-01T00:00:00", **good()}, "bad_time"),
    "no time at all": ({"time": "yesterday", **good()}, "bad_time"),
}

#: values that cannot be read beside one that can
VALUES: Final[dict[str, tuple[bytes, str]]] = {
    "NaN": (beside("spo2", '{"value":NaN,"unit":"%"}'), "not_finite"),
    "Infinity": (beside("spo2", '{"value":-Infinity,"unit":"%"}'), "not_finite"),
    "beyond a double": (beside("spo2", '{"value":1e999,"unit":"%"}'), "not_finite"),
    "beyond a float": (beside("spo2", '{"value":1e200,"unit":"%"}'), "not_finite"),
    "a text": (beside("spo2", {"value": "97", "unit": "%"}), "not_a_number"),
    "true": (beside("spo2", {"value": True, "unit": "%"}), "not_a_number"),
    "null": (beside("spo2", {"value": None, "unit": "%"}), "not_a_number"),
    "a bare number": (beside("spo2", 97), "not_a_number"),
    "no unit": (beside("spo2", {"value": 97}), "no_unit"),
    "an unknown unit": (beside("spo2", {"value": 97, "unit": "furlong"}), "unknown_unit"),
    "NUL in the unit": (beside("spo2", {"value": 97, "unit": "%\0"}), "unknown_unit"),
    "an unknown vital": (beside("mood", {"value": 7, "unit": "1"}), "unknown_vital"),
    "NUL in the name": (beside("spo2\0", {"value": 97, "unit": "%"}), "unknown_vital"),
    "half a character in the name": (beside("\\", 1).replace(b'"\\\\"', b'"\\ud800"'), "unknown_vital"),
    "an unknown code": (beside("consciousness", {"code": "X"}), "unknown_code"),
}


def test_i8_what_cannot_be_read_is_kept_with_its_reason(street: Street) -> None:
    for payload, _ in UNREADABLE.values():
        street.send("d1", payload)
    street.settle()
    kept = {(one.device, one.payload): one for one in list_quarantined(street.connection)}
    assert {name: kept[("d1", payload)].reason for name, (payload, _) in UNREADABLE.items()} == {
        name: reason for name, (_, reason) in UNREADABLE.items()
    }
    assert all(one.topic == "wardlight/v1/d1/readings" and one.times == 1 and one.detail for one in kept.values())
    assert len(kept) == len(UNREADABLE) and street.stored() == []


def test_i8_a_broken_measurement_is_kept_with_its_reason(street: Street) -> None:
    for payload, _ in BROKEN.values():
        street.send("d1", payload)
    street.settle()
    kept = [(one.reason, msgspec.json.decode(one.payload)) for one in list_quarantined(street.connection)]
    assert sorted(reason for reason, _ in kept) == sorted(reason for _, reason in BROKEN.values())
    assert all(payload in [said for _, said in kept] for payload, _ in BROKEN.values())


def test_i8_siblings_of_an_unreadable_value_survive(street: Street) -> None:
    for number, (payload, _) in enumerate(VALUES.values(), 1):
        street.send("d1", b'{"boot":"b","seq":%d,' % number + payload[1:])
    street.settle()
    assert [row["heart_rate"] for row in street.stored()] == [72.0] * len(VALUES)
    assert all("spo2" not in row for row in street.stored())
    kept = list_quarantined(street.connection)
    assert sorted(one.reason for one in kept) == sorted(reason for _, reason in VALUES.values())
    assert street.counts() == (len(VALUES), 0, 0, len(VALUES))


def test_i8_every_broken_element_of_an_array_is_kept_and_its_neighbours_are_stored(street: Street) -> None:
    street.send("d1", [good(61, boot="b", seq=1), 5, {"values": {}}, "x", good(62, boot="b", seq=2), None, {}, good(63)])
    street.settle()
    assert sorted(row["heart_rate"] for row in street.stored()) == [61.0, 62.0, 63.0]
    kept = sorted(one.payload for one in list_quarantined(street.connection))
    assert kept == sorted([b"5", b'"x"', b"null", b'{"values":{}}', b"{}"])


def test_i8_repeated_garbage_is_one_row_that_counts(street: Street) -> None:
    for _ in range(3):
        street.send("d1", b"hello")
    street.settle()
    assert street.refused() == {"bad_json": (1, 3, 0)}


def test_i8_strangers_are_kept_with_their_name(street: Street) -> None:
    street.send("ghost", good())
    street.client.publish("wardlight/v1/ghost/state", {"state": "online"})
    street.client.publish("wardlight/v1//readings", good())
    street.connection.execute("UPDATE device SET revoked_at = now() WHERE public_id = 'd2'")
    time.sleep(3.1)  # what ingest knows of a device it believes for three seconds
    street.send("d2", good())
    street.settle()
    kept = sorted((one.reason, one.device, one.topic) for one in list_quarantined(street.connection))
    assert kept == [
        ("revoked_device", "d2", "wardlight/v1/d2/readings"),
        ("unknown_device", None, "wardlight/v1/ghost/readings"),
        ("unknown_device", None, "wardlight/v1/ghost/state"),
        ("unknown_topic", None, "wardlight/v1//readings"),
    ]


def test_a_device_of_nobody_is_stored_and_judged_for_nobody(street: Street) -> None:
    street.send("d2", good(180))
    street.settle()
    (row,) = street.stored("d2")
    assert row["heart_rate"] == 180 and "patient_id" not in row
    assert street.connection.execute("SELECT 1 FROM patient_state WHERE judged > 0").fetchone() is None


def test_i8_impossible_times_are_kept_with_their_values(street: Street) -> None:
    now = dt.datetime.now(dt.UTC)
    street.send("d1", good(61, boot="b", seq=1, time="1970-01-01T00:00:10Z"))
    street.send("d1", good(62, boot="b", seq=2, time=(now + dt.timedelta(days=2)).isoformat()))
    street.send("d1", good(63, time="9999-12-31T23:59:59.999999Z"))
    street.send("d1", good(64, boot="b", seq=3, time="0001-01-01T00:00:00Z"))
    street.settle()
    assert street.stored() == []
    kept = list_quarantined(street.connection)
    assert {one.reason for one in kept} == {"impossible_time"}
    assert sorted(msgspec.json.decode(one.payload)["values"]["heart_rate"]["value"] for one in kept) == [61, 62, 63, 64]
    assert street.counts() == (0, 0, 0, 4)
    with Client(street.broker, "watcher") as watcher:
        watcher.subscribe("wardlight/v1/d1/ack")
        # what is in quarantine counts as taken
        until(lambda: watcher.last("wardlight/v1/d1/ack") == {"boot": "b", "seq": 3})


def test_a_clock_that_was_never_set_is_corrected_by_what_it_shows(street: Street) -> None:
    street.send("d1", good(61, boot="b", seq=1, time="1970-01-01T00:00:10Z", clock="1970-01-01T00:01:10Z"))
    now = dt.datetime.now(dt.UTC)
    ahead = now + dt.timedelta(hours=5)
    street.send("d1", good(62, boot="b", seq=2, time=ahead.isoformat(), clock=(ahead + dt.timedelta(minutes=2)).isoformat()))
    street.settle()
    first, second = street.stored()
    assert 50 < (first["received_at"] - first["measured_at"]).total_seconds() < 61
    assert second["device_time"] == ahead and 119 < (second["received_at"] - second["measured_at"]).total_seconds() < 121


def test_i2_duplicates_are_stored_once(street: Street) -> None:
    now = dt.datetime.now(dt.UTC).isoformat()
    for _ in range(3):
        street.send("d1", good(61, boot="b", seq=1, time=now))
        street.send("d1", good(62, boot="b", seq=2))  # its time is its arrival, which differs
        street.send("d1", good(63, time=now))
        street.send("d1", good(64))
    street.send("d1", [good(61, boot="b", seq=1, time=now)] * 5)
    street.settle()
    assert sorted(row["heart_rate"] for row in street.stored()) == [61.0, 62.0, 63.0, 64.0]
    assert street.counts() == (4, 0, 13, 0)
    assert street.connection.execute("SELECT judged FROM patient_state").fetchone() == (4,)


def test_out_of_order_and_a_hole_are_taken_and_acknowledged_up_to_the_hole(street: Street) -> None:
    for seq in (5, 3, 1, 2):
        street.send("d1", good(60 + seq, boot="b", seq=seq, time=f"2026-01-0{seq}T00:00:00Z"))
    street.settle()
    assert [row["seq"] for row in street.stored()] == [1, 2, 3, 5]
    with Client(street.broker, "watcher") as watcher:
        watcher.subscribe("wardlight/v1/d1/+")
        until(lambda: watcher.last("wardlight/v1/d1/ack") == {"boot": "b", "seq": 3})
        street.send("d1", good(64, boot="b", seq=4, time="2026-01-04T00:00:00Z"))
        until(lambda: watcher.last("wardlight/v1/d1/ack") == {"boot": "b", "seq": 5})
    assert street.connection.execute("SELECT judged FROM patient_state").fetchone() == (5,)


def test_a_measurement_may_be_the_last_of_all_numbers(street: Street) -> None:
    last = 2**63 - 1
    street.send("d1", good(61, boot="b", seq=last, first=last))
    street.settle()
    assert [row["seq"] for row in street.stored()] == [last]
    gap = street.connection.execute("SELECT boot, from_seq, to_seq FROM device_gap").fetchall()
    assert gap == [("b", 1, last - 1)]


def test_what_the_broker_kept_is_backfill_where_it_says_its_time(
    mosquitto: None, plain_database_url: str, tmp_path: Path
) -> None:
    with broker_in(tmp_path / "broker") as broker, psycopg.connect(plain_database_url, autocommit=True) as connection:
        add_device(connection, "d1")
        with Client(broker, "anyone") as client:
            client.publish("wardlight/v1/d1/readings", [good(61, time="2026-01-01T00:00:00Z"), good(62)], retain=True)
            with Worker(plain_database_url, broker):
                until(lambda: connection.execute("SELECT heart_rate FROM measurement").fetchall() == [(61.0,)])
                until(lambda: count_quarantined(connection) == {"impossible_time": (1, 1, 1)})


def test_a_full_array_is_stored_whole(street: Street) -> None:
    day = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    street.send(
        "d1",
        [good(60 + n % 40, boot="b", seq=n + 1, time=(day + n * dt.timedelta(minutes=1)).isoformat()) for n in range(1000)],
    )
    street.settle()
    assert len(street.stored()) == 1000 and street.counts() == (1000, 0, 0, 0)


def test_i8_a_state_that_says_nothing_is_kept(street: Street) -> None:
    for payload in (b"online", b"{}", {"state": "asleep"}, b"[" * 5000, {"state": "online", "boot": "b\0", "first": "x"}):
        street.client.publish("wardlight/v1/d1/state", payload)
    street.settle()
    assert street.refused() == {"bad_json": (1, 1, 0), "wrong_shape": (2, 2, 0), "too_deep": (1, 1, 0)}
    assert street.connection.execute("SELECT online, online_boot FROM device_state ORDER BY device_id").fetchall() == [
        (True, None),
        (None, None),
    ]


def test_i8_gateways_are_heard_and_their_garbage_is_kept(street: Street) -> None:
    scale = add_device(street.connection, "theengs-5ccad34cee74")
    say: Callable[[str, Any], None] = lambda mac, payload: street.client.publish(f"home/g/BTtoMQTT/{mac}", payload, qos=0)  # noqa: E731
    for _ in range(5):
        say("5CCAD34CEE74", {"id": "5C:CA:D3:4C:EE:74", "weighing_mode": "person", "unit": "lb", "weight": "136.1"})
    say("5CCAD34CEE74", {"id": "5C:CA:D3:4C:EE:74", "weighing_mode": "object", "unit": "kg", "weight": 4.2})
    say("5CCAD34CEE74", {"id": "5C:CA:D3:4C:EE:74", "weighing_mode": "person", "unit": "stone", "weight": 9})
    say("5CCAD34CEE74", b"{")
    say("AABBCCDDEEFF", {"id": "AA:BB:CC:DD:EE:FF", "tempc": 21.4, "hum": 40})  # a room, of no concern
    say("AABBCCDDEE00", {"id": "AA:BB:CC:DD:EE:00", "bpm": 71})  # a stranger's heart
    street.settle()
    (row,) = street.stored("theengs-5ccad34cee74")
    assert row["body_weight"] == pytest.approx(61.734, abs=0.001) and row["device_id"] == scale
    assert row["original"] == {"body_weight": {"unit": "[lb_av]", "value": 136.1}}
    assert street.refused() == {
        "bad_json": (1, 1, 0),
        "not_a_person": (1, 1, 1),
        "unknown_device": (1, 1, 0),
        "unknown_unit": (1, 1, 1),
    }
    assert street.counts("theengs-5ccad34cee74") == (1, 0, 4, 2)


def test_every_reason_that_is_kept_has_a_sentence(street: Street) -> None:
    for payload, _ in (*UNREADABLE.values(), *VALUES.values()):
        street.send("d1", payload)
    street.settle()
    assert set(street.refused()) <= set(REASONS)
