"""Columns: decoded measurements side by side, before anything is known but their payloads.

What a codec decodes one by one (`Decoded`) and what `devices.codecs.bulk` decodes many at a time meet in this shape, so
that ingest places, checks and records a batch without a loop over its rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from devices.decoded import Decoded
from devices.identity import content_hash
from devices.vitals import VITALS

#: a time that the payload does not give
ABSENT: Final = int(np.iinfo(np.int64).min)


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """n measurements; row i of every column belongs together. As in `Decoded` where nothing else is said."""

    #: n entries: the device's name for this run of its sequence, None where it keeps none
    boot: list[str | None]
    #: (n,) int64 sequence number, content hash where boot is None
    seq: NDArray[np.int64]
    #: (n,) int64 microseconds since 1970 UTC, ABSENT where the payload gives none
    time: NDArray[np.int64]
    #: (n,) int64 microseconds since 1970 UTC, ABSENT where the payload gives none
    clock: NDArray[np.int64]
    #: (n,) int64 oldest sequence number still held, 0 where unsaid
    first: NDArray[np.int64]
    #: (n,) int16
    user_slot: NDArray[np.int16]
    #: (n,) int16 percent, -1 where unsaid
    battery: NDArray[np.int16]
    #: (n, len(VITALS)) float32, NaN where absent
    values: NDArray[np.float32]
    #: (n,) int32
    suspect: NDArray[np.int32]
    #: (n,) uint8
    consciousness: NDArray[np.uint8]
    #: n entries
    flags: list[tuple[str, ...]]
    #: n entries
    original: list[dict[str, Any] | None]

    def __len__(self) -> int:
        return len(self.seq)

    @classmethod
    def of(cls, decoded: Sequence[Decoded]) -> Self:
        """Return these measurements as columns."""
        count = len(decoded)
        values = np.full((count, len(VITALS)), np.nan, np.float32)
        lengths = np.fromiter((len(one.columns) for one in decoded), np.intp, count)
        filled = np.repeat(np.arange(count), lengths)
        columns = np.fromiter(chain.from_iterable(one.columns for one in decoded), np.intp, len(filled))
        values[filled, columns] = np.fromiter(chain.from_iterable(one.values for one in decoded), np.float64, len(filled))
        return cls(
            boot=[one.boot for one in decoded],
            seq=np.fromiter((content_hash(one) if one.seq is None else one.seq for one in decoded), np.int64, count),
            time=np.fromiter((ABSENT if one.time is None else one.time for one in decoded), np.int64, count),
            clock=np.fromiter((ABSENT if one.clock is None else one.clock for one in decoded), np.int64, count),
            first=np.fromiter((one.first or 0 for one in decoded), np.int64, count),
            user_slot=np.fromiter((one.user_slot for one in decoded), np.int16, count),
            battery=np.fromiter((-1 if one.battery is None else one.battery for one in decoded), np.int16, count),
            values=values,
            suspect=np.fromiter((one.suspect for one in decoded), np.int32, count),
            consciousness=np.fromiter((one.consciousness for one in decoded), np.uint8, count),
            flags=[one.flags for one in decoded],
            original=[one.original for one in decoded],
        )

    def followed_by(self, others: "Columns") -> "Columns":
        """Return these rows and then the others."""
        return Columns(*(_joined(getattr(self, one.name), getattr(others, one.name)) for one in fields(self)))

    def take(self, rows: NDArray[np.intp]) -> "Columns":
        """Return these rows, in this order."""
        return Columns(*(_chosen(getattr(self, one.name), rows) for one in fields(self)))

    def readings(self) -> NDArray[np.int64]:
        """Return (n,) how many readings each measurement holds."""
        held: NDArray[np.int64] = np.count_nonzero(~np.isnan(self.values), axis=1) + (self.consciousness != 0)
        return held


def _joined(ours: Any, theirs: Any) -> Any:
    return ours + theirs if isinstance(ours, list) else np.concatenate([ours, theirs])


def _chosen(column: Any, rows: NDArray[np.intp]) -> Any:
    return [column[row] for row in rows.tolist()] if isinstance(column, list) else column[rows]
