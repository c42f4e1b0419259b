"""`wardlight simulate`: made-up people whose devices measure and send, as real ones would, until told to stop.

What they measured while nobody simulated them is sent first, as a device does that was out of reach.
"""

import heapq
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from api.demo import LEFT_TO_DEVICES, load_demo
from api.enrolment import describe, enrol
from api.exits import Code, NotReady
from api.fleet import let_in, open_fleet
from api.running import need_broker, need_database
from api.settings import Settings
from api.stopping import stop_on_signals
from database.pool import connect
from devices.queries import list_devices
from devices.simulator.episodes import COURSES, add_up, is_silent
from devices.simulator.habits import Instrument, Measured, measure
from devices.simulator.people import Person, demo_people, make_people
from devices.simulator.physiology import read_vitals
from devices.simulator.publish import Fleet

log = structlog.get_logger()

#: how much is planned at a time
_AHEAD: Final = timedelta(minutes=30)
#: how far back a device remembers what it could not send
_MEMORY: Final = timedelta(hours=24)
#: seconds from the start until the first person who feels unwell measures, and between two of them
_UNWELL_AFTER, _UNWELL_EVERY = 4, 7
_SECOND: Final = 1_000_000


def simulate(settings: Settings, *, patients: int, seed: int, speed: float, demo: bool) -> int:
    """Let people's devices measure and send until SIGTERM or Ctrl-C; return the exit code."""
    settings = need_broker(need_database(settings))
    now = datetime.now(UTC)
    if demo:
        found = load_demo(settings.data_dir)
        if found is None:
            raise NotReady(f"there is no demonstration in {settings.data_dir}: start it with `wardlight up --demo`")
        people, began = demo_people(), datetime.fromisoformat(found.began_at)
    else:
        people, began = make_people(patients, seed), now
    stop = stop_on_signals()
    with connect(settings.database_url) as conn:
        if not demo:
            enrol(conn, (describe(person, None) for person in people), now - timedelta(days=1), now)
            conn.commit()
        last = {one.public_id: one.last_measured_at for one in list_devices(conn, limit=1_000_000)}
    life = Life(people, _us(began), speed)
    life.begin(_us(now), {device: _us(moment) for device, moment in last.items() if moment is not None}, demo=demo)
    devices = life.devices(_us(now))
    keys = let_in(settings, devices)
    boot = f"s{secrets.token_hex(6)}"
    with open_fleet(settings, on_measure=life.ask) as fleet:
        for device in devices:
            fleet.add(device, keys.of_device(device), boot, battery=40 + hash_percent(device))
        log.info("simulating", people=len(people), devices=len(devices))
        _run(fleet, life, frozenset(devices), stop)
        fleet.settle(2.0)
    return Code.DONE


def _run(fleet: Fleet, life: "Life", devices: frozenset[str], stop: threading.Event) -> None:
    while not stop.is_set():
        for person, one in life.due(_us(datetime.now(UTC))):
            if (device := person.device_of(one.instrument)) in devices:
                fleet.measure(device, one.time_us, one.values, user_slot=one.instrument.user_slot)
            if stop.is_set():
                return
        fleet.turn(0.1)


@dataclass(slots=True)
class Life:
    """What a number of people measure, in order of time. Holds no socket and reads no clock."""

    people: Sequence[Person]
    #: from when their troubles are counted, microseconds since 1970 UTC
    began_us: int
    #: how many times as often as in life they measure
    often: float = 1.0
    _planned: list[tuple[int, int, str, Measured]] = field(default_factory=list)
    _planned_until: int = 0
    _asked: list[tuple[str, str]] = field(default_factory=list)

    def devices(self, now_us: int) -> list[str]:
        """Return the devices of all who measure anything at all: those of somebody silent are out of reach."""
        reachable = [person for person in self.people if not is_silent(person.episodes(self.began_us), now_us)]
        return sorted({person.device_of(one) for person in reachable for one in person.instruments})

    def begin(self, now_us: int, last_us: Mapping[str, int], *, demo: bool) -> None:
        """Plan from now on, and what each device has measured since it was last heard of."""
        oldest = now_us - _in_us(_MEMORY)
        unheard = now_us - _in_us(LEFT_TO_DEVICES) if demo else now_us
        for person in self.people:
            for one in person.instruments:
                since = max(last_us.get(person.device_of(one), unheard), oldest)
                self._plan(person, one, since + 1, now_us)
        self._planned_until = now_us
        if demo:
            self._plan_unwell(now_us)

    def due(self, now_us: int) -> Iterator[tuple[Person, Measured]]:
        """Yield what has been measured by now and was not yielded before."""
        while self._planned_until <= now_us:
            # in a hurry there is as much to plan in a shorter time, and whoever says stop is not kept waiting
            until = self._planned_until + max(_SECOND, round(_in_us(_AHEAD) / self.often))
            for person in self.people:
                for one in person.instruments:
                    self._plan(person, one, self._planned_until, until)
            self._planned_until = until
        asked, self._asked = self._asked, []
        for device, vital in asked:
            for person, instrument in self._who_has(device, vital):
                self._add(person, _measure_now(person, instrument, self.began_us, now_us))
        while self._planned and self._planned[0][0] <= now_us:
            _, place, _, measured = heapq.heappop(self._planned)
            yield self.people[place], measured

    def ask(self, device: str, vital: str) -> None:
        """Have a device measure as soon as `due` is asked next."""
        self._asked.append((device, vital))

    def _plan(self, person: Person, instrument: Instrument, since_us: int, until_us: int) -> None:
        episodes = person.episodes(self.began_us)
        for one in measure(person.physique, [instrument], episodes, person.where(), since_us, until_us, self.often):
            self._add(person, one)

    def _plan_unwell(self, now_us: int) -> None:
        """Let whoever is in trouble measure soon: people who feel unwell reach for their devices."""
        moment = now_us + _UNWELL_AFTER * _SECOND
        for person in self.people:
            shifted = {name for one in person.troubles for name in COURSES[one.kind].shift}
            handy = [one for one in person.instruments if one.hours and shifted & set(one.vitals)]
            if handy and not is_silent(person.episodes(self.began_us), now_us):
                self._add(person, _measure_now(person, handy[0], self.began_us, moment))
                moment += _UNWELL_EVERY * _SECOND

    def _who_has(self, device: str, vital: str) -> list[tuple[Person, Instrument]]:
        return [
            (person, one)
            for person in self.people
            for one in person.instruments
            if person.device_of(one) == device and vital in one.vitals
        ]

    def _add(self, person: Person, one: Measured) -> None:
        place = person.number - 1  # people are numbered from 1, in order
        heapq.heappush(self._planned, (one.time_us, place, one.instrument.kind, one))


def hash_percent(device: str) -> int:
    """Return 0 to 59 by a device's name, the same every time."""
    return sum(device.encode()) % 60


def _measure_now(person: Person, instrument: Instrument, began_us: int, time_us: int) -> Measured:
    local = datetime.fromtimestamp(time_us / 1e6, person.where())
    shift = add_up(person.episodes(began_us), time_us)
    values = read_vitals(person.physique, instrument.vitals, time_us, local.hour + local.minute / 60, shift)
    return Measured(time_us, instrument, values)


def _us(moment: datetime) -> int:
    return round(moment.timestamp() * _SECOND)


def _in_us(length: timedelta) -> int:
    return length // timedelta(microseconds=1)
