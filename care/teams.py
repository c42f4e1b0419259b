"""What `care` asks the database about teams, their schedules, and how staff are reached.

Every function takes the caller's connection first and never commits; keys inside, random ids outside.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row, dict_row

from care.team import Address, Override, Reach, Schedule, Team, Window
from database.sql import load_sql

SQL: Final = load_sql(__file__, "teams.sql")
_TEAMS: Final = SQL["teams"] + "\n"


class TeamNameTaken(ValueError):
    """Another team already has this name."""


def list_teams(conn: Connection[Any]) -> list[Team]:
    """Return every team by name."""
    with conn.cursor(row_factory=class_row(Team)) as cursor:
        return cursor.execute(_TEAMS + SQL["teams_by_name"]).fetchall()


def find_team(conn: Connection[Any], public_id: str) -> Team | None:
    """Return the team with this random id."""
    with conn.cursor(row_factory=class_row(Team)) as cursor:
        return cursor.execute(_TEAMS + SQL["team_by_public_id"], {"public_id": public_id}).fetchone()


def load_teams(conn: Connection[Any], ids: Collection[int]) -> dict[int, Team]:
    """Return the teams with these keys, by key."""
    with conn.cursor(row_factory=class_row(Team)) as cursor:
        return {team.id: team for team in cursor.execute(_TEAMS + SQL["teams_by_key"], {"ids": list(ids)})}


def add_team(conn: Connection[Any], *, name: str, zone: str, lead_id: int | None, phone: str, now: datetime) -> Team:
    """Add a team. Raises TeamNameTaken; the caller's transaction stays usable."""
    values = {"name": name, "zone": zone, "lead_id": lead_id, "phone": phone, "now": now}
    try:
        with conn.transaction():
            row = conn.execute(SQL["add_team"], values).fetchone()
    except UniqueViolation:
        raise TeamNameTaken("another team already has this name") from None
    assert row is not None
    team = find_team(conn, row[0])
    assert team is not None
    return team


def edit_team(conn: Connection[Any], public_id: str, *, name: str, zone: str, lead_id: int | None, phone: str) -> None:
    """Write over what is known of a team. Raises TeamNameTaken; the caller's transaction stays usable."""
    values = {"public_id": public_id, "name": name, "zone": zone, "lead_id": lead_id, "phone": phone}
    try:
        with conn.transaction():
            conn.execute(SQL["edit_team"], values)
    except UniqueViolation:
        raise TeamNameTaken("another team already has this name") from None


def add_member(conn: Connection[Any], team_id: int, staff_id: int, by: int | None, now: datetime) -> None:
    """Take somebody into a team; who is there already stays."""
    conn.execute(SQL["add_member"], {"team_id": team_id, "staff_id": staff_id, "by": by, "now": now})


def end_member(conn: Connection[Any], team_id: int, staff_id: int, by: int, now: datetime) -> bool:
    """Let somebody leave a team; return whether they were in it."""
    values = {"team_id": team_id, "staff_id": staff_id, "by": by, "now": now}
    return conn.execute(SQL["end_member"], values).rowcount == 1


def list_members(conn: Connection[Any], team_ids: Collection[int]) -> dict[int, tuple[int, ...]]:
    """Return the keys of each team's members."""
    found: dict[int, tuple[int, ...]] = defaultdict(tuple)
    for team_id, staff_id in conn.execute(SQL["list_members"], {"team_ids": list(team_ids)}):
        found[team_id] += (staff_id,)
    return found


def load_schedules(conn: Connection[Any], teams: Collection[Team], since: datetime) -> dict[int, Schedule]:
    """Return the schedules of teams, by key: what still matters at `since` or later."""
    values = {"team_ids": [team.id for team in teams], "since": since - timedelta(days=2)}
    windows: dict[int, tuple[Window, ...]] = defaultdict(tuple)
    overrides: dict[int, tuple[Override, ...]] = defaultdict(tuple)
    with conn.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(SQL["list_windows"], values):
            windows[row.pop("team_id")] += (Window(**row),)
        for row in cursor.execute(SQL["list_overrides"], values):
            overrides[row.pop("team_id")] += (Override(**row),)
    return {team.id: Schedule(ZoneInfo(team.zone), windows[team.id], overrides[team.id]) for team in teams}


def add_window(
    conn: Connection[Any], team_id: int, *, layer: int, staff_id: int | None, weekday: int, starts: time, ends: time,
    from_day: date, until_day: date | None, by: int | None, now: datetime,
) -> Window:  # fmt: skip
    """Put somebody on call every week; the layer of hours takes nobody."""
    values = {
        "team_id": team_id, "layer": layer, "staff_id": staff_id, "weekday": weekday, "starts": starts, "ends": ends,
        "from_day": from_day, "until_day": until_day, "by": by, "now": now,
    }  # fmt: skip
    with conn.cursor(row_factory=class_row(Window)) as cursor:
        window = cursor.execute(SQL["add_window"], values).fetchone()
    assert window is not None
    return window


def end_window(conn: Connection[Any], team_id: int, public_id: str, until_day: date, by: int) -> bool:
    """Let a window start no more from a local day on; return whether it would have."""
    values = {"team_id": team_id, "public_id": public_id, "until_day": until_day, "by": by}
    return conn.execute(SQL["end_window"], values).rowcount == 1


def add_override(
    conn: Connection[Any], team_id: int, *, layer: int, staff_id: int | None, starts_at: datetime, ends_at: datetime,
    reason: str, by: int | None, now: datetime,
) -> Override:  # fmt: skip
    """Put somebody else, or nobody, on call for a stretch of time."""
    values = {
        "team_id": team_id, "layer": layer, "staff_id": staff_id, "starts_at": starts_at, "ends_at": ends_at,
        "reason": reason, "by": by, "now": now,
    }  # fmt: skip
    with conn.cursor(row_factory=class_row(Override)) as cursor:
        override = cursor.execute(SQL["add_override"], values).fetchone()
    assert override is not None
    return override


def remove_override(conn: Connection[Any], team_id: int, public_id: str, by: int, now: datetime) -> bool:
    """Take an override back; return whether it was there."""
    values = {"team_id": team_id, "public_id": public_id, "by": by, "now": now}
    return conn.execute(SQL["remove_override"], values).rowcount == 1


def load_reach(conn: Connection[Any]) -> dict[int, Reach]:
    """Return everybody with their verified addresses, by key, in order of their names."""
    return {
        staff_id: Reach(staff_id, public_id, name, is_enabled, tuple(zip(channels, addresses, strict=True)))
        for staff_id, public_id, name, is_enabled, channels, addresses in conn.execute(SQL["load_reach"])
    }


def set_patient_team(conn: Connection[Any], patient_id: int, team_id: int | None) -> None:
    """Give a patient to a team, or to none."""
    conn.execute(SQL["set_patient_team"], {"patient_id": patient_id, "team_id": team_id})


def set_emergency_contact(conn: Connection[Any], patient_id: int, text: str) -> None:
    """Keep who is called where the patient cannot be reached."""
    conn.execute(SQL["set_emergency_contact"], {"patient_id": patient_id, "text": text})


def find_care(conn: Connection[Any], patient_id: int) -> tuple[str | None, str | None, str]:
    """Return a patient's team (random id, name; None where there is none) and emergency contact."""
    row = conn.execute(SQL["find_care"], {"patient_id": patient_id}).fetchone()
    return (None, None, "") if row is None else (row[0], row[1], row[2])


def list_addresses(conn: Connection[Any], staff_id: int) -> list[Address]:
    """Return where a member of staff is reached, unverified addresses too."""
    with conn.cursor(row_factory=class_row(Address)) as cursor:
        return cursor.execute(SQL["list_addresses"], {"staff_id": staff_id}).fetchall()


def add_address(conn: Connection[Any], staff_id: int, channel: str, address: str, code_hash: bytes, now: datetime) -> Address:
    """Write an address down; nothing is sent there before its owner types in the code."""
    values = {"staff_id": staff_id, "channel": channel, "address": address, "code_hash": code_hash, "now": now}
    with conn.cursor(row_factory=class_row(Address)) as cursor:
        added = cursor.execute(SQL["add_address"], values).fetchone()
    assert added is not None
    return added


def try_code(conn: Connection[Any], staff_id: int, public_id: str, code_hash: bytes, now: datetime) -> bool | None:
    """Verify an address by its code; None where there is no such address, or no try is left."""
    values = {"staff_id": staff_id, "public_id": public_id, "code_hash": code_hash, "now": now}
    row = conn.execute(SQL["try_code"], values).fetchone()
    return None if row is None else bool(row[0])


def remove_address(conn: Connection[Any], staff_id: int, public_id: str, now: datetime) -> bool:
    """Send nothing to an address any more; return whether it was there."""
    values = {"staff_id": staff_id, "public_id": public_id, "now": now}
    return conn.execute(SQL["remove_address"], values).rowcount == 1
