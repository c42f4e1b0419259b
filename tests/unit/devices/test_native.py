"""The native payload: one shape for every device, two ways to the same answer, and no byte that gets past Unreadable."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.codecs import lenient, native
from devices.codecs.instant import parse_time
from devices.decoded import REASONS, Decoded, Unreadable
from devices.vitals import COLUMN, VITALS

EXAMPLE: dict[str, Any] = {
    "boot": "k3f9",
    "seq": 1042,
    "time": "2026-11-23T08:00:00-05:00",
    "clock": "2026-11-23T08:00:03-05:00",
    "values": {
        "systolic_bp": {"value": 128, "unit": "mm[Hg]"},
        "diastolic_bp": {"value": 82, "unit": "mm[Hg]"},
        "heart_rate": {"value": 71, "unit": "/min"},
    },
    "context": {"posture": "sitting"},
    "flags": ["irregular_pulse"],
    "user_slot": 1,
    "battery": 81,
}


def decode_one(**changes: Any) -> Decoded:
    document = {key: value for key, value in {**EXAMPLE, **changes}.items() if value is not ...}
    (decoded,) = native.decode(json.dumps(document).encode())
    return decoded


def named(decoded: Decoded) -> dict[str, float]:
    return {VITALS[column].name: value for column, value in zip(decoded.columns, decoded.values, strict=True)}


def reasons(decoded: Decoded) -> list[str]:
    return [fault.reason for fault in decoded.faults]


def test_the_documented_example() -> None:
    decoded = decode_one()
    assert named(decoded) == {"systolic_bp": 128.0, "diastolic_bp": 82.0, "heart_rate": 71.0}
    assert (decoded.boot, decoded.seq, decoded.user_slot, decoded.battery) == ("k3f9", 1042, 1, 81)
    assert decoded.time == 1_795_438_800_000_000
    assert decoded.clock == 1_795_438_803_000_000
    assert decoded.flags == ("irregular_pulse",)
    assert decoded.original == {"context": {"posture": "sitting"}}
    assert (decoded.suspect, decoded.faults, decoded.first, decoded.consciousness) == (0, (), None, 0)


def test_an_array_holds_many() -> None:
    small = {"boot": "k3f9", "values": {"spo2": {"value": 97, "unit": "%"}}}
    payload = json.dumps([{**small, "seq": seq} for seq in range(1, 1001)]).encode()
    assert [decoded.seq for decoded in native.decode(payload)] == list(range(1, 1001))


def test_an_array_of_more_than_a_thousand_is_refused_whole() -> None:
    with pytest.raises(Unreadable, match="10,000 measurements") as caught:
        native.decode(json.dumps([{"values": {}}] * 10_000).encode())
    assert caught.value.reason == "too_many"


def test_one_broken_element_leaves_its_siblings() -> None:
    payload = json.dumps([EXAMPLE, 7, {**EXAMPLE, "seq": 1043}, {**EXAMPLE, "time": "yesterday"}]).encode()
    good, broken, also_good, timeless = native.decode(payload)
    assert good.columns == also_good.columns == [0, 4, 5]
    assert (broken.columns, reasons(broken), broken.faults[0].raw) == ([], ["not_a_measurement"], b"7")
    assert (timeless.columns, reasons(timeless), timeless.seq) == ([], ["bad_time"], 1042)
    assert json.loads(timeless.faults[0].raw)["values"] == EXAMPLE["values"]


def test_other_units_are_converted_and_kept_as_sent() -> None:
    decoded = decode_one(values={"body_weight": {"value": 180, "unit": "[lb_av]"}}, context=...)
    assert named(decoded)["body_weight"] == pytest.approx(81.6466)
    assert decoded.original == {"body_weight": {"value": 180, "unit": "[lb_av]"}}


@pytest.mark.parametrize(
    ("name", "given", "reason"),
    [
        ("heart_rate", {"value": 71, "unit": "bpm"}, "unknown_unit"),
        ("heart_rate", {"value": 71}, "no_unit"),
        ("heart_rate", {"value": "71", "unit": "/min"}, "not_a_number"),
        ("heart_rate", {"value": True, "unit": "/min"}, "not_a_number"),
        ("heart_rate", {"value": None, "unit": "/min"}, "not_a_number"),
        ("heart_rate", None, "not_a_number"),
        ("heart_rate", 71, "not_a_number"),
        ("heart_rate", {"value": float("nan"), "unit": "/min"}, "not_finite"),
        ("heart_rate", {"value": float("inf"), "unit": "/min"}, "not_finite"),
        ("heart_rate", {"value": 10**400, "unit": "/min"}, "not_finite"),
        ("bilirubin", {"value": 1, "unit": "mg/dL"}, "unknown_vital"),
        ("consciousness", {"code": "X"}, "unknown_code"),
        ("consciousness", {"code": []}, "unknown_code"),
    ],
)
def test_a_value_that_cannot_be_read_is_alone_in_its_fault(name: str, given: Any, reason: str) -> None:
    decoded = decode_one(values={"spo2": {"value": 97, "unit": "%"}, name: given})
    assert named(decoded) == {"spo2": 97.0}
    assert reasons(decoded) == [reason]
    fault = decoded.faults[0]
    assert fault.vital == name
    again = json.loads(fault.raw)
    assert list(again["values"]) == [name]
    assert (again["boot"], again["seq"], again["time"]) == (EXAMPLE["boot"], EXAMPLE["seq"], EXAMPLE["time"])
    assert reasons(native.decode(fault.raw)[0]) == [reason]


@pytest.mark.parametrize("vital", VITALS, ids=lambda vital: vital.name)
def test_implausible_values_are_kept_and_marked(vital: Any) -> None:
    for value in (vital.low - 1, vital.high + 1):
        decoded = decode_one(values={vital.name: {"value": value, "unit": vital.unit}})
        assert named(decoded) == {vital.name: value}
        assert decoded.suspect == 1 << COLUMN[vital.name]
    for value in (vital.low, vital.high):
        assert decode_one(values={vital.name: {"value": value, "unit": vital.unit}}).suspect == 0


def test_pressures_that_nearly_meet_are_both_suspect() -> None:
    pair = {"systolic_bp": {"value": 85, "unit": "mm[Hg]"}, "diastolic_bp": {"value": 80, "unit": "mm[Hg]"}}
    assert decode_one(values=pair).suspect == 1 << COLUMN["systolic_bp"] | 1 << COLUMN["diastolic_bp"]


def test_a_meter_out_of_its_range_is_an_extreme_result() -> None:
    low = decode_one(values={"blood_glucose": {"value": "LO", "unit": "mg/dL"}}, context=..., flags=...)
    assert (named(low), low.flags, low.faults) == ({"blood_glucose": 20.0}, ("lo",), ())
    assert low.original == {"blood_glucose": {"value": "LO", "unit": "mg/dL"}}
    high = decode_one(values={"cgm_glucose": {"value": "HIGH", "unit": "mmol/L"}})
    assert (named(high), high.flags) == ({"cgm_glucose": 400.0}, ("hi", "irregular_pulse"))


def test_consciousness_is_a_code() -> None:
    decoded = decode_one(values={"consciousness": {"code": "V"}})
    assert (decoded.columns, chr(decoded.consciousness), decoded.faults) == ([], "V", ())


def test_half_an_identity_is_none() -> None:
    for half in ({"seq": ...}, {"boot": ...}):
        decoded = decode_one(**half)
        assert (decoded.boot, decoded.seq) == (None, None)
        assert "no_identity" in decoded.flags


@pytest.mark.parametrize(
    "changes", [{"seq": 0}, {"seq": "7"}, {"seq": 2**63}, {"boot": ""}, {"boot": "a\x00b"}, {"boot": "x" * 65}]
)
def test_a_broken_identity_refuses_the_measurement(changes: dict[str, Any]) -> None:
    decoded = decode_one(**changes)
    assert (decoded.columns, reasons(decoded)) == ([], ["bad_sequence"])


@pytest.mark.parametrize(
    "time", ["2026-11-23T08:00:00", "2026-13-23T08:00:00Z", "", 1_795_438_800, "0001-01-01T00:00:00+14:00x", [], {}]
)
def test_a_time_nobody_can_place_refuses_the_measurement(time: Any) -> None:
    decoded = decode_one(time=time)
    assert (decoded.columns, reasons(decoded)) == ([], ["bad_time"])


def test_an_unreadable_clock_is_only_flagged() -> None:
    decoded = decode_one(clock="noon")
    assert (decoded.clock, decoded.columns, decoded.flags) == (None, [0, 4, 5], ("clock_unreadable", "irregular_pulse"))


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "empty"),
        (b"  ", "empty"),
        (b"[]", "empty"),
        (b"{", "bad_json"),
        (b'{"values":{"spo2":{"value":97,"unit":"%"}}', "bad_json"),
        (b"7", "wrong_shape"),
        (b'"LO"', "wrong_shape"),
        (b"null", "wrong_shape"),
        (b"\xff\xfe{}", "not_text"),
        (b"[" * 100_000, "too_deep"),
        (b'{"values":' * 50 + b"1" + b"}" * 50, "too_deep"),
        (b" " * 262_145, "too_large"),
        (b"[" + b"9" * 5000 + b"]", "bad_json"),
    ],
)
def test_payloads_of_which_nothing_can_be_made(payload: bytes, reason: str) -> None:
    with pytest.raises(Unreadable) as caught:
        native.decode(payload)
    assert caught.value.reason == reason


def test_a_fault_is_never_much_larger_than_what_it_holds() -> None:
    junk = "x" * 100_000
    values = {f"v{number}": 1 for number in range(100)}
    decoded = decode_one(values=values, clock=junk, other=junk)
    assert len(decoded.faults) == 100
    assert sum(len(fault.raw) for fault in decoded.faults) < 20_000
    decoded = decode_one(values={f"v{number}": 1 for number in range(101)})
    assert (decoded.columns, reasons(decoded)) == ([], ["too_many"])


def test_flags_and_context_that_are_not_short_words_are_faults() -> None:
    decoded = decode_one(flags=["a\x00b"], context={"note": "x" * 1000})
    assert decoded.columns == [0, 4, 5]
    assert (decoded.flags, decoded.original, reasons(decoded)) == ((), None, ["bad_flags", "bad_context"])


@given(st.binary(max_size=200))
def test_whatever_the_bytes_only_unreadable_is_raised(payload: bytes) -> None:
    reason = "wrong_shape"
    try:
        native.decode(payload)
    except Unreadable as error:
        reason = error.reason
    assert reason in REASONS


_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["LO", "HI", "%", "/min"])
)
_json = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
_numbers = st.integers(-500, 500) | st.floats(allow_nan=True) | st.sampled_from([71, 97, 36.8, 120, 80, "LO"])
_value = st.fixed_dictionaries(
    {"value": _numbers}, optional={"unit": st.sampled_from(["/min", "%", "mm[Hg]", "kPa", "kg", "mg/dL", "Cel", "x"])}
)
_names = st.sampled_from([*COLUMN, "consciousness", "other"])
_envelope = {
    "boot": st.sampled_from(["k3f9", "b"]) | _json,
    "seq": st.integers(1, 50) | _json,
    "time": st.sampled_from(["2026-11-23T08:00:00-05:00", "2026-11-23T08:00:00.125Z"]) | _json,
    "clock": st.sampled_from(["2026-11-23T08:00:00+05:30"]) | _json,
    "first": st.integers(1, 9) | _json,
    "battery": st.integers(0, 100) | _json,
    "user_slot": st.integers(0, 99) | _json,
    "flags": st.lists(st.sampled_from(["irregular_pulse", "x y"])) | _json,
    "context": st.dictionaries(st.sampled_from(["posture", "a b"]), st.text(max_size=4)) | _json,
}
_measurement = st.fixed_dictionaries(
    {"values": st.dictionaries(_names, _value | _json | st.just({"code": "C"}), max_size=4) | _json}, optional=_envelope
)


@settings(max_examples=200)
@given(_measurement | st.lists(_measurement, max_size=3) | _json)
def test_both_ways_give_the_same_answer_and_every_value_is_accounted_for(document: Any) -> None:
    payload = json.dumps(document).encode()
    try:
        found = native.decode(payload)
    except Unreadable as error:
        reason = error.reason
        found = None
    if found is None:
        with pytest.raises(Unreadable, match=reason):
            lenient.decode(payload)
        return
    assert found == lenient.decode(payload)
    for decoded, element in zip(found, document if isinstance(document, list) else [document], strict=True):
        assert all(fault.reason in REASONS for fault in decoded.faults)
        assert all(abs(value) < 1e31 for value in decoded.values)
        whole = [fault for fault in decoded.faults if fault.vital is None and fault.reason not in {"bad_flags", "bad_context"}]
        if not whole:
            lost = sum(fault.vital is not None for fault in decoded.faults)
            assert len(decoded.columns) + bool(decoded.consciousness) + lost == len(element["values"])


@given(st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()))
def test_a_time_is_the_same_however_often_it_is_read(text: str) -> None:
    try:
        first = parse_time(text)
    except ValueError:  # before 1900 some zones have offsets with seconds
        return
    assert parse_time(text) == first
