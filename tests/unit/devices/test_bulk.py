"""Messages read many at a time come out exactly as the general codec reads them one by one, or are left to it."""

import json
from dataclasses import fields
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.codecs import bulk, native
from devices.columns import Columns
from devices.decoded import Unreadable
from devices.vitals import VITALS

_TIMES = st.sampled_from(
    [
        "2026-11-23T08:00:00-05:00",
        "2026-11-23T08:00:00.250Z",
        "2026-11-23t08:00:59.123456789z",
        "1969-12-31T23:59:59.999999Z",
        "2026-11-23T08:00:00",
        "yesterday",
        "",
    ]
)
_NUMBERS = st.one_of(st.floats(0, 400), st.integers(0, 400), st.none(), st.just("71"))


@st.composite
def _messages(draw: st.DrawFn) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for vital in draw(st.lists(st.sampled_from(VITALS), max_size=6)):
        values[vital.name] = {"value": draw(_NUMBERS), "unit": draw(st.sampled_from([vital.unit, "kPa"]))}
    if draw(st.booleans()):
        values["consciousness"] = {"code": "A"}
    message: dict[str, Any] = {"values": values}
    for name, content in {
        "boot": st.sampled_from(["k3f9", "", "ne\u200bver", "x" * 100]),
        "seq": st.integers(-1, 3),
        "time": _TIMES,
        "clock": _TIMES,
        "first": st.integers(0, 3),
        "user_slot": st.integers(-1, 100),
        "battery": st.integers(-1, 101),
        "flags": st.sampled_from([None, [], ["irregular_pulse"]]),
        "context": st.sampled_from([None, {}, {"posture": "sitting"}]),
        "model": st.just("of no interest"),
    }.items():
        if draw(st.booleans()) or (name in {"boot", "seq", "time"} and draw(st.booleans())):
            message[name] = draw(content)
    return message


@given(st.lists(_messages(), max_size=5))
def test_what_is_read_at_once_is_what_the_general_codec_reads(messages: list[dict[str, Any]]) -> None:
    payloads, usual = [], []
    for message in messages:
        payload = json.dumps(message).encode()
        try:
            usual.append(bulk.read(payload))
            payloads.append(payload)
        except bulk.UNUSUAL:
            pass
    columns, holds = bulk.build(usual)
    _is_same(columns.take(np.flatnonzero(holds)), _one_by_one(payloads, holds))


def test_most_devices_messages_are_usual() -> None:
    payload = json.dumps(
        {
            "boot": "k3f9",
            "seq": 1042,
            "time": "2026-11-23T08:00:00-05:00",
            "clock": "2026-11-23T08:00:03-05:00",
            "values": {"systolic_bp": {"value": 128, "unit": "mm[Hg]"}, "diastolic_bp": {"value": 82, "unit": "mm[Hg]"}},
            "battery": 81,
        }
    ).encode()
    columns, holds = bulk.build([bulk.read(payload)] * 3)
    assert holds.all()
    _is_same(columns, _one_by_one([payload] * 3, holds))


def test_nothing_is_nothing() -> None:
    columns, holds = bulk.build([])
    assert len(columns) == len(holds) == 0


def _one_by_one(payloads: list[bytes], holds: np.ndarray[Any, np.dtype[np.bool_]]) -> Columns:
    decoded = []
    for payload, is_wanted in zip(payloads, holds.tolist(), strict=True):
        try:
            found = native.decode(payload)
        except Unreadable:
            assert not is_wanted
            continue
        if is_wanted:
            assert not found[0].faults
            decoded += found
    return Columns.of(decoded)


def _is_same(ours: Columns, theirs: Columns) -> None:
    for field in fields(Columns):
        left, right = getattr(ours, field.name), getattr(theirs, field.name)
        if isinstance(left, list):
            assert left == right
        else:
            assert left.dtype == right.dtype, field.name
            np.testing.assert_array_equal(left, right, err_msg=field.name)
