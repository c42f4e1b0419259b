"""The demonstration's team: its coordinator is on call day and night, and is paged on the console of `wardlight up`."""

from datetime import datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg import Connection

from alerts.escalation.queries import end_past
from care import teams
from care.queries import list_patients
from care.staff import Staff

_NAME: Final = "Demo team"
_LAYERS: Final = (1, 2)
_PAST: Final = "the past of a demonstration: nobody was told"


def gather_team(conn: Connection[Any], staff: Staff, now: datetime) -> None:
    """Have the team, once, and give it every patient who has none."""
    if any(team.name == _NAME for team in teams.list_teams(conn)):
        return
    team = teams.add_team(conn, name=_NAME, zone=staff.zone, lead_id=staff.id, phone="", now=now)
    teams.add_member(conn, team.id, staff.id, None, now)
    address = teams.add_address(conn, staff.id, "console", "", b"", now)
    teams.try_code(conn, staff.id, address.public_id, b"", now)
    today = now.astimezone(ZoneInfo(team.zone)).date()
    for layer in _LAYERS:
        for weekday in range(7):
            teams.add_window(
                conn, team.id, layer=layer, staff_id=staff.id, weekday=weekday, starts=time(0), ends=time(0), from_day=today,
                until_day=None, by=None, now=now,
            )  # fmt: skip
    for patient in list_patients(conn, limit=1000):
        teams.set_patient_team(conn, patient.id, team.id)


def leave_past(conn: Connection[Any], before: datetime, now: datetime) -> None:
    """End the ladders that began in the past: nobody is paged for what happened to made-up people last week."""
    end_past(conn, before, _PAST, now)
