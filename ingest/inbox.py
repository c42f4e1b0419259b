"""The inbox between the network thread and the pipeline: a list, a lock, nothing that can refuse or drop.

Its size is bounded by who fills it, who waits for room before reading on: the broker's in-flight window alone does not bound
it, since Mosquitto 2.0 sends its whole queue once the first acknowledgement of a connection has arrived.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Final

from ingest.message import Message

#: messages that make a batch worth its commit, so that nothing more is waited for
ENOUGH: Final = 500


class Inbox:
    """Messages waiting for the pipeline; one thread puts, one takes."""

    def __init__(self) -> None:
        self._waiting: deque[Message] = deque()
        lock = threading.Lock()
        self._changed = threading.Condition(lock)
        self._taken = threading.Condition(lock)
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, messages: Iterable[Message]) -> None:
        """Add messages in their order of arrival; never blocks for long and never raises."""
        with self._changed:
            self._waiting.extend(messages)
            self._changed.notify()

    def await_room(self, most: int, wait: float) -> bool:
        """Wait until fewer than `most` messages are here, at most so many seconds; return whether they are."""
        with self._taken:
            return self._taken.wait_for(lambda: len(self._waiting) < most or self._closed, wait)

    def take(self, most: int, wait: float, linger: float = 0.0) -> list[Message]:
        """Return up to `most` messages: wait seconds for the first, then linger seconds for company where there are few."""
        with self._changed:
            if not self._waiting and not self._closed:
                self._changed.wait(wait)
            are_few = 0 < len(self._waiting) < min(ENOUGH, most) and not self._closed
        if linger and are_few:
            time.sleep(linger)  # not waiting for a word of each arrival: thousands a second would wake this thread for nothing
        with self._changed:
            waiting = self._waiting
            if len(waiting) <= most:
                taken = list(waiting)
                waiting.clear()
            else:
                taken = [waiting.popleft() for _ in range(most)]
            self._taken.notify()
            return taken

    def clear(self) -> None:
        """Forget what the broker still has and sends again on the next connection: all but QoS 0."""
        with self._changed:
            self._waiting = deque(message for message in self._waiting if not message.mid)
            self._taken.notify()

    def wake(self) -> None:
        """Let a waiting `take` return at once, now and from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._taken.notify_all()
