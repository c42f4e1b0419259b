"""One run of the ledger: a fleet, a house, a plan of blows, and the comparison at the end."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
import psycopg

from ingest.broker import EmbeddedBroker
from tests.link import connect
from tests.stories.ledger import plan
from tests.stories.ledger.check import Verdict, compare
from tests.stories.ledger.fleet import Fleet, Habits
from tests.stories.ledger.house import House
from tests.stories.ledger.people import make_devices, settle
from tests.stories.ledger.plan import Blow, Size, make_plan

Say = Callable[[str], None]
#: seconds for everything to become safe after the last measurement
_DRAIN: Final = 90.0
#: seconds for a new ingest process to do its first work before the next blow strikes it
_START: Final = 20.0


def prove(
    folder: Path,
    size: Size,
    seed: int,
    *,
    reader: str = "bulk",
    fault: str | None = None,
    timescale: bool = False,
    say: Say = print,
) -> Verdict:
    """Run it all under a folder and return what the comparison found; the same seed plans the same blows."""
    # what a broker acknowledged and lost in a crash is lost for a device that keeps no sequence; only the others survive that
    devices = make_devices(size.devices, seed, plain=plan.CRASH_BROKER not in size.blows)
    with House(folder, reader=reader, fault=fault, timescale=timescale) as house:
        handover = time.time_ns() // 1000 + int(size.measurements / size.pace / 2 * 1e6)
        with psycopg.connect(house.database.url(), autocommit=True) as connection:
            ids = settle(connection, devices, handover)
        fleet = Fleet(house.admit(devices), house.broker.port, size.each, size.pace, seed, Habits())
        fleet.open()
        try:
            house.start_ingest(fleet.ingest_wire.port)
            house.await_subscribed()
            fleet.begin()
            conductor = _Conductor(house, fleet, size, say)
            for blow in make_plan(size, seed):
                conductor.deliver(blow)
            others = conductor.finish()
            acks = fleet.call(_retained_acks(house.broker))
        finally:
            fleet.close()
        with psycopg.connect(house.database.url()) as connection:
            verdict = compare(connection, devices, ids, acks)
        verdict.others += others
        if verdict.faults():
            say(house.last_words())
        return verdict


class _Conductor:
    """Strikes when the plan says so, puts back together, and waits for the end."""

    def __init__(self, house: House, fleet: Fleet, size: Size, say: Say) -> None:
        self._house, self._fleet, self._size, self._say = house, fleet, size, say
        self._began = time.monotonic()
        self._acks_at_start = 0

    def deliver(self, blow: Blow) -> None:
        """Wait for its turn, strike, and put back together."""
        house, fleet = self._house, self._fleet
        self._await(lambda: fleet.measured >= blow.at * self._size.measurements, 3600)
        if not self._await(lambda: fleet.acks > self._acks_at_start, _START):
            self._tell("ingest has not worked since its start")
        self._tell(f"{blow.what}, {blow.lasts:.1f} s")
        if blow.what == plan.KILL:
            house.kill_ingest()
            time.sleep(blow.lasts / 2)
            self._acks_at_start = fleet.acks
            house.start_ingest(fleet.ingest_wire.port)
        elif blow.what == plan.CRASH_DATABASE:
            house.database.stop("immediate")
            time.sleep(blow.lasts)
            house.database.start()
        elif blow.what in (plan.RESTART_BROKER, plan.CRASH_BROKER):
            house.broker.stop() if blow.what == plan.RESTART_BROKER else house.broker.kill()
            time.sleep(blow.lasts)
            house.broker.start()
        else:
            wire = fleet.wire if blow.what == plan.CUT_DEVICES else fleet.ingest_wire
            fleet.tell(wire.freeze if blow.what == plan.FREEZE_INGEST else wire.cut)
            time.sleep(blow.lasts)
            if blow.what == plan.FREEZE_INGEST:
                fleet.tell(wire.cut)
                time.sleep(0.2)
            fleet.tell(wire.mend)

    def finish(self) -> list[str]:
        """Wait until all is measured, acknowledged and stored; return what did not come right, in words."""
        fleet, house = self._fleet, self._house
        self._await(lambda: fleet.measured >= self._size.measurements, 3600)
        self._tell("all is measured")
        wrong = []
        if not self._await(fleet.is_done, _DRAIN):
            wrong.append(f"{fleet.unsafe():,} measurements were never acknowledged")
        self._settle_down()
        if code := house.stop_ingest():
            wrong.append(f"ingest ended with code {code} when told to stop")
        if house.unexpected:
            wrong.append(f"ingest ended by itself with {house.unexpected}")
        wrong += [f"a device failed: {error!r}" for error in fleet.errors]
        self._tell(f"done; {fleet.reboots} reboots of devices, {fleet.acks:,} acknowledgements heard")
        return wrong

    def _settle_down(self) -> None:
        """Wait until nothing has been stored for a while: what the broker alone holds has no other sign of its end."""
        with psycopg.connect(self._house.database.url(), autocommit=True) as connection:
            before, since = -1, time.monotonic()
            while time.monotonic() - since < 3.0:
                row = connection.execute("SELECT count(*) FROM measurement").fetchone()
                if row is not None and row[0] != before:
                    before, since = row[0], time.monotonic()
                time.sleep(0.5)

    def _await(self, true: Callable[[], bool], seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not true():
            if time.monotonic() > until:
                return False
            self._house.mind_ingest()
            time.sleep(0.02)
        return True

    def _tell(self, what: str) -> None:
        fleet, total = self._fleet, self._size.measurements
        seconds = time.monotonic() - self._began
        self._say(f"{seconds:6.1f} s  {fleet.measured:>7,} of {total:,} measured, {fleet.unsafe():>6,} unsafe  {what}")


async def _retained_acks(broker: EmbeddedBroker) -> dict[str, tuple[str, int]]:
    """Return what the broker retains of acknowledgements, by device."""
    heard: dict[str, tuple[str, int]] = {}

    def hear(topic: str, payload: bytes) -> None:
        said = msgspec.json.decode(payload)
        heard[topic.split("/")[2]] = said["boot"], said["seq"]

    parts = urlsplit(broker.url("watcher"))
    link = await connect(broker.port, hear, lambda mid: None)
    await link.enter("watcher", parts.password or "", clean=True)
    await link.subscribe("wardlight/v1/+/ack")
    await asyncio.sleep(1.0)
    link.end(politely=True)
    return heard
