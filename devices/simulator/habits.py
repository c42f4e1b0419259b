"""Habits: when people measure. Mornings and evenings, a little late at weekends, sometimes not at all, often twice in a row.

Pure: the same person, seed and day give the same times.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from devices.codecs.instant import microseconds
from devices.simulator.episodes import Episode, add_up, is_silent
from devices.simulator.physiology import Physique, noise, read_vitals

_MINUTE: Final = 60_000_000
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One device in a home, and how it is used."""

    #: what it is; the last part of the device's public id
    kind: str
    #: maker and model, made up
    model: str
    #: what it measures at once
    vitals: tuple[str, ...]
    #: local hours of the day at which it is used; empty for one that measures by itself
    hours: tuple[float, ...] = ()
    #: minutes between measurements of one that measures by itself
    every: float = 0.0
    #: share of occasions that are missed
    missed: float = 0.0
    #: whether a second measurement follows after a minute or two
    twice: bool = False
    #: which user of a shared device, None where it has no slots
    user_slot: int | None = None
    #: public id of a device that several people share, None for one of one's own
    shared: str | None = None

    @property
    def expected_every(self) -> timedelta:
        """How long it may be quiet before somebody should wonder."""
        return timedelta(minutes=max(self.every * 4, 15)) if self.every else _DAY


@dataclass(frozen=True, slots=True)
class Measured:
    """One simulated measurement, ready to be sent."""

    #: microseconds since 1970 UTC
    time_us: int
    #: the instrument it was made with
    instrument: Instrument
    #: canonical value by vital
    values: Mapping[str, float]


def measure(
    physique: Physique,
    instruments: Sequence[Instrument],
    episodes: Sequence[Episode],
    zone: ZoneInfo,
    since_us: int,
    until_us: int,
    often: float = 1.0,
) -> Iterator[Measured]:
    """Yield what a person measures from since to before until, in order of time.

    `often` above 1 makes everybody measure that many times as often as they would, for demonstrations in a hurry.
    """
    planned = sorted(
        (time_us, place)
        for place, instrument in enumerate(instruments)
        for time_us in _plan(physique.seed, instrument, zone, since_us, until_us, often)
    )
    for time_us, place in planned:
        if is_silent(episodes, time_us):
            continue
        local = datetime.fromtimestamp(time_us / 1e6, zone)
        hour = local.hour + local.minute / 60
        values = read_vitals(physique, instruments[place].vitals, time_us, hour, add_up(episodes, time_us))
        yield Measured(time_us, instruments[place], values)


def _plan(seed: int, instrument: Instrument, zone: ZoneInfo, since_us: int, until_us: int, often: float) -> Iterator[int]:
    if instrument.every or often > 1:
        every = instrument.every or 24 * 60 / len(instrument.hours)
        yield from _plan_by_itself(seed, instrument, round(every / often * _MINUTE), since_us, until_us)
        return
    day = datetime.fromtimestamp(since_us / 1e6, zone).date() - _DAY
    last = datetime.fromtimestamp(until_us / 1e6, zone).date()
    while day <= last:
        for time_us in _plan_day(seed, instrument, zone, day):
            if since_us <= time_us < until_us:
                yield time_us
        day += _DAY


def _plan_by_itself(seed: int, instrument: Instrument, every_us: int, since_us: int, until_us: int) -> Iterator[int]:
    # a phase of its own, so that not all of a town measures in the same second
    phase = int((noise(seed, instrument.kind, 0.0) + 1) / 2 * every_us)
    step = -((phase - since_us) // every_us)
    while (time_us := step * every_us + phase) < until_us:
        if time_us >= since_us and not _is_missed(seed, instrument, step):
            yield time_us
        step += 1


def _plan_day(seed: int, instrument: Instrument, zone: ZoneInfo, day: date) -> Iterator[int]:
    weekend = 0.8 if day.weekday() >= 5 else 0.0
    for place, hour in enumerate(instrument.hours):
        number = day.toordinal() * 16 + place
        if _is_missed(seed, instrument, number):
            continue
        late = weekend + 0.4 * noise(seed, f"{instrument.kind} late", float(number))
        start = microseconds(datetime.combine(day, time(0), zone)) + round((hour + late) * 60 * _MINUTE)
        start -= start % 1_000_000
        yield start
        if instrument.twice:
            yield start + 75_000_000 + int(30 * noise(seed, "again", float(number))) * 1_000_000


def _is_missed(seed: int, instrument: Instrument, number: int) -> bool:
    # the ends of the curve are rare: rank by two independent draws
    return (noise(seed, f"{instrument.kind} missed", float(number)) + 1) / 2 < instrument.missed
