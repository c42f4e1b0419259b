"""Coverage: every open alert has an owner who can be reached, or a named time in which nobody is there (I11).

Pure. Also the preflight: what is wrong with teams, channels and schedules before the night shows it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from alerts.escalation.plan import Crew, on_duty, unstaffed_at
from care.on_call import spans

#: how far ahead gaps are looked for
AHEAD: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Cover:
    """Who is there for one alert: an owner who can be reached, or the name of a time in which nobody is."""

    #: name of the owner, None where nobody can be reached
    owner: str | None
    #: "taken on" by the owner, or the owner is "on duty"
    how: Literal["taken on", "on duty", ""]
    #: why nobody is there; "" where somebody is
    unstaffed: str
    #: when somebody is there again, None where nobody knows
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that will keep an alert from being answered."""

    #: "channel", "gap", "coordinator", "team" or "ladder"
    kind: Literal["channel", "gap", "coordinator", "team", "ladder"]
    #: whom or what it is about
    about: str
    what: str
    #: how to mend it
    mend: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    #: random ids of the patients it is about
    patients: tuple[str, ...] = ()


def cover(crew: Crew, owner_id: int | None, coordinator_id: int | None, at: datetime) -> Cover:
    """Return who is there for an alert at a moment: exactly one of an owner and a named unstaffed time."""
    if owner_id is not None and _is_reachable(crew, owner_id):
        return Cover(crew.people[owner_id].name, "taken on", "")
    duty = on_duty(crew, coordinator_id, at)
    for one in duty:
        if _is_reachable(crew, one):
            return Cover(crew.people[one].name, "on duty", "")
    if duty:
        names = ", ".join(crew.people[one].name for one in duty)
        return Cover(None, "", f"on duty without a working channel: {names}")
    unstaffed = unstaffed_at(crew, coordinator_id, at)
    return Cover(None, "", unstaffed.name, unstaffed.until)


def preflight(crews: Mapping[int | None, Crew], uncoordinated: Sequence[str], now: datetime) -> list[Lack]:
    """Return what is lacking: people who cannot be reached, gaps on call in the next 14 days, patients without coordinators."""
    lacks: list[Lack] = []
    seen: set[int] = set()
    for key, crew in crews.items():
        if key is None:
            lacks.append(Lack(
                "team", "patients without a team", "their alerts go to their coordinators, then to everybody who may sign in",
                "give them to a team: PUT /api/v1/patients/{id}/team",
            ))  # fmt: skip
        else:
            lacks += _gaps(crew, now)
        needed = {*crew.members, *(window.staff_id for window in crew.schedule.windows), crew.lead_id} - {None}
        for one in sorted(needed - seen, key=lambda staff_id: crew.people[staff_id].name if staff_id is not None else ""):
            if one is None or not crew.people[one].is_enabled:
                continue
            seen.add(one)
            if not crew.people[one].addresses:
                what = "has no working channel: pages reach nobody who does not look at the screen"
                lacks.append(
                    Lack("channel", crew.people[one].name, what, "they add an address under their own name, and verify it")
                )
        if key is not None and not any(_is_reachable(crew, member) for member in crew.members):
            lacks.append(
                Lack("ladder", crew.name, "the last step of its ladder reaches nobody", "add members with a working channel")
            )
    if uncoordinated:
        many = f"{len(uncoordinated)} patients" if len(uncoordinated) != 1 else "1 patient"
        what = "without a primary coordinator who may sign in"
        lacks.append(Lack("coordinator", many, what, "name one on the patient's page", patients=tuple(uncoordinated)))
    return lacks


def _gaps(crew: Crew, now: datetime) -> Iterable[Lack]:
    """Yield the times in which a layer that the ladder pages has nobody."""
    for layer in crew.ladder.layers:
        if layer not in crew.schedule.layers:
            what = f"nobody was ever put on call {layer}, which its ladder pages"
            yield Lack("gap", crew.name, what, "add windows, or take the layer out of the ladder")
            continue
        for span in spans(crew.schedule, layer, now, now + AHEAD):
            if not span.is_covered:
                what = f"nobody is on call {layer}: {span.why}"
                yield Lack("gap", crew.name, what, "add a window or an override", span.starts_at, span.ends_at)


def _is_reachable(crew: Crew, staff_id: int) -> bool:
    person = crew.people.get(staff_id)
    return person is not None and person.is_enabled and bool(person.addresses)
