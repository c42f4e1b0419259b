"""What gateways hear: the shapes that Theengs Gateway and OpenMQTTGateway publish, and what is no vital of a person."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.codecs import CODECS, find_codec, theengs
from devices.decoded import REASONS, Decoded, Fault, Unreadable
from devices.identity import content_hash
from devices.vitals import COLUMN, VITALS

TOPIC = "home/TheengsGateway/BTtoMQTT/5CCAD34CEE74"
SCALE = {"id": "5C:CA:D3:4C:EE:74", "rssi": -69, "brand": "Xiaomi", "model_id": "XMTZC02HM/XMTZC05HM", "type": "SCALE"}
STRAP = {"id": "A0:9E:1A:00:00:01", "rssi": -54, "brand": "Polar", "model_id": "H10", "type": "BODY"}


def decode(**message: Any) -> list[Decoded]:
    return theengs.decode(TOPIC, json.dumps(message).encode())


def named(decoded: Decoded) -> dict[str, float]:
    return {VITALS[column].name: value for column, value in zip(decoded.columns, decoded.values, strict=True)}


def test_a_person_on_a_scale() -> None:
    (decoded,) = decode(**SCALE, weighing_mode="person", unit="kg", weight=72.45, impedance=503)
    assert named(decoded) == {"body_weight": 72.45}
    assert (decoded.time, decoded.boot, decoded.seq, decoded.user_slot, decoded.original) == (None, None, None, -1, None)


def test_pounds_are_converted_and_kept() -> None:
    (decoded,) = decode(**SCALE, weighing_mode="person", unit="lb", weight=140.65)
    assert named(decoded)["body_weight"] == pytest.approx(63.797766)
    assert decoded.original == {"body_weight": {"value": 140.65, "unit": "[lb_av]"}}


def test_numbers_as_text() -> None:
    (decoded,) = decode(**SCALE, weighing_mode="person", unit="KG", weight="72.45", batt="88")
    assert (named(decoded), decoded.battery) == ({"body_weight": 72.45}, 88)


@pytest.mark.parametrize("message", [{"weighing_mode": "object", "weight": 9.55}, {"weighing_mode": "person", "weight": 0}])
def test_a_suitcase_is_not_a_body_weight(message: dict[str, Any]) -> None:
    (decoded,) = decode(**SCALE, unit="kg", **message)
    assert decoded.columns == []
    assert [(fault.reason, fault.vital) for fault in decoded.faults] == [("not_a_person", "body_weight")]


def test_a_repeated_advertisement_is_the_same_content_and_the_same_fault() -> None:
    (first,) = decode(**SCALE, weighing_mode="person", unit="kg", weight=72.45)
    (again,) = decode(**{**SCALE, "rssi": -80}, weighing_mode="person", unit="kg", weight=72.45, impedance=503)
    assert content_hash(first) == content_hash(again)
    (object_,) = decode(**SCALE, weighing_mode="object", unit="kg", weight=5.1)
    (object_again,) = decode(**{**SCALE, "rssi": -80}, weighing_mode="object", unit="kg", weight=5.1)
    assert object_.faults == object_again.faults
    assert theengs.decode(TOPIC, object_.faults[0].raw)[0].faults == object_.faults


def test_a_strap_and_a_band() -> None:
    (strap,) = decode(**STRAP, bpm=70)
    assert (named(strap), strap.flags) == ({"heart_rate": 70.0}, ())
    (band,) = decode(model_id="MB/SW", type="BODY", steps=9101, act_bpm=125, device="Tracker", mac="AA:BB:CC:DD:EE:FF")
    assert (named(band), band.flags) == ({"heart_rate": 125.0, "steps": 9101.0}, ("activity",))
    (zero,) = decode(**STRAP, bpm=0)
    assert zero.suspect == 1 << COLUMN["heart_rate"]


@pytest.mark.parametrize(
    "message",
    [
        {"id": "F3:52:85:00:00:00", "rssi": -82, "model_id": "BM_V23", "tempc": 24.1, "tempf": 75.38, "hum": 104.7},
        {"id": "DB:C5:13:ED:92:8E", "model_id": "SKALE", "type": "SCALE", "weight": 92.9},
        {"id": "4F:11:22:33:44:55", "rssi": -90, "manufacturerdata": "4c0010"},
        {"id": "4F:11:22:33:44:55", "presence": "absent"},
        {},
    ],
)
def test_what_is_no_vital_of_a_person_gives_nothing(message: dict[str, Any]) -> None:
    assert decode(**message) == []


def test_a_body_thermometer() -> None:
    (decoded,) = decode(id="00:11:22:33:44:55", type="BODY", tempc="38.4", tempf=101.1)
    assert named(decoded) == {"body_temperature": 38.4}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"weighing_mode": "person", "weight": 72.45}, "no_unit"),
        ({"weighing_mode": "person", "unit": "jin", "weight": 144.9}, "unknown_unit"),
        ({"weighing_mode": "person", "unit": "kg", "weight": "heavy"}, "not_a_number"),
        ({"weighing_mode": "person", "unit": "kg", "weight": float("nan")}, "not_a_number"),
        ({"weighing_mode": "person", "unit": "kg", "weight": [72]}, "not_a_number"),
    ],
)
def test_faults_keep_what_came(message: dict[str, Any], reason: str) -> None:
    (decoded,) = decode(**SCALE, **message)
    assert [fault.reason for fault in decoded.faults] == [reason]
    assert decoded.columns == []


@pytest.mark.parametrize(
    ("topic", "payload", "device"),
    [
        (TOPIC, b"", "theengs-5ccad34cee74"),
        ("home/OpenMQTTGateway_ESP32_BLE/BTtoMQTT/5ccad34cee74", b"{}", "theengs-5ccad34cee74"),
        ("home/mac/BTtoMQTT/F35285", b'{"id":"F3:52:85"}', "theengs-f35285"),
        ("home/mac/BTtoMQTT/x", b'{"mac":"AA:BB:CC:DD:EE:FF","id":"E6BF-1"}', "theengs-aabbccddeeff"),
    ],
)
def test_the_device_is_its_address(topic: str, payload: bytes, device: str) -> None:
    assert theengs.device_of(topic, payload) == device


@pytest.mark.parametrize("topic", ["home/gateway/BTtoMQTT", "home/gateway/BTtoMQTT/x"])
def test_a_message_about_nobody_is_unreadable(topic: str) -> None:
    with pytest.raises(Unreadable):
        theengs.device_of(topic, b"{}")


@pytest.mark.parametrize(
    ("topic", "codec"),
    [
        ("wardlight/v1/cuff-7/readings", "native"),
        (TOPIC, "theengs"),
        ("home/g/BTtoMQTT", "theengs"),
        ("wardlight/v1/cuff-7/state", None),
        ("wardlight/v1/a/b/readings", None),
        ("home/g/SYStoMQTT", None),
    ],
)
def test_topics_find_their_codec(topic: str, codec: str | None) -> None:
    found = find_codec(topic)
    assert (found and found.name) == codec


_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["70", "kg", "lb"])
_json = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
_keys = ["id", "mac", "weight", "unit", "weighing_mode", "bpm", "act_bpm", "steps", "tempc", "batt", "type", "model_id"]


@given(
    st.text(max_size=30),
    st.binary(max_size=60) | st.dictionaries(st.sampled_from(_keys), _json).map(lambda d: json.dumps(d).encode()),
)
def test_whatever_the_bytes_only_unreadable_is_raised(topic: str, payload: bytes) -> None:
    for read in (CODECS["theengs"].decode, CODECS["theengs"].device_of):
        found: Any = []
        try:
            found = read(topic, payload)
        except Unreadable as error:
            found = [Decoded([], [], faults=(Fault(error.reason, "", None, b""),))]
        if isinstance(found, list):
            assert all(fault.reason in REASONS for decoded in found for fault in decoded.faults)
