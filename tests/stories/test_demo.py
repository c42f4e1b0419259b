"""`wardlight up --demo`: twenty people, the first alerts within a minute, and a second start that goes on."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from database.pool import connect
from tests.stories.house import House, until


@pytest.fixture
def houses(mosquitto: None) -> Iterator[list[House]]:
    """Give a list of houses that are stopped afterwards."""
    started: list[House] = []
    yield started
    for house in started:
        house.end()


def ask(house: House, statement: str) -> list[tuple[Any, ...]]:
    with connect(house.note()["database_url"]) as conn:
        return conn.execute(statement.encode()).fetchall()


def test_the_demonstration_comes_alive_and_goes_on_after_a_restart(houses: list[House], tmp_path: Path) -> None:
    began = time.monotonic()
    houses.append(house := House(tmp_path / "var", "--demo"))
    house.await_word("Wardlight is up", 120)
    live = "SELECT count(*) FROM alert WHERE emergency AND lateness = 'live' AND closed_at IS NULL"
    until(lambda: ask(house, live)[0][0] >= 1, 60, house.said)
    assert time.monotonic() - began < 180, "a minute on a machine with nothing else to do"
    login = house.await_word("sign in as").split()
    assert house.login(login[3], login[5]) == 303

    assert ask(house, "SELECT count(*) FROM patient WHERE NOT proves_path") == [(20,)]
    assert ask(house, "SELECT count(*) FROM patient WHERE coordinator_id IS NOT NULL AND is_synthetic AND NOT proves_path") == [
        (20,)
    ]
    assert ask(house, "SELECT count(*) FROM contact WHERE phone LIKE '+1202555%%'") == [(20,)]
    ((names,),) = ask(house, "SELECT count(DISTINCT name) FROM patient WHERE NOT proves_path")
    assert names == 19, "two bear the same name"
    ((oldest,),) = ask(house, "SELECT extract(day FROM now() - min(measured_at))::int FROM measurement")
    assert oldest in {13, 14}
    assert ask(house, "SELECT count(*) FROM measurement WHERE patient_id IS NULL") == [(0,)]
    assert ask(house, "SELECT count(*) FROM outbox WHERE state = 'dead'") == [(0,)]
    judged = "SELECT (SELECT sum(judged) FROM patient_state) - (SELECT count(*) FROM measurement)"
    until(lambda: ask(house, judged) == [(0,)], 10, house.said)
    until(
        lambda: (
            ask(house, "SELECT count(*) FROM alert WHERE category = 'technical' AND rule <> 'watch' AND closed_at IS NULL")[0][
                0
            ]
            == 0
        ),
        5,
    )
    assert "broker_session_lost" not in (house.folder / "logs/ingest.log").read_text()

    house.process.send_signal(signal.SIGTERM)
    assert house.process.wait(30) == 0
    houses.append(again := House(tmp_path / "var", "--demo"))
    again.await_word("Wardlight is up", 90)
    assert again.await_word("sign in as").split()[5] == login[5], "the password stays"
    assert ask(again, "SELECT count(*) FROM patient WHERE NOT proves_path") == [(20,)]
    assert not any("made-up patients" in line for line in again.said), "the past is written once"
    before = ask(again, "SELECT max(id) FROM path_up")
    last = (
        "SELECT max(received_at) > now() - interval '90 seconds' FROM measurement JOIN patient ON patient.id = patient_id"
        " WHERE NOT proves_path"
    )
    until(lambda: ask(again, last) == [(True,)], 90, before)
    assert ask(again, "SELECT count(*) FROM quarantine") == [(0,)]
