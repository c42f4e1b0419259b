"""A running house and the commands somebody types beside it: devices let in and out, recordings replayed, alerts explained."""

import gzip
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from database.pool import connect
from tests.stories.house import House, until


@pytest.fixture(scope="module")
def house(mosquitto: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Give a house without patients, for all stories of this file."""
    started = House(tmp_path_factory.mktemp("house") / "var")
    started.await_word("Wardlight is up", 90)
    yield started
    started.end()


def fine(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def ask(house: House, statement: str) -> list[tuple[Any, ...]]:
    with connect(house.note()["database_url"]) as conn:
        return conn.execute(statement.encode()).fetchall()


def secret_in(text: str) -> str:
    return text.partition("secret ")[2].split()[0]


def test_a_device_is_let_in_tried_rotated_and_shut_out(house: House) -> None:
    added = fine(house.run("device", "add", "cuff-1", "--kind", "cuff", "--every", "1d"))
    secret = secret_in(added)
    tried = fine(house.run("device", "test", "cuff-1", "--secret-stdin", typed=secret))
    assert "whole path     answered after" in tried
    assert "belongs to     nobody" in tried
    assert "may connect" not in house.run("device", "add", "cuff-1").stdout
    rotated = secret_in(fine(house.run("device", "rotate", "cuff-1")))
    old = house.run("device", "test", "cuff-1", "--secret-stdin", typed=secret)
    assert old.returncode == 1
    assert "does not let cuff-1 in with this secret" in old.stdout
    assert "answered after" in fine(house.run("device", "test", "cuff-1", "--secret-stdin", typed=rotated))
    fine(house.run("device", "revoke", "cuff-1"))
    shut = house.run("device", "test", "cuff-1", "--secret-stdin", typed=rotated)
    assert shut.returncode == 1
    assert "has no secret of it" in shut.stdout
    assert house.run("device", "rotate", "cuff-1").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["device", "add", "a/b"], "cannot name a device"),
        (["device", "add", "x", "--every", "daily"], "such as 6h or 1d"),
        (["device", "add", "x", "--codec", "morse"], "there is no codec 'morse'"),
        (["device", "add", "x", "--patient", "nobody"], "no patient with that record number"),
        (["device", "revoke", "stranger"], "there is no device 'stranger'"),
        (["device", "test", "stranger"], "there is no device 'stranger'"),
        (["device", "claim", "stranger", "--patient", "nobody"], "there is no device 'stranger'"),
        (["alert", "explain", "nothing"], "there is no alert 'nothing'"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_way_out(house: House, arguments: list[str], says: str) -> None:
    done = house.run(*arguments)
    assert done.returncode == 1
    assert says in done.stderr
    assert ask(house, "SELECT count(*) FROM device WHERE public_id IN ('x', 'a/b')") == [(0,)]


def test_a_recording_is_replayed_counted_and_explained(house: House, tmp_path: Path) -> None:
    """A day of one patient every minute, with an artefact, an unknown unit and an unknown vital among it."""
    lines = ["patient,minute,vital,value,unit,ward"]
    for minute in range(0, 1440, 10):
        lines.append(f"bed 7,{minute},spo2,{80 if minute >= 1420 else 96},%,east")
        lines.append(f"bed 7,{minute},heart_rate,{20_000 if minute == 600 else 71},/min,east")
    lines += ["bed 7,1431,body_temperature,98.6,degR,east", "bed 7,1432,mood,3,1,east", "bed 8,5,body_weight,180,[lb_av],west"]
    file = tmp_path / "ward.csv.gz"
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    said = fine(house.run("replay", str(file)))
    assert "291 readings in 147 measurements of 2 patients" in said
    assert "in 291 = stored 289 (of which suspect 1) + quarantined 2" in said
    assert "recognised as duplicates: 0" in said
    assert "spo2_emergency, live" in said
    assert ask(house, "SELECT reason FROM quarantine WHERE reason <> 'no_values' ORDER BY reason") == [
        ("unknown_unit",),
        ("unknown_vital",),
    ]
    weight = ask(house, "SELECT body_weight, original->'body_weight'->>'unit' FROM measurement WHERE body_weight IS NOT NULL")
    assert [(round(kilograms, 1), unit) for kilograms, unit in weight] == [(81.6, "[lb_av]")]
    ((alert,),) = ask(house, "SELECT public_id FROM alert WHERE rule = 'spo2_emergency'")
    told = fine(house.run("alert", "explain", alert))
    assert "80 %" in told
    assert "emergency band" in told
    again = fine(house.run("replay", str(file)))
    assert "in 291 = stored 289" in again, "a second replay is another recording"


def test_a_live_replay_keeps_its_pace_and_is_judged_as_live(house: House, tmp_path: Path) -> None:
    file = tmp_path / "live.jsonl"
    rows = [
        {"patient": "p", "time": f"2020-01-01T00:{minute:02}:00Z", "vital": "spo2", "value": 70, "unit": "%"}
        for minute in range(3)
    ]
    file.write_text("\n".join(json.dumps(row) for row in rows))
    said = fine(house.run("replay", str(file), "--live", "--speed", "60"))
    assert "in 3 = stored 3" in said
    assert "spo2_emergency, live" in said
    assert "late" not in said.replace("replay", "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("patient,vital\n", "the file has no column"),
        ("patient,minute,vital,value,unit\nx,soon,spo2,96,%\n", "line 2: minute 'soon' is not a number"),
        ("patient,local_time,vital,value,unit\nx,2020-01-01 00:00,spo2,96,%\n", "--zone Europe/Berlin"),
        ("patient,minute,vital,value,unit\n", "holds no reading"),
    ],
)
def test_a_recording_that_cannot_be_read_is_refused_by_line(house: House, tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "broken.csv"
    file.write_text(text)
    done = house.run("replay", str(file))
    assert done.returncode == 1
    assert says in done.stderr


def test_claiming_a_device_gives_the_patient_what_it_measured_for_nobody(house: House, tmp_path: Path) -> None:
    file = tmp_path / "known.csv"
    file.write_text("patient,minute,vital,value,unit\nclaimant,0,heart_rate,70,/min\n")
    fine(house.run("replay", str(file)))
    secret = secret_in(fine(house.run("device", "add", "lonely")))
    house.send("lonely", secret, {"spo2": 93.0})
    assert ask(house, "SELECT patient_id FROM measurement JOIN device d ON d.id = device_id WHERE d.public_id = 'lonely'") == [
        (None,)
    ]
    told = fine(house.run("device", "claim", "lonely", "--patient", "REC-claimant", "--since", "2026-01-01"))
    assert "1 earlier measurements are theirs now" in told
    ((name,),) = ask(
        house,
        "SELECT p.name FROM measurement m JOIN device d ON d.id = m.device_id JOIN patient p ON p.id = m.patient_id "
        "WHERE d.public_id = 'lonely'",
    )
    assert name == "Recorded claimant"


def test_a_replay_adds_up_although_ingest_and_broker_are_killed(house: House, tmp_path: Path) -> None:
    file = tmp_path / "large.csv"
    rows = [f"ward-{patient},{minute},heart_rate,{60 + minute % 30},/min" for patient in range(30) for minute in range(800)]
    file.write_text("\n".join(["patient,minute,vital,value,unit", *rows]))
    replay = house.begin("replay", str(file))
    measured = "SELECT count(*) FROM measurement JOIN device d ON d.id = device_id WHERE d.public_id LIKE 'replay-ward-%%'"
    until(lambda: ask(house, measured)[0][0] > 0, 60)
    os.kill(house.pid_of("ingest"), signal.SIGKILL)
    house.await_word("ingest runs again", 20)
    os.kill(json.loads((house.folder / "mosquitto/broker.json").read_text())["pid"], signal.SIGKILL)
    said, _ = replay.communicate(timeout=150)
    assert replay.returncode == 0, said
    assert "in 24,000 = stored 24,000" in said
    assert ask(house, measured) == [(24_000,)]
    judged = "SELECT (SELECT sum(judged) FROM patient_state) - (SELECT count(*) FROM measurement WHERE patient_id IS NOT NULL)"
    assert ask(house, judged) == [(0,)]


def test_simulated_people_measure_until_told_to_stop(house: House) -> None:
    simulation = house.begin("simulate", "--patients", "25", "--speed", "5000")
    measured = "SELECT count(*) FROM measurement m JOIN patient p ON p.id = m.patient_id WHERE p.record_number ~ '^(WL|SIM)-'"
    until(lambda: ask(house, measured)[0][0] > 50, 60)
    simulation.terminate()
    simulation.communicate(timeout=20)
    assert simulation.returncode == 0
    assert ask(house, "SELECT count(*) FROM patient WHERE record_number ~ '^(WL|SIM)-'") == [(25,)]
