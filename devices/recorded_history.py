"""A recording as a history: what `devices/recording_file.py` reads, decoded as a device's message is, as one batch.

For backtests on recorded files: every measurement counts as having come in when it was measured. Pure; judges nothing.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Final

import msgspec
import numpy as np

from devices.batch import NO_SLOT, Batch
from devices.codecs import native
from devices.codecs.instant import microseconds
from devices.columns import Columns
from devices.decoded import Decoded
from devices.recording_file import Recorded

#: measurements decoded at once, within the limits of a message
_AT_ONCE: Final = 500
#: where a recording that counts minutes from each patient's start is placed in time: a Monday, 00:00 UTC
_START: Final = microseconds(datetime(2001, 1, 1, tzinfo=UTC))
#: times below this are minutes from a start
_COUNTED: Final = microseconds(datetime(1980, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class RecordedHistory:
    """A whole recording."""

    #: row by row as it was recorded; patients are numbered from 1
    batch: Batch
    #: what the recording calls them, the first is patient 1
    patients: tuple[str, ...]
    #: readings that could not be taken, by reason (devices.decoded.REASONS)
    refused: dict[str, int]


def as_history(recording: Iterable[Recorded]) -> RecordedHistory:
    """Return a recording as a history. Values are decoded, converted and doubted as those of a live message are."""
    numbers: dict[str, int] = {}
    decoded: list[Decoded] = []
    patient: list[int] = []
    times: list[int] = []
    refused: Counter[str] = Counter()
    rest = iter(recording)
    while some := list(islice(rest, _AT_ONCE)):
        found = native.decode(msgspec.json.encode([_message(one) for one in some]))
        for one, what in zip(some, found, strict=True):
            refused.update(fault.reason for fault in what.faults)
            if what.columns:
                decoded.append(what)
                patient.append(numbers.setdefault(one.patient, len(numbers) + 1))
                times.append(one.time_us + (_START if one.time_us < _COUNTED else 0))
    return RecordedHistory(_batch(decoded, patient, times), tuple(numbers), dict(refused))


def _message(one: Recorded) -> dict[str, object]:
    return {"values": {vital: {"value": value, "unit": unit} for vital, (value, unit) in one.values.items()}}


def _batch(decoded: list[Decoded], patient: list[int], times: list[int]) -> Batch:
    columns, count = Columns.of(decoded), len(decoded)
    whose, time = np.array(patient, np.int32), np.array(times, np.int64)
    return Batch(
        device_id=whose,
        patient_id=whose.copy(),
        user_slot=np.full(count, NO_SLOT, np.int16),
        device_time=time,
        measured_at=time.copy(),
        received_at=time.copy(),
        boot=np.ones(count, np.int32),
        seq=np.arange(1, count + 1, dtype=np.int64),
        values=columns.values,
        suspect=columns.suspect,
        consciousness=columns.consciousness,
        source=np.zeros(count, np.int16),
        flags=columns.flags,
        original=[None] * count,
    )
