"""Whatever the bytes: a batch commits, every reading in it is counted once, and nothing is refused without a reason (I8)."""

import datetime as dt
import json
import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from alerts.engine import Engine
from alerts.rules import load_rules
from database.pool import connect
from devices.units import CONVERSION
from devices.vitals import VITALS
from ingest.acks import Acknowledger
from ingest.commit import Committer
from ingest.inbox import Inbox
from ingest.message import Message
from ingest.pipeline import Pipeline
from tests.ingesting import add_device, add_patient

pytestmark = pytest.mark.proof
NOW = dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)
_NOW_US = int(NOW.timestamp()) * 1_000_000


def _dump(given: Any) -> bytes:
    """Return JSON as a careless device writes it, NaN and lone surrogates included."""
    return json.dumps(given).encode()


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
_number = st.integers(-10, 400) | st.floats(0, 400) | st.floats() | st.integers()
_units = st.sampled_from([unit for _, unit in CONVERSION]) | st.text(max_size=4)
_reading = st.fixed_dictionaries({"value": _number, "unit": _units}) | _anything
_name = st.sampled_from([*(vital.name for vital in VITALS), "consciousness"]) | st.text(max_size=6)
_time = (
    st.integers(-4 * 86_400, 3 * 86_400).map(lambda seconds: (NOW + dt.timedelta(seconds=seconds)).isoformat())
    | st.datetimes().map(lambda moment: moment.isoformat() + "+00:00")
    | _anything
)
_plausible = st.fixed_dictionaries(
    {"heart_rate": st.fixed_dictionaries({"value": st.integers(20, 300), "unit": st.just("/min")})}
)
_measurement = st.fixed_dictionaries(
    {"values": _plausible | st.dictionaries(_name, _reading, max_size=4)},
    optional={
        "boot": st.sampled_from(["a", "b"]) | _anything,
        "seq": st.integers(1, 9) | st.integers() | _anything,
        "first": st.integers(1, 9) | _anything,
        "time": _time,
        "clock": _time,
        "user_slot": st.integers(-1, 4) | _anything,
        "battery": st.integers(0, 100) | _anything,
        "flags": st.lists(st.text(max_size=5), max_size=3) | _anything,
        "context": st.dictionaries(st.text(max_size=5), _anything, max_size=2),
    },
)
_payload = (
    _measurement.map(_dump)
    | st.lists(_measurement | _anything, max_size=4).map(_dump)
    | _anything.map(_dump)
    | st.binary(max_size=60)
)
_topic = st.sampled_from(
    [
        *(f"wardlight/v1/{name}/{kind}" for name in ("d1", "d2", "ghost", "") for kind in ("readings", "readings", "state")),
        "home/g/BTtoMQTT/5CCAD34CEE74",
        "home/g/BTtoMQTT",
    ]
).map(str.encode)
_batch = st.lists(st.tuples(_topic, _payload, st.booleans()), min_size=1, max_size=8)


class _Nobody:
    def acknowledge(self, messages: object) -> None:
        """Tell nobody."""


@pytest.fixture(scope="module")
def house(plain_cluster: Any) -> Iterator[tuple[Connection[Any], Connection[Any]]]:
    with (
        plain_cluster.fresh_database() as url,
        psycopg.connect(url, autocommit=True) as owner,
        connect(url, autocommit=True) as own,
    ):
        add_device(owner, "d1", add_patient(owner))
        add_device(owner, "d2")
        add_device(owner, "theengs-5ccad34cee74")
        yield owner, own


def totals(owner: Connection[Any]) -> tuple[int, ...]:
    """Return readings stored by count, stored by table, duplicate, quarantined; judged and attributed measurements."""
    filled = " + ".join(f"count({vital.name})" for vital in VITALS)
    row = owner.execute(
        "SELECT sum(readings_stored), (SELECT " + filled + " + count(consciousness) FROM measurement), sum(readings_duplicate),"
        " sum(readings_quarantined), (SELECT sum(judged) FROM patient_state), (SELECT count(patient_id) FROM measurement)"
        " FROM device_state"
    ).fetchone()
    assert row is not None
    return tuple(int(number or 0) for number in row)


@given(_batch)
@settings(
    max_examples=3000 if os.environ.get("PROVE") == "1" else 60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_i8_any_batch_commits_and_every_reading_is_counted_once(
    house: tuple[Connection[Any], Connection[Any]], batch: list[tuple[bytes, bytes, bool]]
) -> None:
    owner, own = house
    pipeline = Pipeline(
        own, Committer(Engine(load_rules(None))), Inbox(), _Nobody(), Acknowledger(lambda *_: None), lambda: NOW
    )
    before = totals(owner)
    messages = [Message(1, 1, topic, payload, retained, _NOW_US) for topic, payload, retained in batch]
    (outcome,) = pipeline.process(messages)
    after = totals(owner)
    stored, _, duplicate, quarantined, judged, attributed = (b - a for a, b in zip(before, after, strict=True))
    assert after[0] == after[1], "the counts are those of the table"
    assert (stored, duplicate, quarantined) == (outcome.stored, outcome.duplicate, outcome.quarantined)
    assert judged == attributed
    kept = {reason for (reason,) in owner.execute("SELECT DISTINCT reason FROM quarantine")}
    assert not kept & {"refused", "codec_failed"}
    (again,) = pipeline.process(messages)
    assert again.stored == 0, "delivered again, nothing is stored again"
