"""State: what the conditions of some patients know about the readings judged so far, as columns, and packed for storage.

A cache of history and nothing more: it follows from the rule set, the patient's programmes, limits and zone, the resets by
staff and the stored measurements, so it can be thrown away and rebuilt (`alerts/rebuild.py`). Laid out by one rule set; the
row that keeps it names which.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from devices.vitals import VITALS

INACTIVE: Final = 0
PENDING: Final = 1
FIRING: Final = 2

#: the time of something that has not happened; far enough from the ends that a difference of two times never overflows
NEVER: Final = -(1 << 62)

_VITALS: Final = len(VITALS)
_PRESENT: Final = 1 << np.arange(_VITALS, dtype=np.uint32)
_FORMAT: Final = 2
_HEAD: Final = np.dtype([("format", "u1"), ("rules", "u1"), ("signals", "u1"), ("newest", "<u4"), ("doubted", "<u4")])
_CONDITION: Final = np.dtype(
    [("rule", "u1"), ("status", "u1"), ("streak", "u1"), ("since", "<i8"), ("held", "<i8"), ("announced", "<f4")]
)


class StateUnreadable(ValueError):
    """Packed bytes are not a state of this layout; a rebuild makes them anew."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a rule set makes of a state."""

    #: how many rules judge readings
    rules: int
    #: the memory of one patient under each signal
    memories: tuple[np.dtype[np.void], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """Conditions of P patients under R rules, and the memories of S signals; row p of every array belongs together."""

    #: (P, vitals) int64 microseconds: measured_at of the newest clean reading of a vital, NEVER where there is none
    newest: NDArray[np.int64]
    #: (P, vitals) int64 microseconds: measured_at of the newest suspect reading with no clean one at or after it, else NEVER
    doubted: NDArray[np.int64]
    #: (P, R) uint8: INACTIVE, PENDING or FIRING
    status: NDArray[np.uint8]
    #: (P, R) uint8: while PENDING, breaching readings in a row (255 means at least 255), else 0; of a rule that counts among
    #: the last readings a bit for each of them, the newest lowest
    streak: NDArray[np.uint8]
    #: (P, R) int64 microseconds: measured_at of the first reading of the stretch while PENDING or FIRING, else NEVER
    since: NDArray[np.int64]
    #: (P, R) int64 microseconds: measured_at of the newest reading judged while PENDING or FIRING, else NEVER
    held: NDArray[np.int64]
    #: (P, R) float32: what was announced last while FIRING under a rule with a step, else 0
    announced: NDArray[np.float32]
    #: S arrays (P,), one for each signal; all zeros where nothing is known
    memory: tuple[NDArray[np.void], ...]

    @classmethod
    def empty(cls, patients: int, layout: Layout) -> Self:
        """Return the state of patients of whom nothing is known."""
        shape = (patients, layout.rules)
        return cls(
            newest=np.full((patients, _VITALS), NEVER, np.int64),
            doubted=np.full((patients, _VITALS), NEVER, np.int64),
            status=np.zeros(shape, np.uint8),
            streak=np.zeros(shape, np.uint8),
            since=np.full(shape, NEVER, np.int64),
            held=np.full(shape, NEVER, np.int64),
            announced=np.zeros(shape, np.float32),
            memory=tuple(np.zeros(patients, dtype) for dtype in layout.memories),
        )

    def __len__(self) -> int:
        return len(self.newest)

    def take(self, rows: NDArray[np.intp]) -> "States":
        """Return a copy of these rows."""
        return _states([array[rows] for array in self.columns()], [take_memory(one, rows) for one in self.memory])

    def copy(self) -> "States":
        """Return a copy of all rows."""
        return _states([array.copy() for array in self.columns()], [one.copy() for one in self.memory])

    def put(self, rows: NDArray[np.intp], other: "States") -> None:
        """Overwrite these rows with those of another."""
        for mine, theirs in zip(self.columns(), other.columns(), strict=True):
            mine[rows] = theirs
        for mine, theirs in zip(self.memory, other.memory, strict=True):
            put_memory(mine, rows, theirs)

    def put_rules(self, rows: NDArray[np.intp], other: "States", rules: NDArray[np.bool_], signals: NDArray[np.bool_]) -> None:
        """Overwrite in these rows what another knows of some rules (rows, R) and signals (rows, S)."""
        for mine, theirs in zip(self.columns()[2:], other.columns()[2:], strict=True):
            mine[rows] = np.where(rules, theirs, mine[rows])
        for place, (mine, theirs) in enumerate(zip(self.memory, other.memory, strict=True)):
            chosen = np.flatnonzero(signals[:, place])
            put_memory(mine, rows[chosen], take_memory(theirs, chosen))

    def columns(self) -> tuple[Any, ...]:
        """Return all arrays but the memories."""
        return (self.newest, self.doubted, self.status, self.streak, self.since, self.held, self.announced)


def take_memory(memory: NDArray[np.void], rows: NDArray[np.intp]) -> NDArray[np.void]:
    """Return a copy of some rows: as bytes, many times faster than field by field."""
    taken: NDArray[np.void] = _raw(memory)[rows].view(memory.dtype)
    return taken


def put_memory(memory: NDArray[np.void], rows: NDArray[np.intp], other: NDArray[np.void]) -> None:
    """Overwrite some rows."""
    _raw(memory)[rows] = _raw(other)


def _raw(memory: NDArray[np.void]) -> NDArray[np.void]:
    raw: NDArray[np.void] = memory.view(f"V{memory.dtype.itemsize}")
    return raw


def _states(columns: list[Any], memory: list[NDArray[np.void]]) -> States:
    newest, doubted, status, streak, since, held, announced = columns
    return States(newest, doubted, status, streak, since, held, announced, tuple(memory))


def pack(states: States) -> tuple[NDArray[np.void], NDArray[np.int32]]:
    """Return (P,) fixed-width bytes and how many of each count; a patient with six vitals and no condition takes 59 bytes.

    Only what is there is written: a head that tells which vitals have a newest and a doubted time, those times, one entry for
    each condition that is not inactive, and the number and memory of each signal that knows something.
    """
    newest, doubted, active = states.newest != NEVER, states.doubted != NEVER, states.status != INACTIVE
    head = np.zeros(len(states), _HEAD)
    head["format"] = _FORMAT
    head["rules"] = active.sum(axis=1)
    head["newest"] = newest @ _PRESENT
    head["doubted"] = doubted @ _PRESENT
    parts = [(np.arange(len(states)), _bytes(head))]
    for times, there in ((states.newest, newest), (states.doubted, doubted)):
        row, column = np.nonzero(there)
        parts.append((row, _bytes(times[row, column])))
    row, column = np.nonzero(active)
    conditions = np.zeros(len(row), _CONDITION)
    conditions["rule"] = column
    for name in ("status", "streak", "since", "held", "announced"):
        conditions[name] = getattr(states, name)[row, column]
    parts.append((row, _bytes(conditions)))
    for number, memory in enumerate(states.memory):
        known = _bytes(memory).any(axis=1)
        row = np.flatnonzero(known)
        parts.append((row, np.concatenate([np.full((len(row), 1), number, np.uint8), _bytes(memory[row])], axis=1)))
        head["signals"] += known
    parts[0] = (parts[0][0], _bytes(head))
    sizes = [np.bincount(row, minlength=len(states)) * entry.shape[1] for row, entry in parts]
    lengths = np.sum(sizes, axis=0).astype(np.int32)
    width = int(lengths.max(initial=1))
    packed = np.zeros((len(states), width), np.uint8)
    place = np.zeros(len(states), np.int64)
    for row, entry in parts:
        count = np.bincount(row, minlength=len(states))
        rank = np.arange(len(row)) - (np.cumsum(count) - count)[row]
        start = row * width + place[row] + rank * entry.shape[1]
        packed.reshape(-1)[start[:, None] + np.arange(entry.shape[1])] = entry
        place += count * entry.shape[1]
    return packed.view(f"V{width}").reshape(len(states)), lengths


def unpack(packed: list[bytes], layout: Layout) -> States:
    """Return the states of P patients; b"" is a patient of whom nothing is known. Raises StateUnreadable."""
    states = States.empty(len(packed), layout)
    rows = np.flatnonzero(np.array([bool(one) for one in packed], bool))
    packed = [one for one in packed if one]
    if not packed:
        return states
    lengths = np.array([len(one) for one in packed])
    if lengths.min() < _HEAD.itemsize:
        raise StateUnreadable("a state is shorter than its head")
    ends = np.cumsum(lengths)
    stream = np.frombuffer(b"".join(packed), np.uint8)
    place = ends - lengths
    head = stream[place[:, None] + np.arange(_HEAD.itemsize)].view(_HEAD)[:, 0]
    if np.any(head["format"] != _FORMAT):
        raise StateUnreadable("a state has another format")
    place += _HEAD.itemsize
    for array, name in ((states.newest, "newest"), (states.doubted, "doubted")):
        there = head[name][:, None] & _PRESENT != 0
        where, column = np.nonzero(there)
        times, place = _entries(stream, place, ends, there.sum(axis=1), np.dtype("<i8"))
        array[rows[where], column] = times
    count = head["rules"].astype(np.intp)
    entries, place = _entries(stream, place, ends, count, _CONDITION)
    where = rows[np.repeat(np.arange(len(rows)), count)]
    if entries.size and entries["rule"].max() >= layout.rules:
        raise StateUnreadable("a state knows a rule that this rule set does not")
    for name in ("status", "streak", "since", "held", "announced"):
        getattr(states, name)[where, entries["rule"]] = entries[name]
    left = head["signals"].astype(np.int64)
    for number, dtype in enumerate(layout.memories):
        here = np.flatnonzero((left > 0) & (place < ends))
        here = here[stream[place[here]] == number]
        remembered, after = _entries(stream, place[here] + 1, ends[here], np.ones(len(here), np.intp), dtype)
        states.memory[number][rows[here]] = remembered
        place[here], left[here] = after, left[here] - 1
    if np.any(place != ends) or left.any():
        raise StateUnreadable("a state has another length than its head says, or knows a signal that this rule set does not")
    return states


def forget_condition(packed: bytes, rule: int) -> bytes:
    """Return a packed state with one condition made inactive, whatever signals it knows. Raises StateUnreadable."""
    head, place = _opened(packed)
    for at in range(place, place + _CONDITION.itemsize * int(head["rules"]), _CONDITION.itemsize):
        if packed[at] == rule:
            head["rules"] -= 1
            return bytes(head.tobytes()) + packed[_HEAD.itemsize : at] + packed[at + _CONDITION.itemsize :]
    return packed


def forget_doubt(packed: bytes, vital: int) -> bytes:
    """Return a packed state whose doubt about a vital counts as answered by a clean reading. Raises StateUnreadable."""
    head, place = _opened(packed)
    times = {}
    at = _HEAD.itemsize
    for name in ("newest", "doubted"):
        for column in range(_VITALS):
            if int(head[name]) >> column & 1:
                times[name, column] = int.from_bytes(packed[at : at + 8], "little", signed=True)
                at += 8
    doubted = times.pop(("doubted", vital), NEVER)
    if doubted == NEVER:
        return packed
    times["newest", vital] = max(times.get(("newest", vital), NEVER), doubted)
    for name in ("newest", "doubted"):
        head[name] = sum(1 << column for which, column in times if which == name)
    ordered = sorted(times.items(), key=lambda one: (one[0][0] == "doubted", one[0][1]))
    return bytes(head.tobytes()) + b"".join(time.to_bytes(8, "little", signed=True) for _, time in ordered) + packed[place:]


def _opened(packed: bytes) -> tuple[Any, int]:
    """Return the head of a packed state and where its conditions begin."""
    if len(packed) < _HEAD.itemsize or packed[0] != _FORMAT:
        raise StateUnreadable("a state has another format")
    head = np.frombuffer(packed[: _HEAD.itemsize], _HEAD).copy()[0]
    place = _HEAD.itemsize + 8 * (int(head["newest"]).bit_count() + int(head["doubted"]).bit_count())
    if place + _CONDITION.itemsize * int(head["rules"]) > len(packed):
        raise StateUnreadable("a state is shorter than its head says")
    return head, place


def _bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Return each row of an array as bytes, (rows, width)."""
    little = array if array.dtype.names else array.astype(array.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(little).view(np.uint8).reshape(len(array), array.dtype.itemsize)


def _entries(
    stream: NDArray[np.uint8], starts: NDArray[np.intp], ends: NDArray[np.intp], counts: NDArray[np.intp], dtype: np.dtype[Any]
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return so many entries from each start, one after the other, and where each run of them ends."""
    after = starts + counts * dtype.itemsize
    if np.any(after > ends):
        raise StateUnreadable("a state is shorter than its head says")
    rank = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    first = np.repeat(starts, counts) + rank * dtype.itemsize
    return stream[first[:, None] + np.arange(dtype.itemsize)].view(dtype).reshape(-1), after
