"""A batch as PostgreSQL's binary COPY stream: pure bytes, no connection.

Measurements arrive as groups (pressure and pulse, a weight alone), so rows are written group by group: all rows with the
same vitals present share one fixed layout and become one structured numpy array. Rows that carry flags or converted
originals end in something of no fixed width and are finished one by one.
"""

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import numpy as np
from msgspec.json import encode
from numpy.typing import NDArray

from database.arrays import POSTGRES_EPOCH
from devices.batch import NO_SLOT, NOBODY, Batch
from devices.vitals import VITALS

_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TRAILER: Final = struct.pack(">h", -1)
_NULL: Final = struct.pack(">i", -1)
#: fields of a row, in the order of `copy_measurements` in recording.sql
_FIELDS: Final = 11 + len(VITALS) + 2
# the bits of a row's pattern above the vitals: which nullable columns are present
_PATIENT, _SLOT, _CONSCIOUSNESS = (1 << (len(VITALS) + place) for place in range(3))
_VITAL_BITS: Final = 1 << np.arange(len(VITALS), dtype=np.int64)


def pack(batch: Batch) -> Iterator[bytes]:
    """Yield the COPY stream of these rows, in pieces."""
    yield _HEADER
    odd = np.fromiter((bool(f) or o is not None for f, o in zip(batch.flags, batch.original, strict=True)), bool, len(batch))
    pattern = ~np.isnan(batch.values) @ _VITAL_BITS
    pattern += np.where(batch.patient_id != NOBODY, _PATIENT, 0)
    pattern += np.where(batch.user_slot != NO_SLOT, _SLOT, 0)
    pattern += np.where(batch.consciousness != 0, _CONSCIOUSNESS, 0)
    for one in np.unique(pattern):
        rows = np.flatnonzero(pattern == one)
        fixed = _fill(batch, rows, int(one))
        if odd[rows].any():
            yield from _with_remarks(batch, rows, fixed.tobytes(), fixed.itemsize)
        else:
            yield fixed.tobytes()
    yield _TRAILER


def _with_remarks(batch: Batch, rows: NDArray[Any], fixed: bytes, width: int) -> Iterator[bytes]:
    """Yield rows of one layout with their flags and originals in place of the two NULLs at the end of each."""
    keep = width - 2 * len(_NULL)
    for place, row in enumerate(rows.tolist()):
        start = place * width
        yield fixed[start : start + keep] + _text_array(batch.flags[row]) + _jsonb(batch.original[row])


def _fill(batch: Batch, rows: NDArray[Any], pattern: int) -> NDArray[Any]:
    layout, blank = _layout(pattern)
    out = np.empty(len(rows), layout)
    out[:] = blank
    out["device_time"] = batch.device_time[rows] - POSTGRES_EPOCH
    out["measured_at"] = batch.measured_at[rows] - POSTGRES_EPOCH
    out["received_at"] = batch.received_at[rows] - POSTGRES_EPOCH
    out["seq"] = batch.seq[rows]
    out["device_id"] = batch.device_id[rows]
    out["boot"] = batch.boot[rows]
    out["suspect"] = batch.suspect[rows]
    out["source"] = batch.source[rows]
    if pattern & _PATIENT:
        out["patient_id"] = batch.patient_id[rows]
    if pattern & _SLOT:
        out["user_slot"] = batch.user_slot[rows]
    if pattern & _CONSCIOUSNESS:
        out["consciousness"] = batch.consciousness[rows]
    for column, vital in enumerate(VITALS):
        if pattern & (1 << column):
            out[vital.name] = batch.values[rows, column]
    return out


@lru_cache(maxsize=1024)
def _layout(pattern: int) -> tuple[np.dtype[Any], NDArray[Any]]:
    """Return the layout of a row with these columns present, and one row with its lengths filled in."""
    columns: list[tuple[str, str, int, bool]] = [
        ("device_time", ">i8", 8, True), ("measured_at", ">i8", 8, True), ("received_at", ">i8", 8, True),
        ("seq", ">i8", 8, True), ("device_id", ">i4", 4, True), ("boot", ">i4", 4, True), ("suspect", ">i4", 4, True),
        ("patient_id", ">i4", 4, bool(pattern & _PATIENT)), ("user_slot", ">i2", 2, bool(pattern & _SLOT)),
        ("source", ">i2", 2, True), ("consciousness", "u1", 1, bool(pattern & _CONSCIOUSNESS)),
        *((vital.name, ">f4", 4, bool(pattern & (1 << column))) for column, vital in enumerate(VITALS)),
        ("flags", "", 0, False), ("original", "", 0, False),
    ]  # fmt: skip
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, wire, _, present in columns:
        fields.append((f"{name}_length", ">i4"))
        if present:
            fields.append((name, wire))
    layout = np.dtype(fields)
    blank = np.zeros(1, layout)
    blank["fields"] = _FIELDS
    for name, _, width, present in columns:
        blank[f"{name}_length"] = width if present else -1
    return layout, blank


def _text_array(texts: tuple[str, ...]) -> bytes:
    if not texts:
        return _NULL
    encoded = [text.encode() for text in texts]
    body = struct.pack(">iiiii", 1, 0, 25, len(encoded), 1)
    body += b"".join(struct.pack(">i", len(text)) + text for text in encoded)
    return struct.pack(">i", len(body)) + body


def _jsonb(value: dict[str, Any] | None) -> bytes:
    if value is None:
        return _NULL
    body = b"\x01" + encode(value)
    return struct.pack(">i", len(body)) + body
