"""`wardlight ingest`: vitals in, until told to stop."""

from pathlib import Path

from alerts.rules import load_rules
from api.commands.schema import need_migrated
from api.running import need_broker, need_database
from api.settings import Settings
from api.stopping import stop_on_signals
from database.instance import EVERY
from ingest.worker import WorkerSettings, run


def ingest(settings: Settings) -> int:
    """Carry readings from the broker to the database until SIGTERM or Ctrl-C; return the exit code."""
    settings = need_broker(need_database(settings))
    need_migrated(settings.database_url)
    rules = load_rules(Path(settings.rules_dir) if settings.rules_dir else None)
    worker = WorkerSettings(
        settings.database_url, settings.mqtt_url, settings.mqtt_ca_file, settings.mqtt_reader, EVERY / settings.watch_pace
    )
    return run(worker, rules, stop_on_signals())
