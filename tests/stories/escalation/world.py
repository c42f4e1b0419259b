"""A random world for the proof of escalation: a team, its windows and ladder, alerts, what people do, and what breaks."""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

#: nights in which clocks change, UTC, near which most worlds begin; the zones they change in
CHANGES = (
    ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("Asia/Kolkata", datetime(2026, 6, 10, 12, tzinfo=UTC)),
)
WORDS = ("emergency", "high", "medium", "low")


@dataclass
class World:
    """One random schedule with its day."""

    seed: int
    zone: str
    start: datetime
    hours: float
    #: staff by number; False: may no longer sign in
    staff: list[bool]
    members: list[int]
    lead: int | None
    #: (layer, person or None for hours, weekday, starts, ends)
    windows: list[tuple[int, int | None, int, time, time]]
    #: (layer, person or None, starts, ends)
    overrides: list[tuple[int, int | None, datetime, datetime]]
    ladder: dict[str, Any]
    #: primary coordinator of each alert's patient
    coordinators: list[int | None]
    #: (seconds from the start, what, alert, word or person)
    acts: list[tuple[float, str, int, Any]]
    #: (seconds from the start, seconds by which the wall clock jumps)
    steps: list[tuple[float, float]]
    #: (seconds from the start, seconds until a new worker starts, whether it dies inside a transaction)
    deaths: list[tuple[float, float, bool]]
    #: share of announcements that are lost
    deaf: float
    from_day: date = field(default=date(2026, 1, 1))


def make_world(seed: int) -> World:
    """Return the world of a seed."""
    chance = random.Random(seed)
    zone, change = chance.choice(CHANGES)
    hours = chance.uniform(2, 6)
    start = change - timedelta(seconds=round(chance.uniform(-1, hours) * 3600))
    count = chance.randint(1, 5)
    people = range(count)
    alerts = chance.randint(1, 4)

    def somebody() -> int | None:
        return chance.choice(people) if chance.random() < 0.85 else None

    windows: list[tuple[int, int | None, int, time, time]] = []
    if chance.random() < 0.4:
        windows += [(0, None, day, _quarter(chance), _quarter(chance)) for day in range(7) if chance.random() < 0.8]
    for layer in (1, 2):
        for day in range(7):
            for _ in range(chance.randint(0, 2)):
                windows.append((layer, chance.choice(people), day, _quarter(chance), _quarter(chance)))
    overrides = []
    for _ in range(chance.randint(0, 2)):
        begins = start + timedelta(minutes=chance.randint(-120, int(hours * 60)))
        overrides.append((chance.choice((1, 2)), somebody(), begins, begins + timedelta(minutes=chance.randint(5, 300))))
    coordinators = [somebody() for _ in range(alerts)]
    seconds = hours * 3600
    acts: list[tuple[float, str, int, Any]] = []
    for alert in range(alerts):
        opened = chance.uniform(0, seconds * 0.6) if chance.random() < 0.7 else chance.uniform(0, 30)
        acts.append((opened, "open", alert, chance.choice(WORDS)))
        at = opened
        for what in chance.choices(("acknowledge", "touch", "worse", "close"), (5, 3, 2, 1), k=chance.randint(0, 3)):
            at += chance.uniform(1, seconds * 0.4)
            acts.append((at, what, alert, chance.choice(people)))
    steps = [(chance.uniform(0, seconds), _step(chance)) for _ in range(chance.randint(0, 3))]
    deaths = [(chance.uniform(0, seconds), chance.uniform(0, 120), chance.random() < 0.5) for _ in range(chance.randint(0, 3))]
    return World(
        seed, zone, start, hours, [chance.random() < 0.9 for _ in people],
        [one for one in people if chance.random() < 0.8], somebody(), windows, overrides, _ladder(chance), coordinators,
        sorted(acts, key=lambda act: act[0]), sorted(steps), sorted(deaths), chance.choice((0.0, 0.2, 1.0)),
    )  # fmt: skip


def _quarter(chance: random.Random) -> time:
    return time(chance.randint(0, 23), chance.choice((0, 15, 30, 45)))


def _step(chance: random.Random) -> float:
    """Return by how much a clock jumps: mostly what NTP mends, sometimes what an operator does."""
    size = chance.choice((0.4, 2.0, 30.0, 600.0, 3600.0))
    return chance.choice((-1, 1)) * chance.uniform(size / 2, size)


def _ladder(chance: random.Random) -> dict[str, Any]:
    who = ("coordinator", "on call 1", "on call 2", "lead", "everyone")
    told: dict[str, Any] = {"version": 1, "source": "chance"}
    for word in WORDS:
        steps = [
            {
                "who": chance.sample(who, chance.randint(1, 3)),
                "wait_minutes": chance.randint(1, 40),
                "times": chance.choice((1, 1, 2, 3)),
            }
            for _ in range(chance.randint(1, 4))
        ]
        told[word] = {
            "wakes": chance.random() < 0.5,
            "again_minutes": chance.randint(10, 60),
            "remind_minutes": chance.randint(10, 90),
            "steps": steps,
        }
    return told
