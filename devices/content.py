"""Duplicates of messages that carry neither time nor sequence: the same content within a short window is one measurement.

Advertising devices (scales, straps heard by a Theengs gateway) repeat themselves many times a second. This is a guess, not an
identity: such devices are outside the promise that nothing is stored twice, and the screen says so.
"""

from dataclasses import dataclass, field
from typing import Final, Self

#: microseconds within which equal content counts as a repetition (engineering judgement: a scale repeats for 10–20 s)
WINDOW: Final = 30_000_000
#: contents remembered per device
_MOST: Final = 8


@dataclass(slots=True)
class ContentWindow:
    """The latest contents of one device.

    >>> window = ContentWindow()
    >>> window.take(7, 0), window.take(7, 5_000_000), window.take(8, 6_000_000), window.take(7, 40_000_000)
    (True, False, True, True)
    """

    #: content hash → microseconds at which it was first taken
    seen: dict[int, int] = field(default_factory=dict)

    def take(self, content: int, received: int) -> bool:
        """Return whether this content is new within the window, and remember it."""
        first = self.seen.get(content)
        if first is not None and abs(received - first) < WINDOW:
            return False
        self.seen.pop(content, None)
        self.seen[content] = received
        while len(self.seen) > _MOST:
            del self.seen[next(iter(self.seen))]
        return True

    @classmethod
    def load(cls, flat: list[int]) -> Self:
        """Return the window from its stored form, [content, first taken, content, …]."""
        return cls(dict(zip(flat[::2], flat[1::2], strict=True)))

    def dump(self) -> list[int]:
        """Return the stored form."""
        return [number for pair in self.seen.items() for number in pair]
