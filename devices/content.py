"""Duplicates of messages that carry neither time nor sequence: the same content within a short window is one measurement.

Advertising devices (scales, straps heard by a Theengs gateway) repeat themselves many times a second. This is a guess, not an
identity: such devices are outside the promise that nothing is stored twice, and the screen says so.
"""

from dataclasses import dataclass, field
from typing import Final, Self

#: microseconds within which equal content counts as a repetition, from when it was first taken (engineering judgement)
WINDOW: Final = 30_000_000
#: the same for a weight, from when it was last heard: scales go on repeating their last weight (OpenMQTTGateway issue 1166)
WEIGHT_WINDOW: Final = 1_800_000_000
#: contents remembered per device
_MOST: Final = 8


@dataclass(slots=True)
class ContentWindow:
    """The latest contents of one device.

    >>> window = ContentWindow()
    >>> window.take(7, 0), window.take(7, 5_000_000), window.take(8, 6_000_000), window.take(7, 40_000_000)
    (True, False, True, True)
    """

    #: content hash → microseconds from which its window counts
    seen: dict[int, int] = field(default_factory=dict)

    def take(self, content: int, received: int, *, is_weight: bool = False) -> bool:
        """Return whether this content is new within its window, and remember it."""
        since = self.seen.get(content)
        is_new = since is None or abs(received - since) >= (WEIGHT_WINDOW if is_weight else WINDOW)
        if is_new or is_weight:
            self.seen.pop(content, None)
            self.seen[content] = received
        while len(self.seen) > _MOST:
            del self.seen[next(iter(self.seen))]
        return is_new

    @classmethod
    def load(cls, flat: list[int]) -> Self:
        """Return the window from its stored form, [content, first taken, content, …]."""
        return cls(dict(zip(flat[::2], flat[1::2], strict=True)))

    def dump(self) -> list[int]:
        """Return the stored form."""
        return [number for pair in self.seen.items() for number in pair]
