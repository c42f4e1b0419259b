"""Who is on call: windows of every week, overrides, swaps, and the stretches of time that they come to."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.access import Administrator, SignedIn, record
from api.documented import Line, PathId, RandomId, Time, problems
from api.problems import Problem, not_found
from api.routes.teams import TeamTold, get_team, load, staff_id
from api.transaction import Now, Transaction
from care import teams
from care.on_call import spans
from care.team import HOURS, Schedule, Team

router = APIRouter(prefix="/teams", tags=["teams"])

_ONE, _OTHER = "3f0c9a52b7d14e8896a1c2d4", "96a1c2d43f0c9a52b7d14e88"
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2200, 1, 1))]
WallTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class WindowBody(BaseModel):
    """A time of every week."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "layer": 1,
                "staff": _ONE,
                "weekdays": [0, 1, 2],
                "starts": "20:00",
                "ends": "08:00",
            }
        },
    )
    layer: int = Field(ge=0, le=9, description="1 is called first; 0 are the team's hours, and takes nobody")
    staff: RandomId | None = None
    weekdays: list[Annotated[int, Field(ge=0, le=6)]] = Field(min_length=1, max_length=7, description="0 is Monday")
    starts: WallTime = Field(description="in the team's local time")
    ends: WallTime = Field(description="the next day where that is not later than `starts`")
    from_day: Day | None = Field(None, description="first day on which it may start; left out, today")
    until_day: Day | None = Field(None, description="first day on which it no longer starts")


class OverrideBody(BaseModel):
    """Somebody else, or nobody, for a stretch of time."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "layer": 1,
                "staff": _ONE,
                "starts_at": "2026-11-26T08:00:00-06:00",
                "ends_at": "2026-11-27T08:00:00-06:00",
                "reason": "holiday",
            }
        },
    )
    layer: int = Field(ge=1, le=9)
    staff: RandomId | None = Field(None, description="null: nobody is on call, which the reason explains")
    starts_at: Time
    ends_at: Time
    reason: Line


class SwapBody(BaseModel):
    """Two people take each other's time in a layer; each stretch is one in which the other would be on call."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "layer": 1,
                "first": {
                    "staff": _ONE,
                    "starts_at": "2026-11-26T08:00:00Z",
                    "ends_at": "2026-11-27T08:00:00Z",
                },
                "second": {
                    "staff": "96a1c2d43f0c9a52b7d14e88",
                    "starts_at": "2026-11-28T08:00:00Z",
                    "ends_at": "2026-11-29T08:00:00Z",
                },
                "reason": "swap",
            }
        },
    )

    class Stretch(BaseModel):
        """Who takes which time."""

        model_config = ConfigDict(extra="forbid")
        staff: RandomId
        starts_at: Time
        ends_at: Time

    layer: int = Field(ge=1, le=9)
    first: Stretch
    second: Stretch
    reason: Line


@dataclass(frozen=True, slots=True)
class Shift:
    """A stretch of time of one layer."""

    layer: int
    starts_at: datetime
    ends_at: datetime
    #: random id and name of who is on call, null where nobody is, or for hours
    staff: str | None
    name: str | None
    is_covered: bool
    #: why nobody is
    why: str


@router.post("/{public_id}/windows", status_code=201, responses=problems(404, 409))
def add_windows(public_id: PathId, body: WindowBody, who: Administrator, conn: Transaction, now: Now) -> TeamTold:
    """Put somebody on call, or set the team's hours, at a time of every week."""
    team = load(conn, public_id)
    if (body.layer == HOURS) != (body.staff is None):
        raise Problem(422, "invalid", "layer 0 are the team's hours and takes nobody; every other layer needs somebody")
    key = None if body.staff is None else staff_id(conn, body.staff)
    today = now.astimezone(ZoneInfo(team.zone)).date()
    if body.until_day is not None and body.until_day <= (body.from_day or today):
        raise Problem(422, "invalid", "until_day: the day from which on it no longer starts comes after the first")
    for weekday in sorted(set(body.weekdays)):
        teams.add_window(
            conn, team.id, layer=body.layer, staff_id=key, weekday=weekday, starts=time.fromisoformat(body.starts),
            ends=time.fromisoformat(body.ends), from_day=body.from_day or today, until_day=body.until_day, by=who.staff_id,
            now=now,
        )  # fmt: skip
    record(conn, who, "add_window", f"team/{public_id}", now, layer=body.layer, staff=body.staff)
    return get_team(public_id, who, conn, now)


@router.post("/{public_id}/windows/{window}/end", responses=problems(404))
def end_window(public_id: PathId, window: PathId, who: Administrator, conn: Transaction, now: Now) -> TeamTold:
    """Let a window start no more from today on; one that lasts ends at its end."""
    team = load(conn, public_id)
    today = now.astimezone(ZoneInfo(team.zone)).date()
    if not teams.end_window(conn, team.id, window, today, who.staff_id):
        raise not_found("window of this team that goes on")
    record(conn, who, "end_window", f"team/{public_id}", now, window=window)
    return get_team(public_id, who, conn, now)


@router.post("/{public_id}/overrides", status_code=201, responses=problems(404, 409))
def add_override(public_id: PathId, body: OverrideBody, who: SignedIn, conn: Transaction, now: Now) -> TeamTold:
    """Put somebody else, or nobody, on call for a stretch of time."""
    team = load(conn, public_id)
    key = None if body.staff is None else staff_id(conn, body.staff)
    _override(conn, team, body.layer, key, body.starts_at, body.ends_at, body.reason, who.staff_id, now)
    record(conn, who, "add_override", f"team/{public_id}", now, layer=body.layer, staff=body.staff)
    return get_team(public_id, who, conn, now)


@router.post("/{public_id}/swap", status_code=201, responses=problems(404, 409))
def swap(public_id: PathId, body: SwapBody, who: SignedIn, conn: Transaction, now: Now) -> TeamTold:
    """Let two people take each other's time: both stretches or none."""
    team = load(conn, public_id)
    for stretch in (body.first, body.second):
        key = staff_id(conn, stretch.staff)
        _override(conn, team, body.layer, key, stretch.starts_at, stretch.ends_at, body.reason, who.staff_id, now)
    record(conn, who, "swap", f"team/{public_id}", now, layer=body.layer, staff=[body.first.staff, body.second.staff])
    return get_team(public_id, who, conn, now)


@router.post("/{public_id}/overrides/{override}/remove", responses=problems(404))
def remove_override(public_id: PathId, override: PathId, who: SignedIn, conn: Transaction, now: Now) -> TeamTold:
    """Take an override back."""
    team = load(conn, public_id)
    if not teams.remove_override(conn, team.id, override, who.staff_id, now):
        raise not_found("override of this team")
    record(conn, who, "remove_override", f"team/{public_id}", now, override=override)
    return get_team(public_id, who, conn, now)


@router.get("/{public_id}/on-call", responses=problems(404))
def on_call(
    public_id: PathId,
    who: SignedIn,
    conn: Transaction,
    now: Now,
    since: Annotated[Time | None, Query(description="left out, now")] = None,
    days: Annotated[int, Query(ge=1, le=31)] = 7,
    layer: Annotated[
        Literal["all", "hours"] | None, Query(description="left out, the layers that somebody was put into")
    ] = None,
) -> list[Shift]:
    """List who is on call, gaps too, and with `layer=all` the team's hours."""
    team = load(conn, public_id)
    start = since or now
    schedule = teams.load_schedules(conn, [team], min(start, now))[team.id]
    layers = {None: schedule.layers, "all": (HOURS, *schedule.layers), "hours": (HOURS,)}[layer]
    return shifts(conn, schedule, layers, start, start + timedelta(days=days))


def shifts(conn: Transaction, schedule: Schedule, layers: tuple[int, ...], start: datetime, end: datetime) -> list[Shift]:
    """Return the stretches of some layers between two moments."""
    people = teams.load_reach(conn)
    found = []
    for one in layers:
        for span in spans(schedule, one, start, end):
            person = None if span.staff_id is None else people[span.staff_id]
            staff, name = (None, None) if person is None else (person.public_id, person.name)
            found.append(Shift(one, span.starts_at, span.ends_at, staff, name, span.is_covered, span.why))
    return found


def _override(
    conn: Transaction,
    team: Team,
    layer: int,
    key: int | None,
    starts: datetime,
    ends: datetime,
    reason: str,
    by: int,
    now: datetime,
) -> None:
    if ends <= starts:
        raise Problem(409, "ends_before_start", "it ends after it starts; turn the two around")
    teams.add_override(conn, team.id, layer=layer, staff_id=key, starts_at=starts, ends_at=ends, reason=reason, by=by, now=now)
