"""Recorded readings from a file, for `wardlight replay`: CSV or JSON lines, plain or gzip, one measurement at a time.

Reads and groups, judges nothing: an unknown vital or unit goes out as it was recorded, so that what becomes of it is seen at
the far end. Only a line that has no patient, no time or no value is refused, by file and line.
"""

import csv
import gzip
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final
from zoneinfo import ZoneInfo

from devices.codecs.instant import microseconds, parse_time

_MINUTE: Final = 60_000_000
#: columns that say when; the first that the file has is used
_TIMES: Final = ("time", "local_time", "minute")
_GZIP: Final = b"\x1f\x8b"


class RecordingError(Exception):
    """A recording cannot be read; the message names the file, the line and the way out."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded of one patient at one time."""

    #: as the file calls them
    patient: str
    #: microseconds since 1970 UTC; since the patient's start where the file counts minutes
    time_us: int
    #: {vital: (value, unit)} as recorded; a meter's word such as "LO" stays text
    values: Mapping[str, tuple[float | str, str]]


@dataclass(slots=True)
class Span:
    """The part of a recording that is about one patient."""

    #: microseconds, as in `Recorded.time_us`
    first_us: int
    last_us: int
    measurements: int = 0
    readings: int = 0
    vitals: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Survey:
    """What a whole recording holds."""

    patients: dict[str, Span] = field(default_factory=dict)

    @property
    def readings(self) -> int:
        """How many values the recording holds."""
        return sum(span.readings for span in self.patients.values())

    @property
    def measurements(self) -> int:
        """How many groups of values of one patient at one time it holds."""
        return sum(span.measurements for span in self.patients.values())


def survey(recording: Iterable[Recorded]) -> Survey:
    """Go through a recording once and return what it holds."""
    found = Survey()
    for one in recording:
        span = found.patients.get(one.patient)
        if span is None:
            span = found.patients[one.patient] = Span(one.time_us, one.time_us)
        span.first_us = min(span.first_us, one.time_us)
        span.last_us = max(span.last_us, one.time_us)
        span.measurements += 1
        span.readings += len(one.values)
        span.vitals.update(one.values)
    return found


def shift_to_end(found: Survey, now_us: int) -> dict[str, int]:
    """Return by how many microseconds each patient's times move so that their recording ends now."""
    return {patient: now_us - span.last_us for patient, span in found.patients.items()}


def shift_to_start(found: Survey, now_us: int) -> dict[str, int]:
    """Return by how many microseconds each patient's times move so that their recording starts now."""
    return {patient: now_us - span.first_us for patient, span in found.patients.items()}


def read_recording(path: Path, zone: str | None = None) -> Iterator[Recorded]:
    """Yield what a file holds, in its order; lines of one patient and time that follow each other are one measurement.

    Columns (or JSON keys) are `patient`, `vital`, `value`, `unit`, and one of `time` (with an offset), `local_time` (needs
    `zone`, the name of a time zone) or `minute` (from the patient's start); others are ignored. A JSON line may instead hold
    `values`: {vital: {"value", "unit"}}. Raises RecordingError.
    """
    try:
        where = ZoneInfo(zone) if zone else None
    except (KeyError, ValueError, OSError):
        raise RecordingError(f"there is no time zone {zone!r}; write a name such as Europe/Berlin") from None
    try:
        with _open(path) as lines:
            yield from _group(_parse(path, lines, where))
    except UnicodeDecodeError:
        raise RecordingError(f"{path}: the file is not UTF-8 text") from None
    except (OSError, EOFError) as error:
        raise RecordingError(f"{path} cannot be read: {error}") from None


def in_time_order(recording: Iterable[Recorded], shifts: Mapping[str, int]) -> list[Recorded]:
    """Return the whole recording with its times moved, oldest first; it must fit in memory."""
    moved = [Recorded(one.patient, one.time_us + shifts[one.patient], one.values) for one in recording]
    return sorted(moved, key=lambda one: one.time_us)


def _open(path: Path) -> IO[str]:
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    if packed:
        return io.TextIOWrapper(gzip.open(path), encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _parse(path: Path, lines: IO[str], zone: ZoneInfo | None) -> Iterator[Recorded]:
    first = lines.readline()
    while first and not first.strip():
        first = lines.readline()
    if not first:
        raise RecordingError(f"{path} is empty")
    rows = _json_rows(path, first, lines) if first.lstrip().startswith("{") else _csv_rows(path, first, lines)
    for number, row in rows:
        try:
            yield _recorded(row, zone)
        except ValueError as error:
            raise RecordingError(f"{path}, line {number}: {error}") from None


def _csv_rows(path: Path, first: str, lines: IO[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    header = next(csv.reader([first]))
    names = [name.strip() for name in header]
    missing = [name for name in ("patient", "vital", "value", "unit") if name not in names]
    if missing or not any(name in names for name in _TIMES):
        missing += [] if any(name in names for name in _TIMES) else [" or ".join(_TIMES)]
        raise RecordingError(f"{path}, line 1: the file has no column {', '.join(missing)}")
    reader = csv.reader(lines)
    try:
        for cells in reader:
            if cells:
                if len(cells) < len(names):
                    raise RecordingError(
                        f"{path}, line {reader.line_num + 1}: {len(cells)} cells where the header has {len(names)}"
                    )
                yield reader.line_num + 1, dict(zip(names, cells, strict=False))
    except csv.Error as error:
        raise RecordingError(f"{path}, line {reader.line_num + 1}: {error}") from None


def _json_rows(path: Path, first: str, lines: IO[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(_chain(first, lines), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise RecordingError(f"{path}, line {number}: not JSON; each line holds one object") from None
        if not isinstance(row, dict):
            raise RecordingError(f"{path}, line {number}: not an object")
        yield number, row


def _chain(first: str, lines: IO[str]) -> Iterator[str]:
    yield first
    yield from lines


def _recorded(row: Mapping[str, Any], zone: ZoneInfo | None) -> Recorded:
    """Return one row; raise ValueError naming what is missing in it."""
    patient = row.get("patient")
    if not isinstance(patient, str) or not patient.strip():
        raise ValueError("no patient")
    values = row.get("values")
    if isinstance(values, dict):
        pairs = {name: _pair(name, one.get("value"), one.get("unit")) for name, one in values.items() if isinstance(one, dict)}
        if len(pairs) < len(values) or not pairs:
            raise ValueError("values is not an object of {value, unit}")
    else:
        vital = row.get("vital")
        if not isinstance(vital, str) or not vital.strip():
            raise ValueError("no vital")
        pairs = {vital.strip(): _pair(vital, row.get("value"), row.get("unit"))}
    return Recorded(patient.strip(), _time(row, zone), pairs)


def _pair(vital: str, value: Any, unit: Any) -> tuple[float | str, str]:
    if value is None or value == "":
        raise ValueError(f"no value for {vital}")
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return value.strip(), str(unit or "").strip()
        return (number if math.isfinite(number) else value), str(unit or "").strip()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"the value of {vital} is not a number")  # noqa: TRY004 - it becomes a RecordingError with its line
    return value, str(unit or "").strip()


def _time(row: Mapping[str, Any], zone: ZoneInfo | None) -> int:
    for name in _TIMES:
        given = row.get(name)
        if given is None or given == "":
            continue
        if name == "time":
            try:
                return parse_time(str(given).strip())
            except ValueError:
                raise ValueError(f"time {given!r} is not a time with an offset, such as 2026-11-23T08:00:00-05:00") from None
        if name == "minute":
            return _minutes(given)
        return _local(str(given).strip(), zone)
    raise ValueError(f"no {' or '.join(_TIMES)}")


def _minutes(given: Any) -> int:
    try:
        minutes = float(given)
        return round(minutes * _MINUTE)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"minute {given!r} is not a number") from None


def _local(text: str, zone: ZoneInfo | None) -> int:
    if zone is None:
        raise ValueError("local_time needs a time zone: --zone Europe/Berlin")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"local_time {text!r} is not a time such as 2026-11-23 08:00:00") from None
    return microseconds(moment.replace(tzinfo=zone) if moment.tzinfo is None else moment)


def _group(recording: Iterator[Recorded]) -> Iterator[Recorded]:
    """Join neighbours of one patient and time; a vital that comes twice begins another measurement, so that none is lost."""
    held: Recorded | None = None
    for one in recording:
        if held is None:
            held = one
        elif (one.patient, one.time_us) == (held.patient, held.time_us) and not held.values.keys() & one.values.keys():
            held = Recorded(held.patient, held.time_us, {**held.values, **one.values})
        else:
            yield held
            held = one
    if held is not None:
        yield held
