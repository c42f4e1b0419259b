"""Plan: given a ladder, a team's schedule, an alert and the time, who is paged now, who is not and why, and when it goes on.

Pure. A step that finds nobody is passed over at once, with the reason (I9). Behind the last step everybody is paged again and
again: an exhausted ladder is never quiet (I11).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from alerts.escalation.ladder_data import Climb, Ladder, Rung, Word
from care.on_call import Gap, on_call
from care.team import HOURS, Reach, Schedule

#: why a coordinator whose team is at home is not paged
OUT_OF_HOURS: Final = "outside the team's hours"


@dataclass(frozen=True, slots=True)
class Crew:
    """Everybody whom a patient's alerts may go to."""

    #: the team's name; "" where the patient has no team: then it is everybody
    name: str
    schedule: Schedule
    ladder: Ladder
    #: key of the lead
    lead_id: int | None
    #: keys of the members
    members: tuple[int, ...]
    #: everybody by key, also who may no longer sign in
    people: Mapping[int, Reach]
    #: number that patients may call in the team's hours
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far up its ladder an alert is."""

    #: place of the step that is taken next
    step: int = 0
    #: how often it was taken
    taken: int = 0
    #: how often everybody was paged behind the last step
    rounds: int = 0


@dataclass(frozen=True, slots=True)
class Called:
    """Somebody is paged."""

    staff_id: int
    #: by which channels; empty: every one they have
    channels: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Passed:
    """Somebody is not paged."""

    #: whom it would have been: "coordinator", "on call 1", …
    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unstaffed:
    """A time in which nobody is on duty."""

    #: when somebody is again, None where the schedule knows of nobody
    until: datetime | None
    #: named: "nobody of team North is on duty", …
    name: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What one step comes to."""

    called: tuple[Called, ...]
    passed: tuple[Passed, ...]
    #: where the ladder stands now
    standing: Standing
    #: when its next step is taken
    due_at: datetime
    #: it has reached its end, and everybody is paged
    is_exhausted: bool = False
    #: it waits, since nobody is on duty and it need not wake anybody
    is_held: bool = False
    #: nobody is on duty, whether it waits or not
    unstaffed: Unstaffed | None = None


def take(crew: Crew, word: Word, coordinator_id: int | None, standing: Standing, reason: str, now: datetime) -> Taken:
    """Return what the due step of an alert's ladder comes to."""
    climb = crew.ladder.climbs[word]
    unstaffed = None if on_duty(crew, coordinator_id, now) else unstaffed_at(crew, coordinator_id, now)
    if unstaffed is not None and not climb.wakes and unstaffed.until is not None:
        held = Passed("everyone", f"{unstaffed.name}; it waits until then, {word} wakes nobody")
        return Taken((), (held,), standing, unstaffed.until, is_held=True, unstaffed=unstaffed)
    passed: list[Passed] = []
    while standing.step < len(climb.steps):
        rung = climb.steps[standing.step]
        label = f"{reason}; step {standing.step + 1} of {len(climb.steps)}"
        label += f", {standing.taken + 1} of {rung.times} times" if rung.times > 1 else ""
        called, left_out = _resolve(crew, rung, coordinator_id, label, now)
        passed += left_out
        after = Standing(standing.step, standing.taken + 1)
        if not called or after.taken >= rung.times:
            after = Standing(standing.step + 1)
        if called:
            return Taken(tuple(called), tuple(passed), after, now + rung.wait, unstaffed=unstaffed)
        standing = after
    called = _everybody(crew, coordinator_id, f"{reason}; nobody has answered, everybody is paged", now)
    return Taken(
        tuple(called), tuple(passed), Standing(standing.step, 0, standing.rounds + 1), now + climb.again,
        is_exhausted=True, unstaffed=unstaffed,
    )  # fmt: skip


def foretell(crew: Crew, word: Word, coordinator_id: int | None, standing: Standing, due_at: datetime) -> Iterator[Taken]:
    """Yield what the next steps come to if nobody acts and nothing changes, up to the first at its end."""
    climb: Climb = crew.ladder.climbs[word]
    for _ in range(sum(step.times for step in climb.steps) + 3):
        taken = take(crew, word, coordinator_id, standing, "nobody has acted", due_at)
        yield taken
        if taken.is_exhausted:
            return
        standing, due_at = taken.standing, taken.due_at


def on_duty(crew: Crew, coordinator_id: int | None, at: datetime) -> tuple[int, ...]:
    """Return who is there for a patient's alerts at a moment: on call in a layer of the ladder, or a coordinator at work."""
    found = []
    if coordinator_id is not None and _why_not(crew, coordinator_id) is None and _is_open(crew, at):
        found.append(coordinator_id)
    for layer in _layers(crew):
        answer = on_call(crew.schedule, layer, at)
        if not isinstance(answer, Gap) and answer.staff_id is not None and _why_not(crew, answer.staff_id) is None:
            found.append(answer.staff_id)
    if not found and crew.schedule.has_hours and _is_open(crew, at):
        found += [member for member in crew.members if _why_not(crew, member) is None]
    return tuple(dict.fromkeys(found))


def unstaffed_at(crew: Crew, coordinator_id: int | None, at: datetime) -> Unstaffed:
    """Name the time in which nobody is on duty, and say when it ends."""
    ends = [gap.until for layer in _layers(crew) if isinstance(gap := on_call(crew.schedule, layer, at), Gap)]
    if crew.schedule.has_hours and isinstance(hours := on_call(crew.schedule, HOURS, at), Gap):
        ends.append(hours.until)
    until = min((one for one in ends if one is not None and on_duty(crew, coordinator_id, one)), default=None)
    return Unstaffed(until, f"nobody of {crew.name or 'the clinic'} is on duty")


def _layers(crew: Crew) -> tuple[int, ...]:
    return tuple(layer for layer in crew.schedule.layers if layer in crew.ladder.layers)


def _is_open(crew: Crew, at: datetime) -> bool:
    return not crew.schedule.has_hours or not isinstance(on_call(crew.schedule, HOURS, at), Gap)


def _why_not(crew: Crew, staff_id: int) -> str | None:
    person = crew.people.get(staff_id)
    if person is None or not person.is_enabled:
        return "may no longer sign in"
    return None


def _resolve(
    crew: Crew, rung: Rung, coordinator_id: int | None, label: str, now: datetime
) -> tuple[list[Called], list[Passed]]:
    called: dict[int, Called] = {}
    passed: list[Passed] = []
    for who in rung.who:
        people, why = _people(crew, who, coordinator_id, now)
        if why:
            passed.append(Passed(who, f"{label}: {why}"))
        for staff_id in people:
            called.setdefault(staff_id, Called(staff_id, rung.channels, f"{label}: {who}"))
    return list(called.values()), passed


def _people(crew: Crew, who: str, coordinator_id: int | None, now: datetime) -> tuple[tuple[int, ...], str]:
    """Return the keys of whom a step means at a moment, or why it is nobody."""
    if who == "everyone":
        able = tuple(member for member in crew.members if _why_not(crew, member) is None)
        return able, "" if able else "nobody belongs to the team"
    if who.startswith("on call "):
        layer = int(who.removeprefix("on call "))
        answer = on_call(crew.schedule, layer, now)
        if isinstance(answer, Gap):
            return (), f"nobody is on call: {answer.why}"
        one = answer.staff_id
    else:
        one = coordinator_id if who == "coordinator" else crew.lead_id
    if one is None:
        return (), f"no {'primary coordinator' if who == 'coordinator' else who} is named"
    if (why := _why_not(crew, one)) is not None:
        return (), f"the one who is named {why}"
    if who == "coordinator" and not _is_open(crew, now):
        layers = (on_call(crew.schedule, layer, now) for layer in crew.schedule.layers)
        if not any(not isinstance(answer, Gap) and answer.staff_id == one for answer in layers):
            return (), OUT_OF_HOURS
    return (one,), ""


def _everybody(crew: Crew, coordinator_id: int | None, label: str, now: datetime) -> list[Called]:
    rung = Rung(("coordinator", *(f"on call {layer}" for layer in crew.schedule.layers), "lead", "everyone"), now - now)
    return _resolve(crew, rung, coordinator_id, label, now)[0]
