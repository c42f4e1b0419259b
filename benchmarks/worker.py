"""The ingest process, started by the benchmarks with the settings of production."""

import signal
import sys
import threading

from alerts.rules import load_rules
from api.settings import load_settings
from ingest.worker import WorkerSettings, run

if __name__ == "__main__":
    settings = load_settings()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    sys.exit(run(WorkerSettings(settings.database_url, settings.mqtt_url), load_rules(None), stop))
