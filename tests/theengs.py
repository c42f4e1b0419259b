"""The real Theengs Gateway: a test tool under the GPL, in an environment of its own and only ever run as a process beside us.

Made once per lock under ~/.cache/wardlight. Its decoder is compiled, so a machine without a compiler lacks it.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ingest.broker import EmbeddedBroker
from tests.clusters import CACHE
from tests.parts import lacking

_DEPLOY: Final = Path(__file__).resolve().parents[1] / "deploy"
_LOCKS: Final = (_DEPLOY / "theengs-build.lock", _DEPLOY / "theengs.lock")


def gateway_environment() -> Path:
    """Return the Python of the environment that holds the gateway; skip, or fail under CI=1, where it cannot be had."""
    digest = hashlib.sha256(b"".join(lock.read_bytes() for lock in _LOCKS) + sys.version.encode()).hexdigest()[:12]
    place = CACHE / f"theengs-venv-{digest}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "theengs-venv.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not place.exists():
            _make(place)
    return place / "bin" / "python"


@contextmanager
def running_gateway(broker: EmbeddedBroker, folder: Path) -> Iterator[None]:
    """Run the gateway without Bluetooth: it decodes what other gateways publish undecoded."""
    python = gateway_environment()
    parts = urlsplit(broker.url("theengs"))
    settings = {
        "host": parts.hostname,
        "port": parts.port,
        "user": parts.username,
        "pass": parts.password,
        "ble": 0,
        "discovery": 0,
        "enable_multi_gtw_sync": 0,
        "subscribe_topic": "home/+/BTtoMQTT/undecoded",
    }
    configuration, log = folder / "theengs.json", folder / "theengs.log"
    configuration.touch(mode=0o600)
    configuration.write_text(json.dumps(settings))
    with log.open("wb") as out:
        process = subprocess.Popen([python, "-m", "TheengsGateway", "-c", configuration], cwd=folder, stdout=out, stderr=out)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def _make(place: Path) -> None:
    if shutil.which("c++") is None or not Path(sysconfig.get_path("include"), "Python.h").exists():
        lacking("the Theengs decoder must be compiled: install a C++ compiler and Python's headers (g++, python3-dev)")
    unfinished = place.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    venv.create(unfinished, with_pip=True)
    for lock in _LOCKS:
        options = ["--quiet", "--disable-pip-version-check", "--no-build-isolation", "--require-hashes", "-r", lock]
        done = subprocess.run(
            [unfinished / "bin" / "python", "-m", "pip", "install", *options],
            env={**os.environ, "PATH": f"{unfinished / 'bin'}:{os.environ['PATH']}"},  # cmake and ninja are in there
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            lacking(f"the Theengs Gateway cannot be installed: {(done.stderr.strip().splitlines() or ['pip failed'])[-1]}")
    unfinished.rename(place)
