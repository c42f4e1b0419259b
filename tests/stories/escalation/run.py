"""Runs one random world: the real loops of `work` over the real database on a virtual clock, against the plain reference.

True time passes steadily; the clock on the wall jumps as the world says. A worker dies between turns or inside a transaction,
and a new one starts after a while. Sleeps in which nothing is due are passed over in one go.
"""

import itertools
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from alerts.engine import Engine
from alerts.escalation import deadlines, queries
from alerts.escalation.ladder import Call, begin, stop
from api.commands.work import Worker
from api.loop import LONGEST_SLEEP, Loop
from care import teams
from messaging.notice import Notice
from tests.stories.escalation.reference import Climber, Reference
from tests.stories.escalation.world import World

Pool = ConnectionPool[Connection[Any]]
SECOND = timedelta(seconds=1)


class Died(BaseException):
    """The worker is gone, in the middle of a transaction."""


class VirtualClock:
    """True time, and what the wall shows of it."""

    def __init__(self, start: datetime) -> None:
        self.start = start
        self.true = 0.0
        self.ahead = 0.0
        #: (true seconds, by how much the wall is ahead from then on)
        self.history = [(0.0, 0.0)]

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.true + self.ahead)

    def wait(self, wake: threading.Event, seconds: float) -> None:
        raise AssertionError("the world lets time pass")

    def step(self, seconds: float) -> None:
        self.ahead += seconds
        self.history.append((self.true, self.ahead))

    def first_true(self, since: float, wall: datetime) -> float:
        """Return the first true second at or after `since` at which the wall shows a time or a later one."""
        wanted = (wall - self.start).total_seconds()
        for (begins, ahead), (ends, _) in itertools.pairwise([*self.history, (float("inf"), 0.0)]):
            moment = max(begins, since, wanted - ahead)
            if moment < ends:
                return moment
        raise AssertionError


class Receiver:
    """A channel that takes everything."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.got: list[tuple[int, datetime]] = []

    def deliver(self, notice: Notice) -> tuple[bool, str | None]:
        self.got.append((notice.id, self.clock.now()))
        return False, None


@dataclass
class Sleeper:
    """A loop, when it wakes, and since when it sleeps, true seconds."""

    loop: Loop
    wakes_at: float
    since: float

    def notice(self, true: float) -> None:
        """Wake at the end of the short sleep that it is in: nobody told it that something has changed."""
        ends = self.since + ((true - self.since) // LONGEST_SLEEP + 1) * LONGEST_SLEEP
        self.wakes_at = min(self.wakes_at, max(ends, self.since))


@dataclass
class Outcome:
    """What a world came to."""

    pages: int = 0
    deliveries: int = 0
    deaths: int = 0
    steps: int = 0
    #: seconds by which the worst page and the worst delivery were late
    worst_page: float = 0.0
    worst_delivery: float = 0.0
    faults: list[str] = field(default_factory=list)

    def words(self) -> str:
        """Say it in one line."""
        return (
            f"{self.pages:,} pages, {self.deliveries:,} deliveries, {self.deaths} deaths, {self.steps} clock steps; worst page"
            f" {self.worst_page:.1f} s, worst delivery {self.worst_delivery:.1f} s, {len(self.faults)} faults"
        )


class Run:
    """One world from its start to its end."""

    def __init__(self, pool: Pool, engine: Engine, world: World, *, fault: str = "") -> None:
        self.pool, self.engine, self.world, self.fault = pool, engine, world, fault
        self.clock = VirtualClock(world.start)
        self.reference = Reference(world)
        self.outcome = Outcome()
        self.channel = Receiver(self.clock)
        self.keys: dict[int, int] = {}
        self.numbers: dict[int, int] = {}
        self.up_since = 0.0
        #: (due, true second since which it stands) of each row of the outbox that waits
        self.waiting: dict[int, tuple[datetime, float]] = {}
        #: true second since which each alert's deadline stands, by (alert, due)
        self.known: dict[tuple[int, datetime], float] = {}
        self.furnish()
        self.start_worker()

    def furnish(self) -> None:
        world = self.world
        with self.pool.connection() as conn:
            self.staff = [
                _one(conn, "INSERT INTO staff (email, name, role, disabled_at) VALUES (%s, %s, 'coordinator', %s) RETURNING id",
                     f"{number}@x.org", f"Person {number}", None if is_able else world.start)
                for number, is_able in enumerate(world.staff)
            ]  # fmt: skip
            self.person = {key: number for number, key in enumerate(self.staff)}
            for key in self.staff:
                conn.execute(
                    "INSERT INTO staff_address (staff_id, channel, address, code_hash, created_at, verified_at)"
                    " VALUES (%s, 'webhook', 'https://x.example', '', %s, %s)",
                    (key, world.start, world.start),
                )
            lead = None if world.lead is None else self.staff[world.lead]
            team = teams.add_team(conn, name="Team", zone=world.zone, lead_id=lead, phone="", now=world.start)
            for number in world.members:
                teams.add_member(conn, team.id, self.staff[number], None, world.start)
            for layer, person, weekday, starts, ends in world.windows:
                teams.add_window(
                    conn, team.id, layer=layer, staff_id=None if person is None else self.staff[person], weekday=weekday,
                    starts=starts, ends=ends, from_day=world.from_day, until_day=None, by=None, now=world.start,
                )  # fmt: skip
            for layer, person, begins, ends in world.overrides:
                teams.add_override(
                    conn, team.id, layer=layer, staff_id=None if person is None else self.staff[person], starts_at=begins,
                    ends_at=ends, reason="away", by=None, now=world.start,
                )  # fmt: skip
            queries.add_ladder(conn, team.id, world.ladder, None, world.start)
            self.ruleset = _one(conn, "INSERT INTO ruleset (digest, rules, loaded_at) VALUES ('x', '[]', now()) RETURNING id")
            add = "INSERT INTO patient (record_number, name, coordinator_id, team_id) VALUES (%s, 'P', %s, %s) RETURNING id"
            self.patients = [
                _one(conn, add, f"R{number}", None if one is None else self.staff[one], team.id)
                for number, one in enumerate(world.coordinators)
            ]

    def start_worker(self, down: float = 0.0) -> None:
        channels = {"webhook": self.channel, "console": self.channel}
        worker = Worker(self.pool, self.engine, channels, threading.Event(), self.clock)
        self.up_since = at = self.clock.true + down
        self.loops = [Sleeper(worker.deadlines, at, at), Sleeper(worker.deliveries, at, at)]

    def run(self) -> Outcome:
        """Let the world pass."""
        end = self.world.hours * 3600
        happenings: list[tuple[float, int, Callable[[], None]]] = []
        for at, what, alert, how in self.world.acts:
            happenings.append((at, 0, lambda what=what, alert=alert, how=how: self.act(what, alert, how)))  # type: ignore[misc]
        for at, seconds in self.world.steps:
            happenings.append((at, 1, lambda seconds=seconds: self.step(seconds)))  # type: ignore[misc]
        for at, down, is_inside in self.world.deaths:
            happenings.append((at, 2, lambda down=down, is_inside=is_inside: self.die(down, inside=is_inside)))  # type: ignore[misc]
        happenings.sort(key=lambda one: one[:2])
        while True:
            turn_at = min(sleeper.wakes_at for sleeper in self.loops)
            if happenings and happenings[0][0] <= turn_at:
                at, _, happen = happenings.pop(0)
                self.pass_until(at)
                happen()
            elif turn_at >= end:
                break
            else:
                self.pass_until(turn_at)
                for place in (0, 1):
                    if self.loops[place].wakes_at <= self.clock.true:
                        self.turn(place)
        self.check_end()
        return self.outcome

    def pass_until(self, true: float) -> None:
        self.clock.true = max(self.clock.true, true)

    def turn(self, place: int) -> None:
        """Let one loop do its turn, and note what it did; then let it sleep as long as nothing would happen."""
        loop = self.loops[place].loop
        before = len(self.channel.got)
        expected: dict[int, set[int]] = {}
        if place == 0:
            self.check_late()
            expected = self.reference.due_pages(self.clock.now()) if self.fault != "deaf" else {}
            first_page = self.newest_page_alert()
        seconds = loop.turn()
        if place == 0:
            self.compare(first_page, expected)
            self.note_deadlines()
            if self.loops[1].loop.wake.is_set():
                self.loops[1].wakes_at = self.clock.true
        else:
            self.check_deliveries(before)
        due = loop._next_due()
        asleep = seconds
        if due is not None and seconds >= LONGEST_SLEEP:
            # idle turns do nothing: the next one is the first multiple of the longest sleep that may do something
            left = (due - self.clock.now()).total_seconds()
            asleep = max(LONGEST_SLEEP, left // LONGEST_SLEEP * LONGEST_SLEEP)
        elif due is None:
            asleep = 10 * 3600.0
        self.loops[place] = Sleeper(loop, self.clock.true + asleep, self.clock.true)

    def step(self, seconds: float) -> None:
        """Let the wall clock jump; sleeping loops notice at the end of the sleep they are in."""
        self.clock.step(seconds)
        self.outcome.steps += 1
        for sleeper in self.loops:
            sleeper.notice(self.clock.true)

    def die(self, down: float, *, inside: bool) -> None:
        """Kill the worker, perhaps in the middle of what it does, and start another after a while."""
        self.outcome.deaths += 1
        if inside:

            def fail(*_: Any) -> None:
                raise Died

            kept = deadlines.notify
            deadlines.notify = fail  # type: ignore[assignment]  # the last thing before the commit
            try:
                with self.pool.connection() as conn:
                    deadlines.run_due(conn, self.clock.now())
            except Died:
                pass
            finally:
                deadlines.notify = kept  # type: ignore[assignment]
        self.start_worker(down)

    def act(self, what: str, number: int, how: Any) -> None:
        """Let a person or a reading do something, in a transaction of its own."""
        now, reference = self.clock.now(), self.reference
        climber = reference.alerts.get(number)
        with self.pool.connection() as conn:
            if what == "open":
                word = str(how)
                severity = "high" if word == "emergency" else word
                key = _one(
                    conn,
                    "INSERT INTO alert (patient_id, rule, rule_version, ruleset_id, severity, category, emergency, lateness,"
                    " condition, since, fired_at, opened_at, due_at, explanation)"
                    " VALUES (%s, 'r', 1, %s, %s, 'clinical', %s, 'live', 'firing', %s, %s, %s, %s, '{}') RETURNING id",
                    self.patients[number], self.ruleset, severity, word == "emergency", now, now, now, now,
                )  # fmt: skip
                self.keys[number], self.numbers[key] = key, number
                begin(conn, [Call(key, self.patients[number], severity, now, "opened")], now)  # type: ignore[arg-type]
                reference.alerts[number] = Climber(number, word, now, now)
            elif climber is None or climber.due is None:
                return
            elif what == "acknowledge" and climber.acknowledged is None:
                key = self.keys[number]
                conn.execute(
                    "UPDATE alert SET acknowledged_at = %s, acknowledged_by = %s WHERE id = %s", (now, self.staff[how], key)
                )
                stop(conn, [key], "acknowledged", now)
                wait = timedelta(minutes=self.world.ladder[climber.word]["remind_minutes"])
                climber.acknowledged, climber.owner, climber.is_reminding = now, how, True
                climber.reminded, climber.due = 0, now + wait
            elif what == "touch" and climber.acknowledged is not None:
                conn.execute(
                    "INSERT INTO contact_attempt (patient_id, alert_id, whom, how, outcome, staff_id, at)"
                    " VALUES (%s, %s, 'patient', 'call', 'voicemail', %s, %s)",
                    (self.patients[number], self.keys[number], self.staff[how], now),
                )
                climber.touched = max(climber.touched or now, now)
            elif what == "worse":
                severity = "high" if climber.word == "emergency" else climber.word
                begin(conn, [Call(self.keys[number], self.patients[number], severity, now, "worse")], now)  # type: ignore[arg-type]
                climber.step = climber.taken = 0
                climber.due, climber.began, climber.is_reminding = now, now, False
            elif what == "close":
                conn.execute("UPDATE alert SET closed_at = %s WHERE id = %s", (now, self.keys[number]))
                stop(conn, [self.keys[number]], "closed", now)
                climber.due = None
        self.note_deadlines()
        is_heard = (hash((self.world.seed, self.clock.true)) % 100) / 100 >= self.world.deaf
        for sleeper in self.loops:
            if self.clock.true < self.up_since:
                continue
            if is_heard:
                sleeper.wakes_at = self.clock.true
            else:
                sleeper.notice(self.clock.true)

    # what is held against the reference ---------------------------------------------------------------------------

    def note_deadlines(self) -> None:
        for climber in self.reference.alerts.values():
            if climber.due is not None:
                self.known.setdefault((climber.number, climber.due), self.clock.true)

    def check_late(self) -> None:
        """Measure how late each deadline is that this turn takes."""
        for climber in self.reference.alerts.values():
            if climber.due is not None and climber.due <= self.clock.now():
                since = max(self.known.get((climber.number, climber.due), 0.0), self.up_since)
                late = self.clock.true - self.clock.first_true(since, climber.due)
                self.outcome.worst_page = max(self.outcome.worst_page, late)
                if late > 5:
                    self.outcome.faults.append(f"late: alert {climber.number} by {late:.1f} s")

    def newest_page_alert(self) -> list[tuple[int, int]]:
        with self.pool.connection() as conn:
            return conn.execute("SELECT page_id, alert_id FROM page_alert").fetchall()

    def compare(self, before: list[tuple[int, int]], expected: dict[int, set[int]]) -> None:
        with self.pool.connection() as conn:
            rows = conn.execute(
                "SELECT page_alert.page_id, page_alert.alert_id, page.staff_id FROM page_alert JOIN page ON page.id = page_id"
            ).fetchall()
            dues = dict(conn.execute("SELECT alert_id, due_at FROM escalation").fetchall())
            waiting = conn.execute("SELECT id, due_at FROM outbox WHERE state = 'pending'").fetchall()
        for key, due in waiting:
            if self.waiting.get(key, (None,))[0] != due:
                self.waiting[key] = (due, self.clock.true)
        known = set(before)
        found: dict[int, set[int]] = defaultdict(set)
        for page_id, alert_id, staff_id in rows:
            if (page_id, alert_id) not in known:
                person = self.person[staff_id]
                number = self.numbers[alert_id]
                if person in found[number]:
                    self.outcome.faults.append(f"twice: alert {number} to person {person}")
                found[number].add(person)
                self.outcome.pages += 1
        for number in set(found) | set(expected):
            if missing := expected.get(number, set()) - found[number]:
                self.outcome.faults.append(f"missed: alert {number}, people {missing} at {self.clock.now()}")
            if extra := found[number] - expected.get(number, set()):
                self.outcome.faults.append(f"early or extra: alert {number}, people {extra} at {self.clock.now()}")
        for number, climber in self.reference.alerts.items():
            if dues[self.keys[number]] != climber.due:
                self.outcome.faults.append(f"deadline: alert {number}: {dues[self.keys[number]]} and not {climber.due}")

    def check_deliveries(self, before: int) -> None:
        new = self.channel.got[before:]
        for key, _ in new:
            due, seen = self.waiting.pop(key)
            late = self.clock.true - self.clock.first_true(max(seen, self.up_since), due)
            self.outcome.worst_delivery = max(self.outcome.worst_delivery, late)
            self.outcome.deliveries += 1
            if late > 5:
                self.outcome.faults.append(f"delivered late: row {key} by {late:.1f} s")

    def check_end(self) -> None:
        if len({key for key, _ in self.channel.got}) != len(self.channel.got):
            self.outcome.faults.append("delivered twice")
        with self.pool.connection() as conn:
            (unsaid,) = conn.execute("SELECT count(*) FROM outbox WHERE reason = ''").fetchone() or (1,)
        if unsaid:
            self.outcome.faults.append(f"{unsaid} rows without a reason")


def clear(conn: Connection[Any]) -> None:
    """Empty the database of the world before."""
    conn.execute("TRUNCATE staff, team, patient, ruleset, outbox, heartbeat RESTART IDENTITY CASCADE")


def _one(conn: Connection[Any], statement: str, *values: Any) -> int:
    row = conn.execute(statement.encode(), values).fetchone()
    assert row is not None
    return int(row[0])
