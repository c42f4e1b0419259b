"""A simulated device as docs/mqtt.md wants one: it keeps what it measured until it is told that it is safe.

Pure: no socket and no clock. Every measurement it ever made stands in its ledger, with which the database is compared.
"""

import datetime as dt
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Any, Final

from devices.units import CONVERSION

_HOUR: Final = 3_600_000_000
#: most measurements that go into one array; the contract allows 1,000
_LONGEST_ARRAY: Final = 400


class Kind(Enum):
    """What a device can say about order and time."""

    #: boot, sequence and a right clock
    CLOCKED = "clocked"
    #: boot and sequence, no clock at all: it takes its arrival time, which differs from delivery to delivery
    CLOCKLESS = "clockless"
    #: boot, sequence and a clock three hours ahead
    AHEAD = "ahead"
    #: a time and nothing else: it keeps a measurement only until the broker has it
    PLAIN = "plain"

    @property
    def has_sequence(self) -> bool:
        """Whether it counts what it measures."""
        return self is not Kind.PLAIN


@dataclass(frozen=True, slots=True)
class Measured:
    """One line of the ledger."""

    #: "" for a plain device
    boot: str
    #: counted from 1; a plain device tells nobody
    seq: int
    #: microseconds since 1970 UTC as the device says it, None without a clock
    time: int | None
    #: None where it has no slots
    slot: int | None
    #: canonical values by vital
    values: dict[str, float]
    #: how many more values nobody can read
    unreadable: int
    #: the measurement as it is sent, but for `clock` and `first`
    element: dict[str, Any]


@dataclass(slots=True)
class Device:
    """One device and its ledger."""

    name: str
    kind: Kind
    random: Random
    #: user slots it measures for, () where it has none
    slots: tuple[int, ...] = ()
    boot: str = ""
    #: by boot: the number of its last measurement
    last: dict[str, int] = field(default_factory=dict)
    ledger: list[Measured] = field(default_factory=list)
    #: by boot and number, oldest first: what no acknowledgement covers yet; a plain device's boot is ""
    held: dict[str, OrderedDict[int, Measured]] = field(default_factory=dict)
    _pulse: float = 75.0

    def begin_boot(self) -> None:
        """Start counting from 1 again under another name; what is held of older boots stays held."""
        if self.kind.has_sequence:
            self.boot = f"{self.random.getrandbits(32):08x}"

    def measure(self, now: int) -> Measured:
        """Measure at `now`, microseconds since 1970 UTC; the measurement is held and stands in the ledger."""
        number = self.last[self.boot] = self.last.get(self.boot, 0) + 1
        values, sent, unreadable = self._read_body()
        time = None if self.kind is Kind.CLOCKLESS else now + 3 * _HOUR if self.kind is Kind.AHEAD else now
        slot = self.random.choice(self.slots) if self.slots else None
        element: dict[str, Any] = {"values": sent}
        if self.kind.has_sequence:
            element |= {"boot": self.boot, "seq": number}
        if time is not None:
            element["time"] = iso(time)
        if slot is not None:
            element["user_slot"] = slot
        made = Measured(self.boot, number, time, slot, values, unreadable, element)
        self.ledger.append(made)
        self.held.setdefault(self.boot, OrderedDict())[number] = made
        return made

    def take_ack(self, boot: str, seq: int) -> None:
        """Let go of what an acknowledgement covers."""
        held = self.held.get(boot)
        while held and next(iter(held)) <= seq:
            held.popitem(last=False)
        if not held:
            self.held.pop(boot, None)

    def unsafe(self) -> int:
        """Return how many measurements are held."""
        return sum(map(len, self.held.values()))

    def batches(self, boot: str | None = None, from_seq: int = 1) -> list[list[Measured]]:
        """Return what is held, to be sent again: of one boot from a number on or of all, some of it as arrays."""
        out: list[list[Measured]] = []
        for name, held in self.held.items():
            if boot is not None and name != boot:
                continue
            wanted = [made for seq, made in held.items() if boot is None or seq >= from_seq]
            while wanted:
                alone = not self.kind.has_sequence or self.random.random() < 0.3
                size = 1 if alone else self.random.randint(2, _LONGEST_ARRAY)
                out.append(wanted[:size])
                del wanted[:size]
        return out

    def message(self, batch: list[Measured], now: int) -> Any:
        """Return the message that carries these, built at `now`."""
        elements = []
        for made in batch:
            element = dict(made.element)
            if self.kind.has_sequence:
                element["first"] = self.first(made.boot)
            if self.kind in (Kind.CLOCKED, Kind.AHEAD):
                element["clock"] = iso(now + (3 * _HOUR if self.kind is Kind.AHEAD else 0))
            elements.append(element)
        return elements[0] if len(elements) == 1 else elements

    def first(self, boot: str) -> int:
        """Return the oldest number of a boot that is held, or the next one to come."""
        held = self.held.get(boot)
        return next(iter(held)) if held else self.last.get(boot, 0) + 1

    def _read_body(self) -> tuple[dict[str, float], dict[str, Any], int]:
        random = self.random
        self._pulse = min(150.0, max(45.0, self._pulse + random.gauss(0, 4)))
        values = {"heart_rate": round(self._pulse), "spo2": min(100, round(random.gauss(94, 3)))}
        if random.random() < 0.2:
            systolic = round(random.gauss(135, 20))
            values |= {"systolic_bp": systolic, "diastolic_bp": systolic - random.randint(20, 60)}
        sent: dict[str, Any] = {name: {"value": value, "unit": _UNITS[name]} for name, value in values.items()}
        canonical = {name: float(value) for name, value in values.items()}
        if random.random() < 0.05:
            factor, offset = CONVERSION["body_weight", "[lb_av]"]
            sent["body_weight"] = {"value": 154.5, "unit": "[lb_av]"}
            canonical["body_weight"] = 154.5 * factor + offset
        unreadable = 0
        if random.random() < 0.005:
            sent["body_temperature"] = {"value": 37, "unit": "degRe"}
            unreadable = 1
        return canonical, sent, unreadable


_UNITS: Final = {"heart_rate": "/min", "spo2": "%", "systolic_bp": "mm[Hg]", "diastolic_bp": "mm[Hg]"}


def iso(us: int) -> str:
    """Return a time as devices write it.

    >>> iso(1_500_000)
    '1970-01-01T00:00:01.500000Z'
    """
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=us)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
