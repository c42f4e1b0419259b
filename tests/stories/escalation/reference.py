"""The plain reference that escalation is held against: no SQL, no merging, no cleverness, and nothing of `alerts` imported.

Who is on call is found by walking through the quarter hours of UTC and reading the clock on the wall.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from tests.stories.escalation.world import World

QUARTER = timedelta(minutes=15)
MOST_REMINDERS = 2


@cache
def first_moment(day: date, wall: time, zone: str) -> datetime:
    """Return the first quarter of an hour at which the wall shows this time of this day, or anything later."""
    moment = datetime.combine(day, time(0), UTC) - timedelta(hours=15)
    wanted = datetime.combine(day, wall)
    while moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) < wanted:
        moment += QUARTER
    return moment


@dataclass
class Climber:
    """One alert, as the reference sees it."""

    number: int
    word: str
    due: datetime | None
    began: datetime
    is_reminding: bool = False
    step: int = 0
    taken: int = 0
    reminded: int = 0
    owner: int | None = None
    acknowledged: datetime | None = None
    touched: datetime | None = None


class Reference:
    """What ought to happen in one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.alerts: dict[int, Climber] = {}

    def holder(self, layer: int, at: datetime) -> tuple[bool, int | None]:
        """Return whether a layer is covered, and by whom."""
        for where, person, begins, ends in reversed(self.world.overrides):
            if where == layer and begins <= at < ends:
                return person is not None, person
        best: tuple[datetime, int] | None = None
        day = (at - timedelta(days=2)).date()
        for offset in range(5):
            this = day + timedelta(days=offset)
            for place, (where, _, weekday, starts, ends) in enumerate(self.world.windows):
                if where != layer or weekday != this.weekday():
                    continue
                begins = first_moment(this, starts, self.world.zone)
                stops = first_moment(this if ends > starts else this + timedelta(days=1), ends, self.world.zone)
                if begins <= at < stops and (best is None or (begins, place) > best):
                    best = (begins, place)
        return (False, None) if best is None else (True, self.world.windows[best[1]][1])

    def is_open(self, at: datetime) -> bool:
        """Whether the team's hours last, or it has none."""
        return not any(window[0] == 0 for window in self.world.windows) or self.holder(0, at)[0]

    def asked(self) -> set[str]:
        """Return whom any step of the ladder pages."""
        climbs = [climb for climb in self.world.ladder.values() if isinstance(climb, dict)]
        return {who for climb in climbs for step in climb["steps"] for who in step["who"]}

    def on_duty(self, coordinator: int | None, at: datetime) -> bool:
        """Whether anybody is there."""
        staff, world = self.world.staff, self.world
        if coordinator is not None and staff[coordinator] and self.is_open(at):
            return True
        asked = {
            who for climb in world.ladder.values() if isinstance(climb, dict) for step in climb["steps"] for who in step["who"]
        }
        for layer in (1, 2):
            person = self.holder(layer, at)[1]
            if f"on call {layer}" in asked and person is not None and staff[person]:
                return True
        has_hours = any(window[0] == 0 for window in world.windows)
        return has_hours and self.is_open(at) and any(staff[one] for one in world.members)

    def next_on_duty(self, coordinator: int | None, at: datetime) -> datetime | None:
        """Return the next moment at which a layer that is empty now is covered and somebody is there."""
        asked = {
            who
            for climb in self.world.ladder.values()
            if isinstance(climb, dict)
            for step in climb["steps"]
            for who in step["who"]
        }
        watched = [layer for layer in (1, 2) if f"on call {layer}" in asked] + [0]
        empty = [layer for layer in watched if not self.holder(layer, at)[0]]
        moments = {at + timedelta(days=14)}
        for _, _, begins, ends in self.world.overrides:
            moments |= {begins, ends}
        for offset in range(-1, 16):
            this = at.date() + timedelta(days=offset)
            for _, _, weekday, starts, ends in self.world.windows:
                if weekday == this.weekday():
                    moments.add(first_moment(this, starts, self.world.zone))
                    moments.add(first_moment(this if ends > starts else this + timedelta(days=1), ends, self.world.zone))
        firsts = []
        for layer in empty:
            covered = [one for one in sorted(moments) if at < one < at + timedelta(days=14) and self.holder(layer, one)[0]]
            firsts += covered[:1]
        there = [one for one in firsts if self.on_duty(coordinator, one)]
        return min(there, default=None)

    def people(self, who: str, coordinator: int | None, at: datetime) -> set[int]:
        """Return whom a word of a step means."""
        staff = self.world.staff
        if who == "everyone":
            return {one for one in self.world.members if staff[one]}
        if who == "coordinator":
            one = coordinator
            on_call = any(self.holder(layer, at) == (True, one) for layer in (1, 2))
            if one is not None and not self.is_open(at) and not on_call:
                one = None
        elif who == "lead":
            one = self.world.lead
        else:
            one = self.holder(int(who[-1]), at)[1]
        return {one} if one is not None and staff[one] else set()

    def due_pages(self, at: datetime) -> dict[int, set[int]]:
        """Take everything that is due at a moment on the wall; return whom each alert pages."""
        found: dict[int, set[int]] = {}
        for climber in self.alerts.values():
            while climber.due is not None and climber.due <= at:
                found.setdefault(climber.number, set()).update(self._take(climber, at))
        return {number: people for number, people in found.items() if people}

    def _take(self, climber: Climber, at: datetime) -> set[int]:
        if climber.is_reminding and climber.owner is not None:
            return self._remind(climber, at)
        latest = max(climber.acknowledged, climber.touched or climber.began) if climber.acknowledged else climber.began
        if latest > climber.began:
            return self._remind(climber, at)
        return self._climb(climber, at)

    def _climb(self, climber: Climber, at: datetime) -> set[int]:
        climb = self.world.ladder[climber.word]
        coordinator = self.world.coordinators[climber.number]
        climber.is_reminding = False
        if not climb["wakes"] and not self.on_duty(coordinator, at):
            until = self.next_on_duty(coordinator, at)
            if until is not None:
                climber.due = until
                return set()
        while climber.step < len(climb["steps"]):
            rung = climb["steps"][climber.step]
            people = set().union(*(self.people(who, coordinator, at) for who in rung["who"]))
            climber.taken += 1
            if not people or climber.taken >= rung["times"]:
                climber.step, climber.taken = climber.step + 1, 0
            if people:
                climber.due = at + timedelta(minutes=rung["wait_minutes"])
                return people
        climber.due = at + timedelta(minutes=climb["again_minutes"])
        everybody = ["coordinator", "lead", "everyone", "on call 1", "on call 2"]
        return set().union(*(self.people(who, coordinator, at) for who in everybody))

    def _remind(self, climber: Climber, at: datetime) -> set[int]:
        wait = timedelta(minutes=self.world.ladder[climber.word]["remind_minutes"])
        assert climber.acknowledged is not None
        since = max(climber.acknowledged, climber.touched or climber.acknowledged)
        if not climber.is_reminding or since + wait > at:
            climber.is_reminding, climber.reminded, climber.due = True, 0, max(since + wait, at)
            return set()
        if climber.reminded >= MOST_REMINDERS:
            climber.step, climber.taken, climber.began = 0, 0, at
            return self._climb(climber, at)
        climber.reminded += 1
        climber.due = at + wait
        assert climber.owner is not None
        return {climber.owner}
