"""What we still have to tell the broker: messages at QoS 1, within its window, kept until it has answered.

Bookkeeping of the fast client in `ingest/mqtt.py`, since paho spends more on one small message each way than the rest of a
reading's path costs. Pure: bytes out, packet identifiers in. Not safe from two threads by itself.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from ingest.frames import publish_frame

#: packet identifiers below this are paho's own, for its subscriptions
_FIRST_MID: Final = 1_024
_LAST_MID: Final = 65_535


class Publication(NamedTuple):
    """One message to send at QoS 1."""

    topic: str
    payload: bytes
    #: whether the broker keeps it for who subscribes later
    retain: bool


class Outgoing:
    """Publications of one session, over any number of connections.

    >>> outgoing = Outgoing()
    >>> outgoing.add([Publication("a", b"1", False), Publication("b", b"2", False)])
    >>> outgoing.open(room=1)
    >>> len(outgoing.take()), len(outgoing.take())
    (9, 0)
    >>> outgoing.answered(1024)
    >>> len(outgoing.take())
    9
    """

    def __init__(self) -> None:
        self._waiting: deque[Publication] = deque()
        self._unanswered: dict[int, Publication] = {}
        self._room = 0
        self._mid = _FIRST_MID - 1

    def __len__(self) -> int:
        return len(self._waiting) + len(self._unanswered)

    def add(self, publications: Iterable[Publication]) -> None:
        """Put these at the end of what waits."""
        self._waiting.extend(publications)

    def open(self, room: int) -> None:
        """Begin a connection over which the broker takes so many messages ahead of its answers."""
        self._room = room

    def close(self) -> None:
        """End the connection: what was not answered is sent again on the next one."""
        self._room = 0
        self._waiting.extendleft(reversed(self._unanswered.values()))
        self._unanswered.clear()

    def take(self) -> bytes:
        """Return the frames that may be sent now, joined; they count as sent."""
        frames = []
        while self._waiting and len(self._unanswered) < self._room:
            mid, publication = self._next_mid(), self._waiting.popleft()
            self._unanswered[mid] = publication
            frames.append(publish_frame(publication.topic.encode(), publication.payload, mid, publication.retain))
        return b"".join(frames)

    def answered(self, mid: int) -> None:
        """Forget a message that the broker has taken, or refused."""
        self._unanswered.pop(mid, None)

    def _next_mid(self) -> int:
        while True:
            self._mid = _FIRST_MID if self._mid >= _LAST_MID else self._mid + 1
            if self._mid not in self._unanswered:
                return self._mid
