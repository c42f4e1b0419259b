"""Attribution: whose measurement it is, from the assignments of its device and user slot at the time it was measured.

The payload never says who the patient is. What belongs to nobody is stored as NOBODY and listed under "whose is this?".
Loaded inside the transaction that holds the devices' state rows, so that an assignment cannot change under a batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from database.arrays import fetch_arrays
from database.sql import load_sql
from devices.batch import NO_SLOT, NOBODY

_SQL: Final = load_sql(__file__)
#: slots are 0…99, so this many keys a device leave room for the assignment without a slot
_KEYS: Final = 128


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """The assignments of some devices; row i of every array belongs together, ordered by key and start."""

    #: (a,) int64, device · 128 + slot + 1; the assignment without a slot has slot −1
    key: NDArray[np.int64]
    #: (a,) int64, microseconds since 1970 UTC, the first moment of it
    start: NDArray[np.int64]
    #: (a,) int64, microseconds since 1970 UTC, the first moment after it
    end: NDArray[np.int64]
    #: (a,) int32
    patient_id: NDArray[np.int32]

    @classmethod
    def load(cls, connection: Connection[Any], device_ids: Sequence[int] | NDArray[Any]) -> Self:
        """Load all assignments of these devices, past ones too."""
        wanted = np.asarray(device_ids, np.int32)
        return cls.of(*fetch_arrays(connection, _SQL["list_assignment_columns"], {"device_ids": wanted}))

    @classmethod
    def of(
        cls,
        device_id: NDArray[Any],
        user_slot: NDArray[Any],
        patient_id: NDArray[Any],
        start: NDArray[Any],
        end: NDArray[Any],
    ) -> Self:
        """Return the attribution by these assignments; a slot of NO_SLOT means any."""
        key = device_id.astype(np.int64) * _KEYS + user_slot + 1
        order = np.lexsort((start, key))
        return cls(key[order], start[order].astype(np.int64), end[order].astype(np.int64), patient_id[order].astype(np.int32))

    def patients(self, device_id: NDArray[Any], user_slot: NDArray[Any], measured_at: NDArray[Any]) -> NDArray[np.int32]:
        """Return whose each measurement is, (n,) int32, NOBODY where nobody's.

        A slot in the payload belongs to the assignment of that slot, and no slot to the assignment without one. While the
        device has no assignment with a slot, the one without takes every slot; so the guest of a shared scale is nobody.
        """
        device = device_id.astype(np.int64) * _KEYS
        found, _ = self._within(device + user_slot + 1, device + user_slot + 1, measured_at)
        shared, _ = self._within(device, device, measured_at)
        open_to_all = np.flatnonzero((found == NOBODY) & (shared != NOBODY) & (user_slot != NO_SLOT))
        if len(open_to_all):
            first = device[open_to_all]
            _, slotted = self._within(first + 1, first + _KEYS - 1, measured_at[open_to_all])
            found[open_to_all] = np.where(slotted, NOBODY, shared[open_to_all])
        return found

    def _within(
        self, first: NDArray[np.int64], last: NDArray[np.int64], moment: NDArray[Any]
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Return the patient of an assignment with a key from first to last at each moment, and whether there is one."""
        low = np.searchsorted(self.key, first, "left")
        high = np.searchsorted(self.key, last, "right")
        patient = np.full(len(first), NOBODY, np.int32)
        most = int((high - low).max(initial=0))
        for step in range(most):
            place = np.minimum(low + step, len(self.key) - 1)
            holds = (low + step < high) & (self.start[place] <= moment) & (moment < self.end[place])
            patient[holds] = self.patient_id[place[holds]]
        return patient, patient != NOBODY
