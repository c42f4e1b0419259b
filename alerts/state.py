"""State: what the conditions of some patients know about the readings judged so far, as columns, and packed for storage.

A cache of history and nothing more: it follows from the rule set, the patient's programmes, the resets by staff and the
stored measurements, so it can be thrown away and rebuilt (`alerts/rebuild.py`). Laid out by one rule set; the row that
keeps it names which.
"""

from dataclasses import dataclass
from typing import Final, Self

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
_FORMAT: Final = 1
_HEAD: Final = np.dtype([("format", "u1"), ("rules", "u1"), ("newest", "<u4"), ("doubted", "<u4")])
_CONDITION: Final = np.dtype([("rule", "u1"), ("status", "u1"), ("streak", "u1"), ("since", "<i8")])


class StateUnreadable(ValueError):
    """Packed bytes are not a state of this layout; a rebuild makes them anew."""


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """Conditions of P patients under R threshold rules; row p of every array belongs together."""

    #: (P, vitals) int64 microseconds: measured_at of the newest clean reading of a vital, NEVER where there is none
    newest: NDArray[np.int64]
    #: (P, vitals) int64 microseconds: measured_at of the newest suspect reading with no clean one at or after it, else NEVER
    doubted: NDArray[np.int64]
    #: (P, R) uint8: INACTIVE, PENDING or FIRING
    status: NDArray[np.uint8]
    #: (P, R) uint8: breaching readings in a row while PENDING (255 means at least 255), else 0
    streak: NDArray[np.uint8]
    #: (P, R) int64 microseconds: measured_at of the first reading of the stretch while PENDING or FIRING, else NEVER
    since: NDArray[np.int64]

    @classmethod
    def empty(cls, patients: int, rules: int) -> Self:
        """Return the state of patients of whom nothing is known."""
        return cls(
            newest=np.full((patients, _VITALS), NEVER, np.int64),
            doubted=np.full((patients, _VITALS), NEVER, np.int64),
            status=np.zeros((patients, rules), np.uint8),
            streak=np.zeros((patients, rules), np.uint8),
            since=np.full((patients, rules), NEVER, np.int64),
        )

    def __len__(self) -> int:
        return len(self.newest)

    def take(self, rows: NDArray[np.intp]) -> "States":
        """Return a copy of these rows."""
        return States(self.newest[rows], self.doubted[rows], self.status[rows], self.streak[rows], self.since[rows])

    def copy(self) -> "States":
        """Return a copy of all rows."""
        return States(self.newest.copy(), self.doubted.copy(), self.status.copy(), self.streak.copy(), self.since.copy())

    def put(self, rows: NDArray[np.intp], other: "States") -> None:
        """Overwrite these rows with those of another."""
        self.newest[rows], self.doubted[rows] = other.newest, other.doubted
        self.status[rows], self.streak[rows], self.since[rows] = other.status, other.streak, other.since


def pack(states: States) -> tuple[NDArray[np.void], NDArray[np.int32]]:
    """Return (P,) fixed-width bytes and how many of each count; a patient with six vitals and no condition takes 58 bytes.

    Only what is there is written: a head that tells which vitals have a newest and a doubted time, those times, then one
    entry per condition that is not inactive.
    """
    newest, doubted, active = states.newest != NEVER, states.doubted != NEVER, states.status != INACTIVE
    head = np.zeros(len(states), _HEAD)
    head["format"] = _FORMAT
    head["rules"] = active.sum(axis=1)
    head["newest"] = newest @ _PRESENT
    head["doubted"] = doubted @ _PRESENT
    conditions = np.zeros(states.status.shape, _CONDITION)
    conditions["rule"] = np.arange(states.status.shape[1])
    conditions["status"], conditions["streak"], conditions["since"] = states.status, states.streak, states.since
    parts = [_bytes(head), _bytes(states.newest), _bytes(states.doubted), _bytes(conditions)]
    there = [np.ones_like(parts[0], bool), newest.repeat(8, 1), doubted.repeat(8, 1), active.repeat(_CONDITION.itemsize, 1)]
    everything, present = np.concatenate(parts, axis=1), np.concatenate(there, axis=1)
    lengths = present.sum(axis=1).astype(np.int32)
    width = int(lengths.max(initial=1))
    packed = np.zeros((len(states), width), np.uint8)
    packed[np.arange(width) < lengths[:, None]] = everything[present]
    return packed.view(f"V{width}").reshape(len(states)), lengths


def unpack(packed: list[bytes], rules: int) -> States:
    """Return the states of P patients; b"" is a patient of whom nothing is known. Raises StateUnreadable."""
    states = States.empty(len(packed), rules)
    full = np.array([bool(one) for one in packed], bool)
    packed = [one for one in packed if one]
    if not packed:
        return states
    lengths = np.array([len(one) for one in packed])
    if lengths.min() < _HEAD.itemsize:
        raise StateUnreadable("a state is shorter than its head")
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    stream = np.frombuffer(b"".join(packed), np.uint8)
    head = stream[starts[:, None] + np.arange(_HEAD.itemsize)].view(_HEAD)[:, 0]
    newest, doubted = (head[name][:, None] & _PRESENT != 0 for name in ("newest", "doubted"))
    expected = _HEAD.itemsize + 8 * (newest.sum(axis=1) + doubted.sum(axis=1)) + _CONDITION.itemsize * head["rules"].astype(int)
    if np.any(head["format"] != _FORMAT) or np.any(expected != lengths):
        raise StateUnreadable("a state has another format or length than its head says")
    counts = np.stack([8 * newest.sum(axis=1), 8 * doubted.sum(axis=1), _CONDITION.itemsize * head["rules"].astype(int)])
    rows = np.flatnonzero(full)
    place = starts + _HEAD.itemsize
    for array, there, count in ((states.newest, newest, counts[0]), (states.doubted, doubted, counts[1])):
        where, column = np.nonzero(there)
        array[rows[where], column] = _spans(stream, place, count).view("<i8")
        place = place + count
    entries = _spans(stream, place, counts[2]).view(_CONDITION)
    where = rows[np.repeat(np.arange(len(rows)), head["rules"])]
    if entries.size and entries["rule"].max() >= rules:
        raise StateUnreadable("a state knows a rule that this rule set does not")
    states.status[where, entries["rule"]] = entries["status"]
    states.streak[where, entries["rule"]] = entries["streak"]
    states.since[where, entries["rule"]] = entries["since"]
    return states


def _bytes(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return each row of an array as bytes, (rows, width)."""
    little = array if array.dtype.names else array.astype(array.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(little).view(np.uint8).reshape(len(array), -1)


def _spans(stream: NDArray[np.uint8], starts: NDArray[np.intp], counts: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Return the bytes of several spans, one after the other."""
    ends = np.cumsum(counts)
    within = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
    spans: NDArray[np.uint8] = stream[np.repeat(starts, counts) + within]
    return spans
