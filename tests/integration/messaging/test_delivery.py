"""Delivery from the outbox, on a real database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from database.pool import open_pool
from messaging.delivery import deliver_due
from messaging.notice import CLAIM, RETRIES, Attempt, Channel, Notice
from messaging.queries import claim_due, next_due, withhold_pending

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

Pool = ConnectionPool[Connection[Any]]


@dataclass
class Line:
    """A channel that says what it is told to, and keeps what it carried."""

    answers: list[Attempt | Exception] = field(default_factory=list)
    carried: list[Notice] = field(default_factory=list)

    def deliver(self, notice: Notice) -> Attempt:
        self.carried.append(notice)
        answer = self.answers.pop(0) if self.answers else Attempt("delivered")
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def pool(plain_database_url: str) -> Any:
    with open_pool(plain_database_url) as opened:
        yield opened


def plan(pool: Pool, *, due: timedelta = timedelta(0), channel: str = "line") -> int:
    with pool.connection() as conn:
        row = conn.execute(
            "INSERT INTO outbox (channel, recipient, body, state, reason, due_at) VALUES (%s, 'somebody', 'look', 'pending', "
            "'an alert opened', %s) RETURNING id",
            (channel, NOW + due),
        ).fetchone()
    assert row is not None
    return int(row[0])


def state(pool: Pool, notice: int) -> Mapping[str, Any]:
    with pool.connection() as conn:
        cursor = conn.execute("SELECT state, attempts, due_at, error, finished_at FROM outbox WHERE id = %s", (notice,))
        assert cursor.description is not None
        row = cursor.fetchone()
        assert row is not None
        return dict(zip([column.name for column in cursor.description], row, strict=True))


def deliver(pool: Pool, line: Channel, at: datetime = NOW) -> int:
    return deliver_due(pool, {"line": line}, lambda: at)


def test_what_is_due_is_delivered_once(pool: Pool) -> None:
    line, first, later = Line(), plan(pool), plan(pool, due=timedelta(minutes=1))
    assert deliver(pool, line) == 1
    assert deliver(pool, line) == 0
    assert [notice.id for notice in line.carried] == [first]
    assert state(pool, first) == {"state": "delivered", "attempts": 1, "due_at": NOW, "error": None, "finished_at": NOW}
    assert state(pool, later)["state"] == "pending"


def test_a_failure_is_tried_again_later_and_at_last_given_up(pool: Pool) -> None:
    line, notice, at = Line(answers=[Attempt("failed", "no answer")] * 20), plan(pool), NOW
    for wait in RETRIES:
        assert deliver(pool, line, at) == 1
        assert state(pool, notice)["due_at"] == at + wait
        assert deliver(pool, line, at + wait - timedelta(seconds=1)) == 0
        at += wait
    deliver(pool, line, at)
    assert state(pool, notice) | {"due_at": None} == {
        "state": "dead",
        "attempts": len(RETRIES) + 1,
        "due_at": None,
        "error": "no answer",
        "finished_at": at,
    }


def test_a_refusal_is_final(pool: Pool) -> None:
    notice = plan(pool)
    deliver(pool, Line(answers=[Attempt("refused", "the number does not exist")]))
    assert state(pool, notice)["state"] == "dead"


def test_a_channel_that_raises_keeps_no_other_notice_waiting(pool: Pool) -> None:
    broken, fine = plan(pool), plan(pool)
    deliver(pool, Line(answers=[RuntimeError("secret text")]))
    assert state(pool, broken)["state"] == "pending"
    assert state(pool, broken)["error"] == "RuntimeError in the channel"
    assert state(pool, fine)["state"] == "delivered"


def test_a_channel_that_nobody_registered_is_said(pool: Pool) -> None:
    notice = plan(pool, channel="pigeon")
    deliver(pool, Line())
    assert state(pool, notice)["error"] == "there is no channel 'pigeon' here"


def test_a_claim_keeps_others_away_until_it_runs_out(pool: Pool) -> None:
    plan(pool)
    with pool.connection() as conn:
        assert len(claim_due(conn, now=NOW, claim=CLAIM, limit=5)) == 1
    assert deliver(pool, Line(), NOW + CLAIM - timedelta(seconds=1)) == 0
    assert deliver(pool, Line(), NOW + CLAIM) == 1


def test_two_processes_share_the_work(pool: Pool) -> None:
    notices = {plan(pool) for _ in range(10)}
    with pool.connection() as one, pool.connection() as other:
        mine = {notice.id for notice in claim_due(one, now=NOW, claim=CLAIM, limit=5)}
        theirs = {notice.id for notice in claim_due(other, now=NOW, claim=CLAIM, limit=10)}
    assert mine | theirs == notices
    assert not mine & theirs


def test_the_next_due_row_is_known(pool: Pool) -> None:
    with pool.connection() as conn:
        assert next_due(conn) is None
    plan(pool, due=timedelta(minutes=3))
    with pool.connection() as conn:
        assert next_due(conn) == NOW + timedelta(minutes=3)


def test_withheld_notices_say_why(pool: Pool) -> None:
    notice = plan(pool)
    with pool.connection() as conn:
        assert withhold_pending(conn, "history of a demonstration", NOW) == 1
    assert deliver(pool, Line()) == 0
    assert state(pool, notice)["state"] == "withheld"
