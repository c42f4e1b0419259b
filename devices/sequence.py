"""A device's sequence numbers: what has been taken, up to where without a hole, and what was given up.

One `Sequence` stands for one boot of one device, loaded from its locked state row and saved back in the same transaction.
It is the authority on duplicates for measurements that carry a sequence number. No clock, no socket.
"""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

#: numbers above a hole are remembered in at most this many ranges; past that the oldest hole is given up and recorded
MOST_RANGES: Final = 1_000


@dataclass(slots=True)
class Sequence:
    """The numbers taken from one boot.

    >>> taken = Sequence()
    >>> [taken.take(number) for number in (1, 2, 4, 4, 3)], taken.high, taken.above
    ([True, True, True, False, True], 4, [])
    """

    #: contiguous high-water mark: every number up to here was taken or given up
    high: int = 0
    #: inclusive ranges beyond the mark as a flat list, ascending and apart: [from, to, from, to]
    above: list[int] = field(default_factory=list)
    #: ranges given up that have not arrived after all, from the gap table
    gaps: list[tuple[int, int]] = field(default_factory=list)
    #: ranges given up since it was loaded
    given_up: list[tuple[int, int]] = field(default_factory=list)
    #: whether a number out of an old gap arrived, so that the gap rows change
    filled: bool = False
    #: whether it was loaded with ranges above the mark, so that an emptied list is written back too
    had_above: bool = field(init=False)

    def __post_init__(self) -> None:
        self.had_above = bool(self.above)

    def take(self, number: int) -> bool:
        """Take a number; return whether it is fresh."""
        if number == self.high + 1:
            self.high = number
            if self.above:
                self._close_up()
            return True
        if number <= self.high:
            return self._fill(number)
        return self._take_above(number)

    def take_next(self, numbers: list[int]) -> bool:
        """Take numbers that follow the mark one after the other; return whether they do, else nothing is taken.

        >>> taken = Sequence(4)
        >>> taken.take_next([5, 6]), taken.take_next([6, 7]), taken.high
        (True, False, 6)
        """
        if self.above or numbers != list(range(self.high + 1, self.high + 1 + len(numbers))):
            return False
        self.high += len(numbers)
        return True

    def give_up(self, first: int) -> None:
        """Move the mark to just before the oldest number the device still holds; what was never taken is a gap."""
        while self.high < first - 1:
            hole_end = self.above[0] - 1 if self.above and self.above[0] < first else first - 1
            self.given_up.append((self.high + 1, hole_end))
            self.high = hole_end
            self._close_up()

    def _close_up(self) -> None:
        while self.above and self.above[0] <= self.high + 1:
            self.high = max(self.high, self.above[1])
            del self.above[:2]

    def _take_above(self, number: int) -> bool:
        above = self.above
        place = bisect_left(above, number)
        # an odd place lies inside a range; an even one may be the start of a range
        if place % 2 or (place < len(above) and above[place] == number):
            return False
        joins_left = place > 0 and above[place - 1] == number - 1
        joins_right = place < len(above) and above[place] == number + 1
        if joins_left and joins_right:
            del above[place - 1 : place + 1]
        elif joins_left:
            above[place - 1] = number
        elif joins_right:
            above[place] = number
        else:
            above[place:place] = [number, number]
            if len(above) > 2 * MOST_RANGES:
                self.give_up(above[0])
        return True

    def _fill(self, number: int) -> bool:
        for gaps in (self.gaps, self.given_up):
            for place, (start, end) in enumerate(gaps):
                if start <= number <= end:
                    gaps[place : place + 1] = [(a, b) for a, b in ((start, number - 1), (number + 1, end)) if a <= b]
                    self.filled = self.filled or gaps is self.gaps
                    return True
        return False
