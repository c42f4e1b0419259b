"""A batch: measurements as columns, the one shape that recording and judgement share.

Made by ingest from decoded messages and by `devices.queries` from stored history, so that live judgement and rebuild
see exactly the same numbers. Holds no connection and decides nothing.
"""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

#: `patient_id` of a measurement that belongs to nobody yet
NOBODY = 0
#: `user_slot` of a device that has none
NO_SLOT = -1


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """n measurements; row i of every array belongs together."""

    #: (n,) int32
    device_id: NDArray[np.int32]
    #: (n,) int32, NOBODY where unattributed
    patient_id: NDArray[np.int32]
    #: (n,) int16, NO_SLOT where the device has no slots
    user_slot: NDArray[np.int16]
    #: (n,) int64, microseconds since 1970 UTC: as the device said, immutable
    device_time: NDArray[np.int64]
    #: (n,) int64, microseconds since 1970 UTC: corrected, what rules judge on
    measured_at: NDArray[np.int64]
    #: (n,) int64, microseconds since 1970 UTC
    received_at: NDArray[np.int64]
    #: (n,) int32 hash of the boot, 0 where the device keeps no sequence
    boot: NDArray[np.int32]
    #: (n,) int64 sequence number, or content hash where boot is 0
    seq: NDArray[np.int64]
    #: (n, len(VITALS)) float32 in canonical units, NaN where absent
    values: NDArray[np.float32]
    #: (n,) int32, a bit per vital
    suspect: NDArray[np.int32]
    #: (n,) uint8: ord of the ACVPU code, 0 where absent
    consciousness: NDArray[np.uint8]
    #: (n,) int16: 0 device, 1 patient, 2 staff
    source: NDArray[np.int16]
    #: n entries: flags such as ("irregular_pulse",), () where none
    flags: list[tuple[str, ...]]
    #: n entries: {vital: {"value": …, "unit": …}} of converted values, None where none
    original: list[dict[str, Any] | None]

    def __len__(self) -> int:
        return len(self.device_id)

    def cut(self, start: int, end: int) -> Self:
        """Return the batch of the rows from start up to end, sharing its arrays."""
        return type(self)(**{field.name: getattr(self, field.name)[start:end] for field in fields(self)})

    def take(self, rows: NDArray[Any]) -> Self:
        """Return the batch of these rows (indices or a mask), in their order."""
        index = np.flatnonzero(rows) if rows.dtype == bool else rows
        columns: dict[str, Any] = {}
        for field in fields(self):
            column = getattr(self, field.name)
            columns[field.name] = [column[i] for i in index] if isinstance(column, list) else column[index]
        return type(self)(**columns)
