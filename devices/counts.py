"""Per-device tallies of a batch, aligned with the locked device rows."""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Tally = Literal["stored", "suspect", "duplicate", "quarantined"]
#: what is counted, in readings
TALLIES: Final[tuple[Tally, ...]] = ("stored", "suspect", "duplicate", "quarantined")


class Counts:
    """What a batch brought, one entry a device, in the order of `device_ids`."""

    def __init__(self, device_ids: NDArray[np.int32]) -> None:
        """`device_ids` ascending and unique."""
        self._device_ids = device_ids
        #: (devices,) int64 readings by tally
        self.readings: dict[Tally, NDArray[np.int64]] = {name: np.zeros(len(device_ids), np.int64) for name in TALLIES}
        #: (devices,) int64 microseconds since 1970 UTC, 0 where nothing came
        self.last_received = np.zeros(len(device_ids), np.int64)
        #: (devices,) int64 microseconds since 1970 UTC, 0 where nothing was stored
        self.last_measured = np.zeros(len(device_ids), np.int64)

    def add(self, tally: Tally, device: NDArray[np.int32], readings: NDArray[np.int64]) -> None:
        """Count readings (n,) of devices (n,)."""
        np.add.at(self.readings[tally], self._place(device), readings)

    def heard(self, device: NDArray[np.int32], received: NDArray[np.int64]) -> None:
        """Note arrivals (n,) from devices (n,)."""
        np.maximum.at(self.last_received, self._place(device), received)

    def measured(self, device: NDArray[np.int32], measured_at: NDArray[np.int64]) -> None:
        """Note stored measurements (n,) of devices (n,)."""
        np.maximum.at(self.last_measured, self._place(device), measured_at)

    def total(self, tally: Tally) -> int:
        """Return the sum over all devices."""
        return int(self.readings[tally].sum())

    def _place(self, device: NDArray[np.int32]) -> NDArray[np.intp]:
        return np.searchsorted(self._device_ids, device)
