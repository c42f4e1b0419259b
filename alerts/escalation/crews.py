"""Crews: loads whom the alerts of each team may go to, in a handful of queries whatever the number of alerts.

Takes the caller's connection and never commits. Decides nothing.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from alerts.escalation import queries
from alerts.escalation.ladder_data import Ladder, read_ladder, read_ladder_file
from alerts.escalation.plan import Crew
from care import teams
from care.team import Schedule


@cache
def shipped_ladder() -> Ladder:
    """Return the ladder of a team that has none of its own."""
    return read_ladder_file(Path(__file__).with_name("ladder.toml").read_text(encoding="utf-8"))


def load_crews(conn: Connection[Any], team_ids: Iterable[int | None], now: datetime) -> dict[int | None, Crew]:
    """Return the crew of each team, by key; None is everybody who may sign in, for patients without a team."""
    wanted = set(team_ids)
    people = teams.load_reach(conn)
    keys = [key for key in wanted if key is not None]
    found = teams.load_teams(conn, keys) if keys else {}
    schedules = teams.load_schedules(conn, found.values(), now) if found else {}
    ladders = queries.list_ladders(conn, keys) if keys else {}
    members = teams.list_members(conn, keys) if keys else {}
    crews: dict[int | None, Crew] = {
        key: Crew(
            f"team {team.name}",
            schedules[key],
            read_ladder(ladders[key]) if key in ladders else shipped_ladder(),
            team.lead_id,
            members.get(key, ()),
            people,
            team.phone,
        )
        for key, team in found.items()
    }
    if None in wanted:
        everybody = tuple(key for key, person in people.items() if person.is_enabled)
        crews[None] = Crew("", Schedule(ZoneInfo("UTC")), shipped_ladder(), None, everybody, people)
    return crews
