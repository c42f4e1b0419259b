"""Which measurements of a batch are new: by sequence where a device keeps one, by content where it has nothing better.

Measurements with a time but no sequence are left to the unique index. Works on locked devices, so the answer holds until the
transaction ends.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from devices.decoded import Decoded
from devices.identity import content_hash
from devices.locked import LockedDevices
from devices.vitals import COLUMN

_WEIGHT: Final = COLUMN["body_weight"]


def find_fresh(
    locked: LockedDevices, devices: Sequence[int], measurements: Sequence[Decoded], received: Sequence[int]
) -> NDArray[np.bool_]:
    """Take the sequence numbers of these measurements in their order of arrival; return (n,) bool, whether each is new."""
    pairs = {(device, one.boot) for device, one in zip(devices, measurements, strict=True) if one.boot is not None}
    locked.load_boots(pairs)
    seen_before = {
        (device, one.boot)
        for device, one in zip(devices, measurements, strict=True)
        if one.boot is not None and one.seq is not None and one.seq <= locked.sequence(device, one.boot).high
    }
    if seen_before:
        locked.load_gaps(seen_before)
    timeless = {device for device, one in zip(devices, measurements, strict=True) if one.boot is None and one.time is None}
    if timeless:
        locked.load_windows(timeless)
    fresh = np.ones(len(devices), bool)
    for row, (device, one) in enumerate(zip(devices, measurements, strict=True)):
        if one.boot is not None and one.seq is not None:
            sequence = locked.sequence(device, one.boot)
            if one.first is not None and one.first - 1 > sequence.high:
                sequence.give_up(one.first)
            fresh[row] = sequence.take(one.seq)
        elif one.time is None:
            window = locked.window(device)
            fresh[row] = window.take(content_hash(one), received[row], is_weight=_WEIGHT in one.columns)
    return fresh
