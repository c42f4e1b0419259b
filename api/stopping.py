"""How a process learns that it should stop: a signal, or the end of the process that started it."""

import os
import signal
import threading
from types import FrameType

#: seconds that a process has to stop in order after its parent is gone
_GRACE = 15.0


def stop_on_signals() -> threading.Event:
    """Return an event that SIGTERM and Ctrl-C set; call it in the main thread."""
    stop = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    return stop


def stop_with_parent() -> None:
    """Send ourselves SIGTERM once standard input ends, which is when the parent that holds its other end is gone.

    Works on every Unix and however the parent ended, SIGKILL too. Who does not stop within the grace is ended.
    """

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(_GRACE)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
