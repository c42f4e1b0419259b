"""`wardlight rules backtest` as its callers see it: on a recording without a database, and on stored history."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from alerts.rules import SHIPPED
from database.pool import connect
from tests.integration.alerts.ward import Ward

ROOT = Path(__file__).parents[3]


def wardlight(folder: Path, *arguments: str, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WARDLIGHT_")}
    environment |= {"WARDLIGHT_DATA_DIR": str(folder / "var"), "NO_COLOR": "1", "COLUMNS": "200", **(settings or {})}
    command = [sys.executable, "-m", "api", "rules", "backtest", *arguments]
    return subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Give a recording of a day in which one patient's saturation falls twice, hours apart."""
    values = [97] * 20 + [88] * 10 + [97] * 10 + [84] * 10 + [97] * 10
    lines = [f"bed-7,{30 * place},spo2,{value},%" for place, value in enumerate(values)]
    file = tmp_path / "night.csv"
    file.write_text("\n".join(["patient,minute,vital,value,unit", *lines, "bed-7,1801,warmth,3,1"]) + "\n")
    return file


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    """Give a rule file in which low saturation begins two points lower."""
    text = (SHIPPED / "copd.toml").read_text()
    rules = [f"[[rule]]{part}" for part in text.split("[[rule]]")[1:]]
    (low,) = [rule for rule in rules if 'name = "spo2_low"\n' in rule]
    file = tmp_path / "candidate.toml"
    file.write_text(low.replace("limit = 90", "limit = 88").replace("version = 1", "version = 2"))
    return file


def test_a_recording_needs_no_database(tmp_path: Path, recording: Path, candidate: Path) -> None:
    said = wardlight(tmp_path, str(recording), "--rule", str(candidate))
    assert said.returncode == 0, said.stderr
    assert "night.csv: 60 readings in 60 measurements, 0 suspect; 1.2 patient-days" in said.stdout
    assert "1 readings left out: unknown_vital" in said.stdout
    assert "explanations judged again: 5, of which 0 came out otherwise" in said.stdout
    lost = [line.split() for line in said.stdout.splitlines() if line.startswith("lost")]
    assert [(line[1], line[2]) for line in lost] == [("bed-7", "spo2_low")]


def test_json_lists_every_episode(tmp_path: Path, recording: Path, candidate: Path) -> None:
    said = wardlight(tmp_path, str(recording), "--rule", str(candidate), "--json", "--minutes", "10")
    (told,) = json.loads(said.stdout)
    assert (told["live"]["alerts"], told["candidate"]["alerts"]) == (3, 2)
    assert [one["change"] for one in told["episodes"]] == ["lost", "kept", "kept"]
    assert told["live"]["items"] * 10 <= told["live"]["minutes"]


def test_a_candidate_that_cannot_be_read_is_refused(tmp_path: Path, recording: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text('[[rule]]\nname = "x"\n')
    said = wardlight(tmp_path, str(recording), "--rule", str(broken))
    assert (said.returncode, "the field 'version' is missing" in said.stderr) == (1, True)


def test_stored_history_and_what_people_said_of_it(tmp_path: Path, plain_database_url: str, candidate: Path) -> None:
    with connect(plain_database_url) as conn:
        _send(conn)
    settings = {"WARDLIGHT_DATABASE_URL": plain_database_url}
    window = ("--since", "2026-11-23", "--until", "2026-11-25")
    said = wardlight(tmp_path, "--rule", str(candidate), *window, "--json", settings=settings)
    assert said.returncode == 0, said.stderr
    (told,) = json.loads(said.stdout)
    assert [(one["patient"], one["change"], one["disposition"]) for one in told["episodes"]] == [("R1", "lost", "true_acted")]
    assert (told["live"]["found"], told["candidate"]["found"], told["candidate"]["missed"]) == (1, 0, 1)
    nobody = wardlight(tmp_path, "--patient", "R9", settings=settings)
    assert (nobody.returncode, "there is no patient 'R9'" in nobody.stderr) == (1, True)
    nothing = wardlight(tmp_path, "--since", "2020-01-01", "--until", "2020-02-01", settings=settings)
    assert (nothing.returncode, "nothing was measured from 2020-01-01" in nothing.stderr) == (1, True)


def _send(conn: Connection[Any]) -> None:
    ward = Ward(conn)
    ward.send([(0, 97)])
    ward.send([(1, 89)])
    ward.send([(2, 97)])
    conn.execute("UPDATE alert SET disposition = 'true_acted'")
    conn.commit()
