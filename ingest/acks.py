"""Application acknowledgements: telling each device how far its sequence is committed, at most once a second.

A broker's PUBACK does not mean that a reading is safe, so a device keeps its readings until this. Acks are retained, and sent
again after a redelivery. Pure but for the `send` it is given.
"""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from ingest.commit import Taken
from ingest.outgoing import Publication

#: seconds between two acknowledgements of one device
ACK_EVERY: Final = 1.0
#: seconds between two requests to send again, while a hole stays
RESEND_EVERY: Final = 60.0

Send = Callable[[list[Publication]], None]


class Acknowledger:
    """What each device is still to be told."""

    def __init__(self, send: Send) -> None:
        """`send` publishes at QoS 1 and does not wait."""
        self._send = send
        self._due: dict[tuple[str, str], Taken] = {}
        self._sent_at: dict[str, float] = {}
        self._asked_at: dict[str, float] = {}

    def note(self, taken: Iterable[Taken]) -> None:
        """Remember what was committed; it is sent by `flush`."""
        for one in taken:
            self._due[one.name, one.boot] = one

    def flush(self, clock: float) -> float | None:
        """Send what is due at this monotonic time; return when the next is due, None where nothing waits."""
        soonest: float | None = None
        publications: list[Publication] = []
        for (name, boot), one in list(self._due.items()):
            due = self._sent_at.get(name, float("-inf")) + ACK_EVERY
            if due > clock:
                soonest = due if soonest is None else min(soonest, due)
                continue
            del self._due[name, boot]
            self._sent_at[name] = clock
            word = msgspec.json.encode({"boot": boot, "seq": one.high})
            publications.append(Publication(f"wardlight/v1/{name}/ack", word, retain=True))
            if one.has_hole and self._asked_at.get(name, float("-inf")) + RESEND_EVERY <= clock:
                self._asked_at[name] = clock
                publications.append(_resend(name, boot, one.high + 1))
        if publications:
            self._send(publications)
        return soonest

    def ask_again(self, name: str, boot: str, from_seq: int) -> None:
        """Ask a device to send again what it still holds."""
        self._send([_resend(name, boot, from_seq)])


def _resend(name: str, boot: str, from_seq: int) -> Publication:
    command = msgspec.json.encode({"command": "resend", "boot": boot, "from_seq": from_seq})
    return Publication(f"wardlight/v1/{name}/command", command, retain=False)
