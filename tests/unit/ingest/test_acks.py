"""Application acknowledgements: coalesced, retained, and a hole asked for once a minute."""

import json

from ingest.acks import Acknowledger
from ingest.commit import Taken
from ingest.outgoing import Publication


def test_a_device_is_told_at_most_once_a_second_and_last_word_wins() -> None:
    sent: list[Publication] = []
    acks = Acknowledger(sent.extend)
    acks.note([Taken("d1", "k3f9", 10, has_hole=False)])
    assert acks.flush(100.0) is None
    acks.note([Taken("d1", "k3f9", 11, has_hole=False)])
    acks.note([Taken("d1", "k3f9", 12, has_hole=False)])
    assert acks.flush(100.4) == 101.0
    assert acks.flush(101.0) is None
    assert [(topic, json.loads(payload), retain) for topic, payload, retain in sent] == [
        ("wardlight/v1/d1/ack", {"boot": "k3f9", "seq": 10}, True),
        ("wardlight/v1/d1/ack", {"boot": "k3f9", "seq": 12}, True),
    ]


def test_a_hole_is_asked_for_once_a_minute() -> None:
    sent: list[str] = []
    acks = Acknowledger(lambda said: sent.extend(one.topic + " " + one.payload.decode() for one in said if not one.retain))
    for second in range(0, 121, 5):
        acks.note([Taken("d1", "k3f9", 4, has_hole=True)])
        acks.flush(float(second))
    assert sent == ['wardlight/v1/d1/command {"command":"resend","boot":"k3f9","from_seq":5}'] * 3


def test_acks_are_kept_per_boot_of_a_device() -> None:
    sent: list[dict[str, object]] = []
    acks = Acknowledger(lambda said: sent.extend(json.loads(one.payload) for one in said))
    acks.note([Taken("d1", "old", 90, has_hole=False), Taken("d1", "new", 3, has_hole=False)])
    acks.flush(0.0)
    acks.flush(1.0)
    assert sent == [{"boot": "old", "seq": 90}, {"boot": "new", "seq": 3}]
