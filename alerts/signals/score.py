"""Score: NEWS2 over whatever came in within the hour; what is missing makes it a floor, which counts all the same.

The points are `alerts/news2.py`'s; here is which values count at a reading, how old each is, and by which oxygen scale.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts import news2
from alerts.rule import REFERENCES
from alerts.signals.latest import follow_latest, memory_of
from alerts.signals.signal import CONSCIOUSNESS, Readings, Told
from devices.vitals import COLUMN

#: column of each parameter of NEWS2, in the order of its table
_COLUMNS: Final = tuple(
    CONSCIOUSNESS if name == "consciousness" else COLUMN["oxygen_flow" if name == "oxygen" else name]
    for name in news2.PARAMETERS
)
_SCALE: Final = REFERENCES.index("spo2_scale")


def _values(readings: Readings) -> NDArray[np.float64]:
    """Return (n, 7) values as they were measured: rounding half up to the chart is NEWS2's own."""
    return np.stack([readings.measured(column) for column in _COLUMNS], axis=1)


@dataclass(frozen=True)
class News2:
    """All points, and the most in one parameter; a `Signal`."""

    #: an input older than this is missing, microseconds
    within: int
    #: "total" or "single", one for each output
    measures: tuple[str, ...]

    @property
    def dtype(self) -> np.dtype[np.void]:
        """The newest value of each parameter."""
        return memory_of(len(_COLUMNS))

    @property
    def inputs(self) -> tuple[int, ...]:
        """The seven parameters."""
        return _COLUMNS

    @property
    def reach(self) -> int:
        """As old as an input may be."""
        return self.within

    @property
    def outputs(self) -> int:
        """One for each measure."""
        return len(self.measures)

    def seen(self, memory: NDArray[np.void]) -> NDArray[np.int64]:
        """Return the newest input followed."""
        newest: NDArray[np.int64] = memory["at"].max(axis=1)
        return newest

    def follow(self, memory: NDArray[np.void], readings: Readings) -> Told:
        """Score every reading that holds a parameter, together with the newest of the others."""
        latest = follow_latest(memory, readings.patient, readings.time, _values(readings))
        recent = latest.recent(readings.time, self.within)
        scale = np.where(readings.reference(_SCALE) == 2, 2, 1).astype(np.int8)
        points = news2.points(np.where(recent, latest.value, np.nan), scale)
        counted = np.maximum(points, 0)
        score = {"total": counted.sum(axis=1), "single": counted.max(axis=1)}
        told: dict[str, NDArray[np.float64]] = {"scale": scale.astype(np.float64), "total": score["total"].astype(np.float64)}
        for place, name in enumerate(news2.PARAMETERS):
            told[f"{name}.points"] = points[:, place].astype(np.float64)
            told[f"{name}.value"] = np.where(recent[:, place], latest.value[:, place], np.nan)
            told[f"{name}.at"] = np.where(recent[:, place], latest.at[:, place], np.nan)
        said = np.stack([np.where(latest.is_any, score[name], np.nan) for name in self.measures], axis=1)
        return Told(said, tuple(told for _ in self.measures))
