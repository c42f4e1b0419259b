"""Delivery: claim what is due, hand it to its channel, write down what became of it.

Claiming and settling are transactions of their own, and the channel is called between them, never inside one (I4). Any number
of processes may deliver at once; a process that dies while it delivers leaves a claim that runs out, so a notice may go out twice
but never not at all.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog
from psycopg import Connection
from psycopg_pool import ConnectionPool

from messaging.notice import CLAIM, Attempt, Channel, settle
from messaging.queries import claim_due, settle_notice

log = structlog.get_logger()


def deliver_due(
    pool: ConnectionPool[Connection[Any]], channels: Mapping[str, Channel], clock: Callable[[], datetime], *, limit: int = 20
) -> int:
    """Deliver what is due, at most `limit` notices; return how many were tried."""
    with pool.connection() as conn:
        notices = claim_due(conn, now=clock(), claim=CLAIM, limit=limit)
    for notice in notices:
        channel = channels.get(notice.channel)
        if channel is None:
            attempt = Attempt("refused", f"there is no channel {notice.channel!r} here")
        else:
            try:
                attempt = channel.deliver(notice)
            except Exception as error:  # a fault of one channel keeps no other notice waiting
                log.exception("channel_failed", channel=notice.channel, notice=notice.id)
                attempt = Attempt("failed", f"{type(error).__name__} in the channel")
        settlement = settle(attempt, notice.attempts, clock())
        with pool.connection() as conn:
            settle_notice(conn, notice.id, settlement, clock())
        log.info("notice", notice=notice.id, alert=notice.alert_id, channel=notice.channel, state=settlement.state)
    return len(notices)
