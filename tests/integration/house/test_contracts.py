"""The import contracts hold, and would not if somebody broke them."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[3]
ROOMS = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the packages that may be broken."""
    copy = tmp_path_factory.mktemp("house")
    shutil.copy(TOP / "pyproject.toml", copy)
    for room in ROOMS:
        shutil.copytree(TOP / room, copy / room, ignore=shutil.ignore_patterns("__pycache__", "static", "templates"))
    return copy


def lint(folder: Path) -> str:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def broken(said: str) -> set[str]:
    return set(re.findall(r"^(.*) BROKEN$", said, re.MULTILINE))


def test_the_house_keeps_its_contracts(house: Path) -> None:
    said = lint(house)
    assert re.search(r"Contracts: \d+ kept, 0 broken", said), said


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("devices/vitals.py", "import psycopg", "pure modules import no I/O, no clock and no chance"),
        ("devices/clock.py", "import database.pool", "pure modules import no I/O, no clock and no chance"),
        ("devices/units.py", "import time", "pure modules import no I/O, no clock and no chance"),
        ("database/features.py", "import devices.vitals", "floors of the house"),
        ("care/queries.py", "import messaging.queries", "floors of the house"),
        ("messaging/contact.py", "import alerts", "floors of the house"),
        ("telehealth/__init__.py", "import ingest.message", "floors of the house"),
        ("api/throttle.py", "import psycopg", "psycopg only in database, queries, and what is handed a connection"),
        ("ingest/acks.py", "import paho.mqtt.client", "paho only where MQTT is spoken"),
        ("api/app.py", "import paho.mqtt", "paho only where MQTT is spoken"),
        ("ingest/acks.py", "import aiortc", "aiortc only in telehealth"),
        ("telehealth/__init__.py", "import twilio", "twilio only in messaging"),
    ],
)
def test_a_planted_import_is_caught(house: Path, module: str, line: str, contract: str) -> None:
    path = house / module
    text = path.read_text()
    try:
        path.write_text(f"{text}\n{line}\n")
        assert contract in broken(lint(house))
    finally:
        path.write_text(text)
