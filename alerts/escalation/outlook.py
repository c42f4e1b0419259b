"""Outlook: what has been done to reach somebody about an alert, and what happens next if nobody acts.

Reads with the caller's connection and decides by `plan.py`, so that what a screen foretells is what will be done.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from alerts.escalation import queries
from alerts.escalation.coverage import Cover, cover
from alerts.escalation.crews import load_crews
from alerts.escalation.ladder_data import word_of
from alerts.escalation.plan import Crew, Standing, foretell, take
from alerts.escalation.queries import StandingRow

#: steps that are foretold for one alert
_FORETOLD: Final = 8


@dataclass(frozen=True, slots=True)
class Coming:
    """What happens at a moment if nobody acts."""

    at: datetime
    #: names of who is paged; nobody where it only waits
    who: tuple[str, ...]
    #: "everybody, and again every 10 min", why somebody is passed over, …
    note: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where an alert stands between being written and being answered."""

    cover: Cover
    #: since when nobody has answered to the end of its ladder
    exhausted_at: datetime | None
    #: it waits until then, since nobody is on duty and it need not wake anybody
    held_until: datetime | None
    #: how it ended; None while it goes on
    ended_how: str | None
    #: what happens next, soonest first
    coming: tuple[Coming, ...]


def load_outlooks(conn: Connection[Any], alert_ids: Collection[int], now: datetime, *, far: int = 1) -> dict[int, Outlook]:
    """Return the outlook of each of these alerts that anybody was to be told of; `far` is how many steps are foretold."""
    rows = queries.list_standings(conn, alert_ids)
    crews = load_crews(conn, {row.team_id for row in rows.values()}, now) if rows else {}
    return {key: _outlook(row, crews[row.team_id], now, far) for key, row in rows.items()}


def load_outlook(conn: Connection[Any], alert_id: int, now: datetime) -> Outlook | None:
    """Return the outlook of one alert with all steps that can be foretold; None where nobody was to be told of it."""
    return load_outlooks(conn, [alert_id], now, far=_FORETOLD).get(alert_id)


def _outlook(row: StandingRow, crew: Crew, now: datetime, far: int) -> Outlook:
    covered = cover(crew, row.owner_id, row.coordinator_id, now)
    coming: tuple[Coming, ...] = ()
    if row.ended_at is None and row.due_at is not None:
        coming = _reminder(row, crew) if row.phase == "reminding" else _steps(row, crew, max(row.due_at, now), far)
    return Outlook(covered, row.exhausted_at, row.held_until, row.ended_how, coming)


def _reminder(row: StandingRow, crew: Crew) -> tuple[Coming, ...]:
    assert row.due_at is not None
    owner = () if row.owner_id is None else (crew.people[row.owner_id].name,)
    return (Coming(row.due_at, owner, "asked again, if nothing is written until then"),)


def _steps(row: StandingRow, crew: Crew, due_at: datetime, far: int) -> tuple[Coming, ...]:
    word = word_of(row.severity, emergency=row.emergency)
    standing = Standing(row.step, row.taken, row.rounds)
    again = crew.ladder.climbs[word].again.total_seconds() / 60
    found = []
    if far == 1:
        steps = [take(crew, word, row.coordinator_id, standing, "", due_at)]
    else:
        steps = list(foretell(crew, word, row.coordinator_id, standing, due_at))[:far]
    for step in steps:
        names = tuple(crew.people[called.staff_id].name for called in step.called)
        if step.is_exhausted:
            note = f"everybody, and again every {again:g} min"
        elif step.is_held:
            note = step.passed[0].reason
        else:
            note = ", ".join(dict.fromkeys(f"{one.who}: {one.reason.rsplit(': ', 1)[-1]}" for one in step.passed))
        found.append(Coming(due_at, names, note))
        due_at = step.due_at
    return tuple(found)
