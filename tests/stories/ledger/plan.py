"""What goes wrong, and when: a seeded plan of blows, each at a share of all measurements."""

from dataclasses import dataclass
from random import Random
from typing import Final

#: ends ingest with SIGKILL
KILL: Final = "ingest killed"
#: ends every PostgreSQL process at once; the next start recovers from its log
CRASH_DATABASE: Final = "database crashed"
#: tears ingest's connection to the broker
CUT_INGEST: Final = "ingest cut off"
#: lets ingest's connection fall silent for a while
FREEZE_INGEST: Final = "ingest's network frozen"
#: tears all devices' connections
CUT_DEVICES: Final = "devices cut off"
#: stops and starts the broker in order
RESTART_BROKER: Final = "broker restarted"
#: ends the broker with SIGKILL: what it took since its last save is gone, also what it acknowledged
CRASH_BROKER: Final = "broker killed"


@dataclass(frozen=True, slots=True)
class Blow:
    """One thing that goes wrong."""

    #: share of all measurements made before it strikes, 0 to 1
    at: float
    #: one of the names above
    what: str
    #: seconds until it is over
    lasts: float


@dataclass(frozen=True, slots=True)
class Size:
    """How large a run is."""

    devices: int
    #: measurements of each device
    each: int
    #: measurements a second, all devices together
    pace: float
    #: how often each blow strikes
    blows: dict[str, int]

    @property
    def measurements(self) -> int:
        """Of all devices."""
        return self.devices * self.each


#: as `make test` runs it
SHORT: Final = Size(10, 500, 450.0, {KILL: 2, CRASH_DATABASE: 1, CUT_INGEST: 1, CUT_DEVICES: 1})
#: as `make prove` runs it
LONG: Final = Size(
    100,
    2_100,
    700.0,
    {KILL: 20, CRASH_DATABASE: 5, CUT_INGEST: 4, FREEZE_INGEST: 2, CUT_DEVICES: 4, RESTART_BROKER: 3},
)
#: with a broker that crashes, which devices with a sequence survive
CRASHING: Final = Size(6, 250, 300.0, {CRASH_BROKER: 2, KILL: 1})
#: large enough for a planted fault to show
SMALL: Final = Size(6, 200, 250.0, {KILL: 3})


def make_plan(size: Size, seed: int) -> list[Blow]:
    """Return the blows in their order: mixed, spread over the run with some chance, none in the first and last twentieth."""
    random = Random(seed)
    names = [name for name, times in size.blows.items() for _ in range(times)]
    random.shuffle(names)
    width = 0.9 / max(1, len(names))
    return [Blow(0.05 + width * (place + random.random()), name, random.uniform(0.0, 3.0)) for place, name in enumerate(names)]
