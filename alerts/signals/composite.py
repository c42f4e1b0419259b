"""Composite: how many of several conditions hold at a reading, each by its newest value within a time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alerts.signals.latest import follow_latest, memory_of
from alerts.signals.signal import Readings, Told, starts_of


@dataclass(frozen=True, slots=True)
class Condition:
    """One of them: a column against a limit of its own, or against that of the rule which judges it."""

    #: column of what is judged
    column: int
    #: +1 where high values breach, −1 where low ones do
    sign: float
    #: the least signed value that breaches, where it is no rule's
    edge: float
    #: column of the rule whose limit counts, None where it has a limit of its own
    rule: int | None


@dataclass(frozen=True)
class Composite:
    """The number of conditions that hold; a `Signal`."""

    #: counted conditions
    conditions: tuple[Condition, ...]
    #: a value older than this counts no more, microseconds
    within: int
    #: how far back the columns it reads reach, microseconds, None for all of history
    behind: int | None

    @property
    def dtype(self) -> np.dtype[np.void]:
        """The newest value of each condition's column, and whether it breached, a bit each."""
        return np.dtype([*memory_of(len(self.conditions)).descr, ("over", "<u2")])

    @property
    def inputs(self) -> tuple[int, ...]:
        """The columns of its conditions."""
        return tuple(dict.fromkeys(one.column for one in self.conditions))

    @property
    def reach(self) -> int | None:
        """As old as a value may be, and as far as that may reach back."""
        return None if self.behind is None else self.within + self.behind

    @property
    def outputs(self) -> int:
        """One."""
        return 1

    def seen(self, memory: NDArray[np.void]) -> NDArray[np.int64]:
        """Return the newest input followed."""
        newest: NDArray[np.int64] = memory["at"].max(axis=1)
        return newest

    def follow(self, memory: NDArray[np.void], readings: Readings) -> Told:
        """Count the conditions that hold at every reading that one of them looks at."""
        values = np.stack([readings.column(one.column) for one in self.conditions], axis=1)
        over = np.zeros(values.shape, bool)
        for place, one in enumerate(self.conditions):
            edge = one.edge if one.rule is None else readings.edge(one.rule)
            over[:, place] = one.sign * values[:, place] >= edge
        bits = 1 << np.arange(len(self.conditions))
        carried = memory["over"][readings.patient][:, None] & bits != 0
        latest = follow_latest(memory, readings.patient, readings.time, values)
        over = np.where(latest.is_here, over[latest.row, np.arange(len(self.conditions))], carried)
        last = np.append(starts_of(readings.patient)[1:], len(over)) - 1
        memory["over"][readings.patient[last]] = over[last] @ bits
        holds = latest.recent(readings.time, self.within) & over
        told: dict[str, NDArray[np.float64]] = {}
        for place in range(len(self.conditions)):
            told[f"{place}.value"] = latest.value[:, place]
            told[f"{place}.at"] = np.where(latest.at[:, place] != 0, latest.at[:, place], np.nan)
            told[f"{place}.holds"] = holds[:, place].astype(np.float64)
        return Told(np.where(latest.is_any, holds.sum(axis=1), np.nan)[:, None], (told,))
