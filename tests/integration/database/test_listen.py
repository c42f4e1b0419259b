"""Listening: what is heard, what a lost connection means, and when it ends."""

import threading
import time
from collections.abc import Iterator
from itertools import islice

import psycopg
import pytest

from database.listen import Notice, listen
from database.pool import connect


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def notify(url: str, channel: str, payload: str) -> None:
    with connect(url, autocommit=True) as conn:
        conn.execute("SELECT pg_notify(%s, %s)", (channel, payload))


def test_it_begins_with_a_look_and_then_hears_its_channels(plain_database_url: str, stop: threading.Event) -> None:
    heard = listen(plain_database_url, ["alert_changed", "Odd name"], stop=stop, look=0.05)
    assert next(heard) == Notice("", "")
    notify(plain_database_url, "other", "1")
    notify(plain_database_url, "alert_changed", "2,3")
    notify(plain_database_url, "Odd name", "4")
    assert list(islice(heard, 2)) == [Notice("alert_changed", "2,3"), Notice("Odd name", "4")]
    heard.close()


def test_announcements_that_come_together_are_all_heard(plain_database_url: str, stop: threading.Event) -> None:
    heard = listen(plain_database_url, ["alert_changed"], stop=stop, look=0.05)
    next(heard)
    with connect(plain_database_url) as conn:
        for number in range(50):
            conn.execute("SELECT pg_notify('alert_changed', %s)", (str(number),))
    assert [notice.payload for notice in islice(heard, 50)] == [str(number) for number in range(50)]
    heard.close()


def test_a_lost_connection_means_another_look(plain_database_url: str, stop: threading.Event) -> None:
    heard = listen(plain_database_url, ["alert_changed"], stop=stop, look=0.05)
    next(heard)
    with psycopg.connect(plain_database_url, autocommit=True) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert next(heard) == Notice("", "")
    notify(plain_database_url, "alert_changed", "again")
    assert next(heard) == Notice("alert_changed", "again")
    heard.close()


def test_it_ends_soon_after_stop_even_while_the_database_is_away(plain_database_url: str) -> None:
    for url in (plain_database_url, "postgresql://127.0.0.1:1/nothing"):
        stop = threading.Event()
        ended = threading.Thread(target=lambda url=url, stop=stop: list(listen(url, ["x"], stop=stop, look=0.05)))  # type: ignore[misc]
        ended.start()
        time.sleep(0.3)
        stop.set()
        ended.join(2)
        assert not ended.is_alive()
