"""What devices are told, from the outbox to the topic they listen on: once, in time, and by nobody but ingest."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from database.pool import connect
from ingest.commands import TOO_LATE, send_commands
from ingest.outgoing import Publication
from messaging import queries
from messaging.notice import Planned
from messaging.outbox import LEASE

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.fixture
def own(plain_database_url: str) -> Iterator[Connection[Any]]:
    with connect(plain_database_url, autocommit=True) as opened:
        command = Planned(queries.DEVICE_COMMAND, "cuff-1", '{"command":"measure","vital":"systolic_bp"}', "pending", "recheck")
        line = Planned("console", "operator", "look", "pending", "opened")
        queries.add_notices(opened, [(None, command), (None, line)], NOW)
        yield opened


def states(own: Connection[Any]) -> list[tuple[Any, ...]]:
    return own.execute("SELECT channel, state FROM outbox ORDER BY id").fetchall()


def test_a_device_is_told_once_on_its_own_topic(own: Connection[Any]) -> None:
    sent: list[Publication] = []
    assert send_commands(own, sent.extend, NOW) == 1
    assert send_commands(own, sent.extend, NOW) == 0
    assert sent == [Publication("wardlight/v1/cuff-1/command", b'{"command":"measure","vital":"systolic_bp"}', retain=False)]
    assert states(own) == [("device_command", "delivered"), ("console", "pending")]


def test_what_nobody_waits_for_any_more_is_not_asked(own: Connection[Any]) -> None:
    sent: list[Publication] = []
    assert send_commands(own, sent.extend, NOW + TOO_LATE + timedelta(seconds=1)) == 1
    assert not sent and states(own)[0] == ("device_command", "dead")


def test_work_leaves_devices_to_ingest(own: Connection[Any]) -> None:
    assert [notice.channel for notice in queries.claim(own, NOW, LEASE, 10)] == ["console"]
    own.execute("UPDATE outbox SET state = 'delivered' WHERE channel = 'console'")
    assert queries.next_due(own) is None
