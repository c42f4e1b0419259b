"""The statements of the ingest room: quarantine, the stretches in which our path was up, the one active worker."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from database.sql import load_sql

_SQL: Final = load_sql(__file__)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Something that could not be taken, as people see it."""

    public_id: str
    #: MQTT name of the sender, None where it is not known
    device: str | None
    topic: str
    #: as it came
    payload: bytes
    #: a key of devices.decoded.REASONS
    reason: str
    detail: str
    #: values it holds, 0 where unreadable
    readings: int
    #: how often exactly this came
    times: int
    received_at: dt.datetime
    last_at: dt.datetime


def add_quarantined(connection: Connection[Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep these; one that is already open is counted once more."""
    with connection.cursor() as cursor:
        cursor.executemany(_SQL["keep"], rows)


def list_quarantined(connection: Connection[Any], limit: int = 200) -> list[Quarantined]:
    """Return what is open, latest first."""
    with connection.cursor(row_factory=class_row(Quarantined)) as cursor:
        return cursor.execute(_SQL["list_open"], {"limit": limit}).fetchall()


def count_quarantined(connection: Connection[Any]) -> dict[str, tuple[int, int, int]]:
    """Return (rows, times they came, readings) of what is open, by reason."""
    return {reason: (rows, times, readings) for reason, rows, times, readings in connection.execute(_SQL["count_open"])}


@dataclass(frozen=True, slots=True)
class Lying:
    """A row of quarantine as it is tried again."""

    id: int
    #: None where the sender was not known
    device_id: int | None
    topic: str
    payload: bytes
    reason: str
    #: values it holds, 0 where unreadable
    readings: int
    #: how often exactly this came
    times: int
    received_at: dt.datetime


def lock_quarantined(connection: Connection[Any], public_ids: Sequence[str]) -> list[Lying]:
    """Return these open ones, oldest first, locked."""
    with connection.cursor(row_factory=class_row(Lying)) as cursor:
        return cursor.execute(_SQL["lock_open"], {"public_ids": list(public_ids)}).fetchall()


def settle_quarantined(connection: Connection[Any], key: int, settlement: str, now: dt.datetime) -> None:
    """Close one with what became of it."""
    connection.execute(_SQL["settle"], {"id": key, "settlement": settlement, "now": now})


def extend_path(connection: Connection[Any], now: dt.datetime, patience: dt.timedelta) -> None:
    """Note that the path is up now; a pause longer than `patience` begins a new stretch."""
    if connection.execute(_SQL["lengthen_path"], {"now": now, "patience": patience}).fetchone() is None:
        connection.execute(_SQL["begin_path"], {"now": now})


def try_turn(connection: Connection[Any], key: int) -> bool:
    """Try to become the one active worker; the turn lasts as long as the connection."""
    row = connection.execute(_SQL["try_turn"], {"key": key}).fetchone()
    return row is not None and bool(row[0])


def list_unfinished(connection: Connection[Any], since: dt.datetime) -> list[tuple[str, str, int]]:
    """Return (device, boot, next sequence number) of devices heard since, for asking them to send again."""
    return connection.execute(_SQL["list_unfinished"], {"since": since}).fetchall()
