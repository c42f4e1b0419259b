"""What the watchdog holds against the house: which faults lasted, began and ended between two looks.

Pure but for its memory; `now` is passed in. Each fault begins once and ends once, and a death that is over
already is told once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from api.watch.fault import Fault, sort


@dataclass(frozen=True, slots=True)
class News:
    """What changed with one look."""

    #: faults that are new
    began: tuple[Fault, ...] = ()
    #: faults that are over, with their end
    ended: tuple[Fault, ...] = ()
    #: faults that had ended before they could be seen, such as a process that died and was started again
    past: tuple[Fault, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything changed."""
        return bool(self.began or self.ended or self.past)


@dataclass(slots=True)
class Notes:
    """The faults that last, by what at most one exists for."""

    held: dict[tuple[str, str], Fault] = field(default_factory=dict)
    _told: set[tuple[str, str, datetime]] = field(default_factory=set)

    def know(self, past: Sequence[Fault]) -> None:
        """Learn what was told already, by a watchdog before this one."""
        self._told |= {(*fault.key, fault.since) for fault in past}

    def follow(self, faults: Sequence[Fault], past: Sequence[Fault], now: datetime, *, is_settling: bool = False) -> News:
        """Take over what is wrong now; while settling, what is new is not held yet.

        >>> from datetime import UTC
        >>> now = datetime(2026, 1, 1, tzinfo=UTC)
        >>> notes = Notes()
        >>> [fault.kind for fault in notes.follow([Fault("work", "", now, "gone")], [], now).began]
        ['work']
        >>> [fault.ended_at == now for fault in notes.follow([], [], now).ended]
        [True]
        """
        new = {fault.key: fault for fault in faults}
        ended = [replace(fault, ended_at=now) for key, fault in self.held.items() if key not in new]
        began = [] if is_settling else [fault for key, fault in new.items() if key not in self.held]
        # what lasts keeps the time since when it was first known
        self.held = {key: replace(new[key], since=fault.since) for key, fault in self.held.items() if key in new}
        self.held |= {fault.key: fault for fault in began}
        fresh = [fault for fault in past if (*fault.key, fault.since) not in self._told]
        self._told |= {(*fault.key, fault.since) for fault in fresh}
        return News(tuple(began), tuple(ended), tuple(fresh))

    def lasting(self) -> list[Fault]:
        """Return what is wrong, the most dangerous first."""
        return sort(list(self.held.values()))
