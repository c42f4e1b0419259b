"""The retained state message of a device: whether it is connected, which boot it is in, and what it still holds.

Retained, so it may be days old when it is read: its clock never corrects anything. The last will carries the boot, so
that a late will cannot mark a device offline that has since come back in another boot.
"""

from typing import Any, Final

from msgspec import Struct

from devices.codecs.instant import parse_time
from devices.codecs.lenient import LAST_SEQ, LONGEST_BOOT, load_json
from devices.decoded import MAX_BYTES, Unreadable

#: where devices publish their state, retained
TOPICS: Final = ("wardlight/v1/+/state",)


class StateMessage(Struct, frozen=True, gc=False):
    """What a device last said about itself."""

    online: bool
    #: its current boot, None where it keeps no sequence
    boot: str | None = None
    #: oldest sequence number of this boot that it still holds
    first: int | None = None
    #: microseconds since 1970 UTC, its clock when it built the message
    clock: int | None = None
    #: percent
    battery: int | None = None
    #: version of what runs on it
    software: str | None = None


def decode_state(payload: bytes) -> StateMessage:
    """Return the state in the payload; raise Unreadable where there is none.

    What is broken beside a readable `state` is left out: it is sent again with the next message.

    >>> decode_state(b'{"state":"offline","boot":"k3f9"}').boot
    'k3f9'
    """
    if len(payload) > MAX_BYTES:
        raise Unreadable("too_large")
    document = load_json(payload)
    if not isinstance(document, dict) or document.get("state") not in ("online", "offline"):
        raise Unreadable("wrong_shape", 'The state message does not say "state": "online" or "offline".')
    return StateMessage(
        document["state"] == "online",
        _text(document.get("boot"), LONGEST_BOOT),
        _whole(document.get("first"), 1, LAST_SEQ),
        _time(document.get("clock")),
        _whole(document.get("battery"), 0, 100),
        _text(document.get("software"), 80),
    )


def _text(given: Any, longest: int) -> str | None:
    return given if isinstance(given, str) and 0 < len(given) <= longest and given.isprintable() else None


def _whole(given: Any, low: int, high: int) -> int | None:
    return given if type(given) is int and low <= given <= high else None


def _time(given: Any) -> int | None:
    try:
        return parse_time(given) if isinstance(given, str) else None
    except ValueError:
        return None
