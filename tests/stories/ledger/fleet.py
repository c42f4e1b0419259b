"""A fleet of simulated devices on an event loop of its own thread: measures at a pace, loses its connection, goes on."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, TypeVar

import msgspec

from tests.link import Link, Refused, connect
from tests.relay import Relay
from tests.stories.ledger.device import Device, Measured, iso

_T = TypeVar("_T")
#: seconds without progress after which a device sends again what it holds
PATIENCE: Final = 4.0


@dataclass(frozen=True, slots=True)
class Habits:
    """How often a device does what, per measurement."""

    #: loses its power: the connection breaks, another boot begins
    reboots: float = 0.002
    #: is out of reach for a while and keeps measuring
    outages: float = 0.003
    #: sends a message twice
    repeats: float = 0.02
    #: seconds that an outage lasts at most
    longest_outage: float = 4.0


@dataclass
class Life:
    """A device, its connection, and what it last heard."""

    device: Device
    secret: str
    link: Link | None = None
    #: by packet identifier: what the broker has not acknowledged yet
    sent: dict[int, list[Measured]] = field(default_factory=dict)
    progress_at: float = 0.0
    offline_until: float = 0.0
    left: int = 0


class Fleet:
    """Devices that measure `each` times, `pace` measurements a second all together."""

    def __init__(
        self, devices: Sequence[tuple[Device, str]], broker_port: int, each: int, pace: float, seed: int, habits: Habits
    ) -> None:
        """`devices` with their secrets; nothing runs yet."""
        self.lives = {device.name: Life(device, secret, left=each) for device, secret in devices}
        self._habits = habits
        self._random = Random(seed)
        self._gap = len(devices) / pace
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fleet", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        #: the wires of the devices, and of ingest
        self.wire, self.ingest_wire = Relay(broker_port), Relay(broker_port)
        #: measurements made, and application acks heard
        self.measured = 0
        self.acks = 0
        self.reboots = 0
        #: what went wrong inside a device's own code
        self.errors: list[BaseException] = []

    def open(self) -> None:
        """Start the thread and the wires."""
        self._thread.start()
        self.call(self.wire.open())
        self.call(self.ingest_wire.open())

    def begin(self) -> None:
        """Let the devices live."""
        self.call(self._begin())

    def close(self) -> None:
        """End everything."""
        self.call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def tell(self, what: Callable[[], None]) -> None:
        """Do something to a wire, on the loop that it lives on."""
        self._loop.call_soon_threadsafe(what)

    def unsafe(self) -> int:
        """Return how many measurements the devices still hold."""
        return sum(life.device.unsafe() for life in self.lives.values())

    def is_done(self) -> bool:
        """Whether everything is measured and nothing is held any more."""
        return not any(life.left for life in self.lives.values()) and not self.unsafe()

    def call(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run this on the devices' loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _begin(self) -> None:
        for life in self.lives.values():
            life.device.begin_boot()
            for work in (self._stay_connected(life), self._measure(life)):
                task = asyncio.create_task(work)
                self._tasks.add(task)
                task.add_done_callback(self._note_end)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.errors.append(error)

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for life in self.lives.values():
            if life.link is not None:
                life.link.end(politely=True)
        await self.wire.close()
        await self.ingest_wire.close()

    async def _measure(self, life: Life) -> None:
        habits, random = self._habits, self._random
        while life.left:
            await asyncio.sleep(random.expovariate(1 / self._gap))
            made = life.device.measure(time.time_ns() // 1000)
            life.left -= 1
            self.measured += 1
            with contextlib.suppress(ConnectionError):
                await self._send(life, [made])
                if random.random() < habits.repeats:
                    await self._send(life, [random.choice(life.device.ledger[-200:])])
            chance = random.random()
            if chance < habits.outages:
                life.offline_until = time.monotonic() + random.uniform(0, habits.longest_outage)
            if chance < habits.outages + habits.reboots and life.link is not None:
                life.link.end(politely=False)
            if habits.outages <= chance < habits.outages + habits.reboots:
                life.device.begin_boot()
                self.reboots += 1

    async def _stay_connected(self, life: Life) -> None:
        while True:
            try:
                await self._live_connected(life)
            except Refused:
                raise
            except (OSError, TimeoutError):
                pass
            if life.link is not None:
                life.link.end(politely=False)
                life.link = None
            wait = max(life.offline_until - time.monotonic(), self._random.uniform(0.1, 0.8))
            await asyncio.sleep(wait)

    async def _live_connected(self, life: Life) -> None:
        name, boot = life.device.name, life.device.boot
        link = await connect(self.wire.port, lambda *said: self._hear(life, *said), lambda mid: self._note_taken(life, mid))
        try:
            will = (f"wardlight/v1/{name}/state", msgspec.json.encode({"state": "offline", "boot": boot}))
            await link.enter(name, life.secret, will)
            await link.subscribe(f"wardlight/v1/{name}/ack", f"wardlight/v1/{name}/command")
            life.sent.clear()
            if life.device.kind.has_sequence:
                state = {
                    "state": "online",
                    "boot": boot,
                    "first": life.device.first(boot),
                    "clock": iso(time.time_ns() // 1000),
                }
                await link.publish(will[0], msgspec.json.encode(state), retain=True)
            life.link = link
            await self._send_again(life)
            while not link.closed.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(link.closed.wait(), PATIENCE / 4)
                if life.device.unsafe() and time.monotonic() - life.progress_at > PATIENCE:
                    await self._send_again(life)
        finally:
            link.end(politely=False)

    async def _send_again(self, life: Life, boot: str | None = None, from_seq: int = 1) -> None:
        life.progress_at = time.monotonic()
        for batch in life.device.batches(boot, from_seq):
            await self._send(life, batch)

    async def _send(self, life: Life, batch: list[Measured]) -> None:
        if life.link is None:
            return
        device = life.device
        payload = msgspec.json.encode(device.message(batch, time.time_ns() // 1000))
        mid = await life.link.publish(f"wardlight/v1/{device.name}/readings", payload)
        if not device.kind.has_sequence:
            life.sent[mid] = batch

    def _note_taken(self, life: Life, mid: int) -> None:
        """Note the broker's own answer, which is all that a plain device waits for."""
        for made in life.sent.pop(mid, ()):
            held = life.device.held.get(made.boot)
            if held is not None:
                held.pop(made.seq, None)

    def _hear(self, life: Life, topic: str, payload: bytes) -> None:
        said = msgspec.json.decode(payload)
        if topic.endswith("/ack"):
            self.acks += 1
            life.progress_at = time.monotonic()
            life.device.take_ack(said["boot"], said["seq"])
        elif said["command"] == "resend":
            again = asyncio.ensure_future(self._answer(life, said["boot"], said["from_seq"]))
            self._tasks.add(again)
            again.add_done_callback(self._tasks.discard)

    async def _answer(self, life: Life, boot: str, from_seq: int) -> None:
        with contextlib.suppress(ConnectionError):
            await self._send_again(life, boot, from_seq)
