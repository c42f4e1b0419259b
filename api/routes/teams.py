"""Care teams: members, hours, who is on call, overrides and swaps, and the ladder that alerts climb."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from alerts.escalation import queries as escalation
from alerts.escalation.crews import shipped_ladder
from alerts.escalation.ladder_data import LadderError, read_ladder, write_ladder
from api.access import Administrator, SignedIn, record
from api.documented import Line, PathId, RandomId, Text, Zone, problems
from api.outside import OUTSIDE
from api.problems import Problem, not_found
from api.transaction import Now, Transaction
from care import queries as care
from care import teams
from care.team import Override, Team, Window
from care.teams import TeamNameTaken

router = APIRouter(prefix="/teams", tags=["teams"])

TeamOut = Annotated[Team, OUTSIDE]
PhoneText = Annotated[str, StringConstraints(pattern=r"^[0-9+() -]{0,30}$")]


class TeamBody(BaseModel):
    """A team."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"name": "North", "zone": "America/Chicago", "lead": None, "phone": "+1 555 555 0100"}},
    )
    name: Line
    zone: Zone = "UTC"
    lead: RandomId | None = Field(None, description="one of /api/v1/staff")
    phone: PhoneText = Field("", description="what patients are told to call in its hours")


class MemberBody(BaseModel):
    """Somebody who joins."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"staff": "3f0c9a52b7d14e8896a1c2d4"}})
    staff: RandomId


class RungBody(BaseModel):
    """One step of a ladder."""

    model_config = ConfigDict(extra="forbid")
    who: list[Annotated[str, StringConstraints(pattern=r"^(coordinator|lead|everyone|on call [1-9])$")]] = Field(
        min_length=1, max_length=13
    )
    wait_minutes: float = Field(gt=0, le=10080)
    times: int = Field(1, ge=1, le=20)
    channels: list[Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,30}$")]] = Field(default=[], max_length=10)


class ClimbBody(BaseModel):
    """What happens to alerts of one urgency."""

    model_config = ConfigDict(extra="forbid")
    wakes: bool = Field(True, description="pages also while nobody is on duty")
    again_minutes: float = Field(gt=0, le=10080)
    remind_minutes: float = Field(gt=0, le=10080)
    steps: list[RungBody] = Field(min_length=1, max_length=20)


_CLIMB: Any = {
    "wakes": True,
    "again_minutes": 10,
    "remind_minutes": 30,
    "steps": [{"who": ["coordinator", "on call 1"], "wait_minutes": 5, "times": 2}, {"who": ["everyone"], "wait_minutes": 10}],
}


class LadderBody(BaseModel):
    """A ladder, whole."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"source": "agreed on 3 March", "emergency": _CLIMB, "high": _CLIMB, "medium": _CLIMB, "low": _CLIMB}
        },
    )
    source: Text = ""
    emergency: ClimbBody
    high: ClimbBody
    medium: ClimbBody
    low: ClimbBody


@dataclass(frozen=True, slots=True)
class WindowSeen:
    """A window, and whose it is."""

    window: Annotated[Window, OUTSIDE]
    #: random id and name of who is on call; null for hours
    staff: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class OverrideSeen:
    """An override, and whose it is."""

    override: Annotated[Override, OUTSIDE]
    staff: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class TeamTold:
    """A team with all that is set for it."""

    team: TeamOut
    #: random ids of its members
    members: list[str]
    windows: list[WindowSeen]
    overrides: list[OverrideSeen]
    #: the ladder that holds
    ladder: dict[str, Any]
    #: it is the one that Wardlight comes with
    is_shipped: bool


@router.get("", responses=problems())
def list_teams(who: SignedIn, conn: Transaction) -> list[TeamOut]:
    """List every team by name."""
    return teams.list_teams(conn)


@router.post("", status_code=201, responses=problems(409))
def add_team(body: TeamBody, who: Administrator, conn: Transaction, now: Now) -> TeamOut:
    """Add a team. It has the shipped ladder and nobody on call until that is set."""
    lead = None if body.lead is None else staff_id(conn, body.lead)
    try:
        team = teams.add_team(conn, name=body.name, zone=body.zone, lead_id=lead, phone=body.phone, now=now)
    except TeamNameTaken as error:
        raise Problem(409, "team_name_taken", str(error)) from None
    record(conn, who, "add_team", f"team/{team.public_id}", now)
    return team


@router.get("/{public_id}", responses=problems(404))
def get_team(public_id: PathId, who: SignedIn, conn: Transaction, now: Now) -> TeamTold:
    """Return a team with its members, windows, overrides and ladder."""
    team = load(conn, public_id)
    schedule = teams.load_schedules(conn, [team], now)[team.id]
    people = teams.load_reach(conn)
    members = teams.list_members(conn, [team.id]).get(team.id, ())
    own = escalation.list_ladders(conn, [team.id])
    today = now.astimezone(schedule.zone).date()
    ladder = own.get(team.id) or write_ladder(shipped_ladder())

    def named(key: int | None) -> tuple[str | None, str | None]:
        return (None, None) if key is None else (people[key].public_id, people[key].name)

    return TeamTold(
        team,
        [people[member].public_id for member in members],
        [
            WindowSeen(window, *named(window.staff_id))
            for window in schedule.windows
            if window.until_day is None or window.until_day > today
        ],
        [OverrideSeen(override, *named(override.staff_id)) for override in schedule.overrides],
        ladder,
        team.id not in own,
    )


@router.put("/{public_id}", responses=problems(404, 409))
def edit_team(public_id: PathId, body: TeamBody, who: Administrator, conn: Transaction, now: Now) -> TeamOut:
    """Write over a team's name, zone, lead and phone."""
    load(conn, public_id)
    lead = None if body.lead is None else staff_id(conn, body.lead)
    try:
        teams.edit_team(conn, public_id, name=body.name, zone=body.zone, lead_id=lead, phone=body.phone)
    except TeamNameTaken as error:
        raise Problem(409, "team_name_taken", str(error)) from None
    record(conn, who, "edit_team", f"team/{public_id}", now)
    return load(conn, public_id)


@router.post("/{public_id}/members", responses=problems(404, 409))
def add_member(public_id: PathId, body: MemberBody, who: Administrator, conn: Transaction, now: Now) -> TeamTold:
    """Take somebody into a team."""
    team = load(conn, public_id)
    teams.add_member(conn, team.id, staff_id(conn, body.staff), who.staff_id, now)
    record(conn, who, "add_member", f"team/{public_id}", now, staff=body.staff)
    return get_team(public_id, who, conn, now)


@router.post("/{public_id}/members/leave", responses=problems(404, 409))
def end_member(public_id: PathId, body: MemberBody, who: Administrator, conn: Transaction, now: Now) -> TeamTold:
    """Let somebody leave a team; their windows stay until they are ended."""
    team = load(conn, public_id)
    if not teams.end_member(conn, team.id, staff_id(conn, body.staff), who.staff_id, now):
        raise Problem(409, "not_a_member", "this member of staff does not belong to the team")
    record(conn, who, "end_member", f"team/{public_id}", now, staff=body.staff)
    return get_team(public_id, who, conn, now)


@router.put("/{public_id}/ladder", responses=problems(404))
def set_ladder(public_id: PathId, body: LadderBody, who: Administrator, conn: Transaction, now: Now) -> TeamTold:
    """Give a team a new version of its ladder; alerts that climb already go on by it."""
    team = load(conn, public_id)
    before = escalation.list_ladders(conn, [team.id]).get(team.id, {"version": shipped_ladder().version})
    try:
        ladder = read_ladder({"version": int(before["version"]) + 1, **body.model_dump()})
    except LadderError as error:
        raise Problem(422, "invalid", str(error)) from None
    escalation.add_ladder(conn, team.id, write_ladder(ladder), who.staff_id, now)
    record(conn, who, "set_ladder", f"team/{public_id}", now, version=ladder.version)
    return get_team(public_id, who, conn, now)


def load(conn: Transaction, public_id: str) -> Team:
    """Return the team with this random id. Raises a 404 problem."""
    if (team := teams.find_team(conn, public_id)) is None:
        raise not_found("team")
    return team


def staff_id(conn: Transaction, public_id: str) -> int:
    """Return the key of a member of staff who may sign in. Raises a 409 problem."""
    staff = care.find_staff(conn, public_id)
    if staff is None or staff.disabled_at is not None:
        raise Problem(409, "unknown_staff", "nobody who may sign in has this id; GET /api/v1/staff lists everybody")
    return staff.id
