"""The ingest process of the ledger: the product's worker and nothing else, told by its environment where things are."""

import logging
import os
import signal
import sys
import threading

import structlog

from alerts.rules import load_rules
from ingest.worker import WorkerSettings, run


def main() -> int:
    """Work until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    settings = WorkerSettings(os.environ["LEDGER_DATABASE_URL"], os.environ["LEDGER_MQTT_URL"], "", os.environ["LEDGER_READER"])
    return run(settings, load_rules(None), stop)


if __name__ == "__main__":
    sys.exit(main())
