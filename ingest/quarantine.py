"""Quarantine: what could not be taken is kept with its reason, listed, and tried again after a fix.

Nothing is dropped silently (I8). The same bytes of the same sender are one row that counts how often they came.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from psycopg import Connection, DataError, IntegrityError

from devices.recording import move_quarantined
from ingest.draft import Refusal
from ingest.message import Message
from ingest.queries import add_quarantined, lock_quarantined, settle_quarantined

if TYPE_CHECKING:
    from ingest.commit import Committer

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of a retry."""

    #: rows that are settled now
    settled: int
    #: rows that still cannot be taken
    refused: int
    #: readings that are stored now
    readings: int


def keep(connection: Connection[Any], refusals: Sequence[Refusal]) -> None:
    """Keep what was refused, in the caller's transaction."""
    if not refusals:
        return
    rows = [
        {
            "digest": blake2b(one.topic + b"\0" + one.payload, digest_size=16).digest(),
            "device_id": one.device_id,
            # text in PostgreSQL has no NUL; the payload keeps every byte
            "topic": one.topic.decode("utf-8", "replace").replace("\0", "�"),
            "payload": one.payload,
            "reason": one.reason,
            "detail": one.detail.replace("\0", "�"),
            "readings": one.readings,
            "received_at": _EPOCH + one.received * _MICROSECOND,
        }
        for one in refusals
    ]
    add_quarantined(connection, sorted(rows, key=lambda row: row["digest"]))


def retry(connection: Connection[Any], committer: "Committer", public_ids: Sequence[str], now: dt.datetime) -> Retried:
    """Take these rows once more, each as if it arrived when it first did, in the caller's transaction.

    Measurements that are stored by now are amended with the values they lacked.
    """
    settled = refused = readings = 0
    for one in lock_quarantined(connection, public_ids):
        received = (one.received_at - _EPOCH) // _MICROSECOND
        # what the broker had kept is of unknown age still
        message = Message(0, 0, one.topic.encode(), one.payload, retained=one.reason == "impossible_time", received=received)
        try:
            with connection.transaction():
                outcome = committer.commit(connection, [message], now, retry=True)
        except (DataError, IntegrityError):  # the database refuses it still
            committer.rolled_back()
            refused += 1
            continue
        if outcome.unchanged:
            refused += 1
            continue
        settled += 1
        readings += outcome.stored
        if one.device_id is not None and one.readings:
            move_quarantined(connection, one.device_id, one.readings, one.times)
        settle_quarantined(connection, one.id, f"taken on retry: {outcome.stored} readings", now)
    return Retried(settled, refused, readings)
