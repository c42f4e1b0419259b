"""What a device keeps: measurements that are not yet acknowledged by the application, in their sequence.

The broker's acknowledgement proves nothing, so a measurement leaves here only when an acknowledgement covers it, or when there
is no room left and the device gives up on the oldest. Pure; it is sent by `devices.simulator.publish`.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec.json import encode

from devices.decoded import MAX_BYTES, MAX_MEASUREMENTS
from devices.units import CONVERSION
from devices.vitals import COLUMN, VITALS

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: bytes that boot, seq, first, clock and battery take around a measurement, at most
_ENVELOPE: Final = 400


def write_time(time_us: int) -> str:
    """Return a moment, microseconds since 1970 UTC, as a device writes it.

    >>> write_time(1_795_438_800_000_000)
    '2026-11-23T13:00:00Z'
    """
    return (_EPOCH + timedelta(microseconds=time_us)).isoformat().replace("+00:00", "Z")


def write_measurement(
    time_us: int | None,
    values: Mapping[str, float | tuple[float | str, str]],
    *,
    user_slot: int | None = None,
    flags: Sequence[str] = (),
    context: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the part of a native measurement that never changes, without its braces.

    A bare number is in the vital's canonical unit, a pair is (value, unit) as recorded.
    """
    measured: dict[str, Any] = {} if time_us is None else {"time": write_time(time_us)}
    measured["values"] = {name: _value(name, value) for name, value in values.items()}
    if user_slot is not None:
        measured["user_slot"] = user_slot
    if flags:
        measured["flags"] = list(flags)
    if context:
        measured["context"] = dict(context)
    return encode(measured)[1:-1]


def _value(name: str, given: float | tuple[float | str, str]) -> dict[str, Any]:
    value, unit = given if isinstance(given, tuple) else (given, VITALS[COLUMN[name]].unit)
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15 and (name, unit) in CONVERSION
    return {"value": int(value) if whole else value, "unit": unit}


@dataclass(slots=True)
class Keeping:
    """The memory of one device in one boot.

    >>> memory = Keeping("k3f9")
    >>> memory.add(b'"values":{}'), memory.add(b'"values":{}')
    (1, 2)
    >>> memory.acknowledge("k3f9", 1), len(memory), memory.first
    (1, 1, 2)
    """

    #: name of this run of the sequence
    boot: str
    #: measurements that fit; beyond them the oldest is given up
    room: int = 100_000
    #: oldest sequence number still held, or the next one where nothing is held
    first: int = 1
    #: measurements given up
    lost: int = 0
    _held: deque[bytes] = field(default_factory=deque)
    _unsent: int = 1

    def __len__(self) -> int:
        return len(self._held)

    @property
    def next(self) -> int:
        """The sequence number of the next measurement."""
        return self.first + len(self._held)

    @property
    def unsent(self) -> int:
        """How many held measurements wait to be sent."""
        return self.next - max(self._unsent, self.first)

    def add(self, measurement: bytes) -> int:
        """Keep a measurement, written by `write_measurement`; return its sequence number."""
        if len(self._held) >= self.room:
            self._held.popleft()
            self.first += 1
            self.lost += 1
        self._held.append(measurement)
        return self.next - 1

    def acknowledge(self, boot: str, seq: int) -> int:
        """Let go of everything up to seq; return how many that were. Another boot's acknowledgement means nothing here."""
        if boot != self.boot:
            return 0
        covered = max(0, min(seq, self.next - 1) - self.first + 1)
        for _ in range(covered):
            self._held.popleft()
        self.first += covered
        return covered

    def send_again(self, from_seq: int = 1) -> None:
        """Send again what is held from this number on."""
        self._unsent = max(self.first, min(self._unsent, from_seq))

    def take(self, clock_us: int, most: int, battery: int | None = None) -> bytes | None:
        """Return the next message, of at most so many measurements, None where nothing waits; it counts as sent."""
        start = max(self._unsent, self.first)
        elements = list(self._elements(start, min(most, MAX_MEASUREMENTS), clock_us, battery))
        if not elements:
            return None
        self._unsent = start + len(elements)
        return elements[0] if len(elements) == 1 else b"[" + b",".join(elements) + b"]"

    def _elements(self, start: int, most: int, clock_us: int, battery: int | None) -> Iterator[bytes]:
        clock = write_time(clock_us)
        charge = b"" if battery is None else b',"battery":%d' % battery
        size = 0
        for seq in range(start, min(start + most, self.next)):
            body = self._held[seq - self.first]
            size += len(body) + _ENVELOPE
            if seq > start and size > MAX_BYTES:
                return
            head = encode({"boot": self.boot, "seq": seq, "first": self.first, "clock": clock})[:-1]
            yield head + charge + b"," + body + b"}"
