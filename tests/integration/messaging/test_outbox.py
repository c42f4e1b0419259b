"""The outbox on the real database: claimed once, sent outside of transactions, tried again, given up loudly."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from messaging import queries
from messaging.notice import Notice, Planned
from messaging.outbox import LEASE, MOST_TRIES, ConsoleChannel, deliver_due, wait_after

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
Pool = ConnectionPool[Connection[Any]]


def even() -> float:
    """Neither good nor bad luck: waits are what they are."""
    return 0.5


class Stubborn:
    """A channel that answers as it was told to."""

    def __init__(self, *answers: tuple[bool, str | None] | Exception) -> None:
        self._answers: Iterator[tuple[bool, str | None] | Exception] = iter(answers)
        self.got: list[Notice] = []

    def deliver(self, notice: Notice) -> tuple[bool, str | None]:
        self.got.append(notice)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def planned(pool: Pool) -> Pool:
    with pool.connection() as conn:
        pending = Planned("console", "operator", "alert a1 opened, severity high", "pending", "opened with severity high")
        withheld = Planned(
            "console", "operator", "alert a2 opened, severity low", "withheld", "low severity is shown, not sent"
        )
        queries.add_notices(conn, [(None, pending), (None, withheld)], NOW)
    return pool


def row(pool: Pool) -> tuple[Any, ...]:
    with pool.connection() as conn:
        found = conn.execute("SELECT state, attempts, due_at, error FROM outbox WHERE body LIKE 'alert a1%'").fetchone()
    assert found is not None
    return found


def test_what_is_due_is_delivered_once(planned: Pool) -> None:
    said = io.StringIO()
    channels = {"console": ConsoleChannel(said)}
    assert deliver_due(planned, channels, NOW - timedelta(seconds=1)) == 0
    assert deliver_due(planned, channels, NOW) == 1
    assert deliver_due(planned, channels, NOW + timedelta(days=1)) == 0
    assert said.getvalue() == "alert a1 opened, severity high\n"
    assert row(planned)[0] == "delivered"


def test_a_failed_delivery_is_tried_again_later_and_later(planned: Pool) -> None:
    channel = Stubborn((True, "busy"), RuntimeError("secret"), (True, None), (False, None))
    assert deliver_due(planned, {"console": channel}, NOW, luck=even) == 1
    assert row(planned) == ("pending", 1, NOW + wait_after(1), "busy")
    assert deliver_due(planned, {"console": channel}, NOW + timedelta(seconds=14)) == 0
    later = NOW + wait_after(1)
    deliver_due(planned, {"console": channel}, later, luck=even)
    assert row(planned) == ("pending", 2, later + wait_after(2), "RuntimeError")
    deliver_due(planned, {"console": channel}, later + wait_after(2))
    assert row(planned)[:2] == ("delivered", 3)


def test_what_cannot_be_delivered_is_dead_and_says_why(planned: Pool) -> None:
    deliver_due(planned, {"console": Stubborn((False, "no such number"))}, NOW)
    assert row(planned)[0::3] == ("dead", "no such number")


def test_an_unknown_channel_and_too_many_tries_are_dead_too(planned: Pool) -> None:
    channel, at = Stubborn(*[(True, "busy")] * MOST_TRIES), NOW
    for _ in range(MOST_TRIES):
        assert deliver_due(planned, {"console": channel}, at) == 1
        at += timedelta(hours=1)
    assert row(planned)[:2] == ("dead", MOST_TRIES)
    with planned.connection() as conn:
        queries.add_notices(conn, [(None, Planned("pigeon", "roof", "alert a3", "pending", "opened"))], at)
    deliver_due(planned, {}, at)
    with planned.connection() as conn:
        assert conn.execute("SELECT state, error FROM outbox WHERE channel = 'pigeon'").fetchone() == (
            "dead",
            "no channel is called 'pigeon'",
        )


def test_rows_claimed_by_one_process_are_left_alone_by_another_until_the_lease_ends(planned: Pool) -> None:
    with planned.connection() as one, planned.connection() as two:
        assert len(queries.claim(one, NOW, LEASE, 10)) == 1
        assert not queries.claim(two, NOW, LEASE, 10)  # locked, and skipped
        one.commit()
        assert not queries.claim(two, NOW + LEASE / 2, LEASE, 10)  # leased
        two.commit()
        assert len(queries.claim(two, NOW + LEASE, LEASE, 10)) == 1  # whoever had it died


def test_i4_nothing_is_sent_inside_a_transaction(planned: Pool) -> None:
    class Watching:
        def deliver(self, notice: Notice) -> tuple[bool, str | None]:
            with planned.connection() as conn:
                (busy,) = conn.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    " AND state LIKE 'idle in transaction%'"
                ).fetchone() or (None,)
            return False, None if busy == 0 else "inside a transaction"

    deliver_due(planned, {"console": Watching()}, NOW)
    assert row(planned)[0] == "delivered"
