"""A batch of messages of every kind: each measurement in its order of arrival, each refusal with its row."""

import json
from typing import Any

from ingest.draft import alone, decode, senders
from ingest.message import Message
from ingest.registry import KnownDevice

_KNOWN = {"cuff": KnownDevice(7, False), "ring": KnownDevice(8, False), "lost": KnownDevice(9, True)}


def _message(topic: str, content: Any, received: int = 0, *, retained: bool = False) -> Message:
    payload = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Message(1, 1, topic.encode(), payload, retained, received)


def _reading(seq: int, value: Any = 71, **more: Any) -> dict[str, Any]:
    values = {"heart_rate": {"value": value, "unit": "/min"}}
    return {"boot": "k3f9", "seq": seq, "time": "2026-11-23T08:00:00Z", "values": values, **more}


def test_usual_and_odd_messages_keep_their_order() -> None:
    messages = [
        _message("wardlight/v1/cuff/readings", _reading(1), 10),
        _message("wardlight/v1/ring/readings", [_reading(1), _reading(2, "NaN"), _reading(3)], 20, retained=True),
        _message("wardlight/v1/cuff/readings", _reading(2, flags=["irregular_pulse"]), 30),
        _message("wardlight/v1/cuff/readings", _reading(3, 500), 40),
        _message("wardlight/v1/cuff/readings", b"{", 50),
        _message("wardlight/v1/ring/readings", _reading(4), 60),
    ]
    draft = decode(messages, _KNOWN)
    assert draft.device.tolist() == [7, 8, 8, 8, 7, 7, 8]
    assert draft.columns.seq.tolist() == [1, 1, 2, 3, 2, 3, 4]
    assert draft.received.tolist() == [10, 20, 20, 20, 30, 40, 60]
    assert draft.retained.tolist() == [False, True, True, True, False, False, False]
    assert draft.message.tolist() == [0, 1, 1, 1, 2, 3, 5]
    assert draft.place.tolist() == [0, 0, 1, 2, 0, 0, 0]
    assert draft.columns.flags[4] == ("irregular_pulse",)
    assert draft.columns.suspect.tolist() == [0, 0, 0, 0, 0, 1, 0]
    assert draft.columns.readings().tolist() == [1, 1, 0, 1, 1, 1, 1]
    assert [(one.reason, one.row) for one in draft.refusals] == [("not_a_number", 2), ("bad_json", None)]
    assert json.loads(alone(messages[1], 2))["seq"] == 3


def test_who_is_not_known_is_refused_and_no_other() -> None:
    messages = [
        _message("wardlight/v1/nobody/readings", _reading(1)),
        _message("wardlight/v1/lost/readings", _reading(1)),
        _message("wardlight/v1/cuff/state", {"state": "online", "boot": "k3f9"}),
        _message("wardlight/v1/cuff/sideways", _reading(1)),
        _message("wardlight/v1/cuff/readings", _reading(1)),
    ]
    assert senders(messages) == {"nobody", "lost", "cuff"}
    draft = decode(messages, _KNOWN)
    assert draft.device.tolist() == [7]
    assert [one.reason for one in draft.refusals] == ["unknown_device", "revoked_device", "unknown_topic"]
    assert [device for device, _, _ in draft.states] == [7]


def test_no_message_is_no_measurement() -> None:
    draft = decode([], _KNOWN)
    assert len(draft.columns) == len(draft.device) == 0
