"""`wardlight watchdog`: a process apart from all others that looks whether they live, and whether a reading reaches a screen.

Needs neither database nor broker to start: that they are away is what it is there to say.
"""

import sys

from api.exits import Code
from api.running import need_broker, need_database
from api.settings import Settings
from api.stopping import stop_on_signals
from api.watch.sender import enrol
from api.watch.watchdog import Watchdog, look_once


def watchdog(settings: Settings) -> int:
    """Watch until SIGTERM or Ctrl-C; return the exit code."""
    settings = need_broker(need_database(settings))
    Watchdog(settings, stop_on_signals()).run()
    return Code.DONE


def watch_once(settings: Settings) -> int:
    """Look once, tell the outside, print what is wrong; return 0 where nothing is, else 1."""
    faults = look_once(need_broker(need_database(settings)))
    for fault in faults:
        sys.stderr.write(f"wardlight: {fault.line}\n")
    return Code.FAILED if faults else Code.DONE


def enrol_only(settings: Settings) -> int:
    """Have the synthetic patient and its device, and leave."""
    enrol(need_broker(need_database(settings)))
    return Code.DONE
