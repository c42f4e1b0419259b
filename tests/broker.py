"""The `broker` fixture: a real Mosquitto on a free loopback port, one per test that asks for it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.broker import EmbeddedBroker, program_cache
from ingest.mosquitto import MosquittoMissing, get_mosquitto


@pytest.fixture(scope="session")
def mosquitto() -> None:
    """Have a Mosquitto, or say why not: a laptop skips, CI fails."""
    try:
        get_mosquitto(program_cache())
    except MosquittoMissing as missing:
        if os.environ.get("CI") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture
def broker(mosquitto: None, tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """Give a started broker without devices."""
    with EmbeddedBroker(tmp_path / "mosquitto") as started:
        yield started
