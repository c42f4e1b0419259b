"""Numpy columns as PostgreSQL arrays: how a batch reaches a statement, and a result a batch, without a Python loop.

`register_arrays` teaches a connection to send a one-dimensional ndarray as a binary array parameter, so that a batch
saves its state with one `UPDATE … FROM unnest(%(id)s, %(value)s)`. `fetch_arrays` runs a statement that returns one row of
arrays (`SELECT array_agg(…), array_agg(…)`) and gives them as ndarrays. Arrays hold no NULL.

numpy dtype → array type: int16 → int2[], int32 → int4[], int64 → int8[], float32 → float4[], float64 → float8[],
bool → bool[], datetime64[us] → timestamptz[] (UTC), S or V (fixed-width bytes) → bytea[].
"""

import struct
from collections.abc import Mapping
from typing import Any, Final, LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.adapt import Buffer, Dumper, Loader, PyFormat
from psycopg.pq import Format

#: microseconds from 1970-01-01 to PostgreSQL's own epoch, 2000-01-01
POSTGRES_EPOCH: Final = 946_684_800_000_000

# kind and item size → (array type, element type, dtype on the wire); oids from PostgreSQL's pg_type.dat
_TYPES: Final = {
    "i2": (1005, 21, ">i2"),
    "i4": (1007, 23, ">i4"),
    "i8": (1016, 20, ">i8"),
    "f4": (1021, 700, ">f4"),
    "f8": (1022, 701, ">f8"),
    "b1": (1000, 16, "?"),
    "M8": (1185, 1184, ">i8"),
}
_BYTEA: Final = (1001, 17)


def register_arrays(connection: Connection[Any]) -> None:
    """Let this connection take ndarrays as parameters."""
    connection.adapters.register_dumper(np.ndarray, _ArrayDumper)


class _ArrayDumper(Dumper):
    """Writes the binary array format: header, then (length, value) per element, as one structured numpy array."""

    format = Format.BINARY
    element: int = 0
    wire: str = ""

    def get_key(self, obj: NDArray[Any], format: PyFormat) -> Any:  # noqa: A002 - psycopg's own signature
        return (type(obj), obj.dtype.str)

    def upgrade(self, obj: NDArray[Any], format: PyFormat) -> Dumper:  # noqa: A002 - psycopg's own signature
        kind = obj.dtype.str[1:3]
        dumper = type(self)(type(obj), None)
        if obj.dtype.kind in "SV":
            (dumper.oid, dumper.element), dumper.wire = _BYTEA, f"V{obj.dtype.itemsize}"
        elif kind in _TYPES and (kind != "M8" or np.datetime_data(obj.dtype)[0] == "us"):
            dumper.oid, dumper.element, dumper.wire = _TYPES[kind]
        else:
            raise TypeError(f"an array of {obj.dtype} has no array type here; see database/arrays.py")
        return dumper

    def dump(self, obj: NDArray[Any]) -> Buffer:
        if obj.ndim != 1:
            raise TypeError(f"only one-dimensional arrays are sent, this one has the shape {obj.shape}")
        if not len(obj):
            return struct.pack(">iii", 0, 0, self.element)
        rows = np.empty(len(obj), dtype=[("length", ">i4"), ("value", self.wire)])
        rows["length"] = rows.dtype["value"].itemsize
        if obj.dtype.kind == "M":
            rows["value"] = obj.astype("i8") - POSTGRES_EPOCH
        elif obj.dtype.kind == "S":
            rows["value"] = np.ascontiguousarray(obj).view(self.wire)
        else:
            rows["value"] = obj
        return struct.pack(">iiiii", 1, 0, self.element, len(obj), 1) + rows.tobytes()


def fetch_arrays(
    connection: Connection[Any], statement: LiteralString, parameters: Mapping[str, Any]
) -> tuple[NDArray[Any], ...]:
    """Run a statement whose one row holds nothing but arrays; return them, microseconds since 1970 UTC for times.

    An aggregate over nothing, NULL, is an empty array. An infinite time stays at the end of int64.
    """
    with connection.cursor(binary=True) as cursor:
        for array, _, _ in _TYPES.values():
            cursor.adapters.register_loader(array, _LOADERS[array])
        row = cursor.execute(statement, parameters).fetchone()
        columns = cursor.description or []
    if row is None:
        raise ValueError("a statement for arrays returned no row")
    empty = (_LOADERS[column.type_code].empty() for column in columns)
    return tuple(none if found is None else found for found, none in zip(row, empty, strict=True))


class _ArrayLoader(Loader):
    """Reads the binary array format as one structured numpy array."""

    format = Format.BINARY
    _wire: str = ""
    _native: str = ""

    @classmethod
    def empty(cls) -> NDArray[Any]:
        return np.zeros(0, cls._native)

    def load(self, data: Buffer) -> NDArray[Any]:
        dimensions, holds_null, _ = struct.unpack_from(">iii", data)
        if not dimensions:
            return self.empty()
        if holds_null:
            raise ValueError("an array with NULL in it was fetched; coalesce it in the statement")
        (count,) = struct.unpack_from(">i", data, 12)
        rows = np.frombuffer(data, [("length", ">i4"), ("value", self._wire)], count, 20)
        return rows["value"].astype(self._native)


class _TimeLoader(_ArrayLoader):
    """Reads times as microseconds since 1970 UTC."""

    def load(self, data: Buffer) -> NDArray[Any]:
        stored = super().load(data)
        ends = np.iinfo(np.int64)
        endless = (stored == ends.min) | (stored == ends.max)
        return np.where(endless, stored, stored + np.where(endless, 0, POSTGRES_EPOCH))


_LOADERS: Final[dict[int, type[_ArrayLoader]]] = {
    array: type(
        f"_Loader{array}", (_TimeLoader if kind == "M8" else _ArrayLoader,), {"_wire": wire, "_native": wire.lstrip(">")}
    )
    for kind, (array, _, wire) in _TYPES.items()
}
