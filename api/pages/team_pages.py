"""Who is on call: every team now, a team's week, its people and ladder, what is lacking, and what could not be delivered.

An edge. Forms go through the functions of the JSON interface, so that both do the same thing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import Response

from alerts.escalation import queries as escalation
from alerts.escalation.crews import load_crews
from alerts.escalation.ladder_data import WORDS
from alerts.escalation.plan import Crew
from api.access import Administrator, Form, SignedIn, record
from api.pages.forms import done, fill, local_time
from api.pages.frame import show
from api.pages.people_pages import zones
from api.pages.rota import steps_in_words, week
from api.problems import Problem
from api.routes import coverage, on_call, teams
from api.transaction import Now, Transaction
from care import queries as care
from care import teams as care_teams
from care.on_call import Duty, spans
from care.on_call import on_call as who_is_on_call
from care.team import HOURS, WEEKDAYS
from messaging import queries as messaging

router = APIRouter(include_in_schema=False)

_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class LayerNow:
    """Who is on call in one layer now."""

    title: str
    #: name of who is; None in a gap
    who: str | None
    until: datetime | None
    why: str


@router.get("/teams")
def teams_page(request: Request, who: SignedIn, conn: Transaction, now: Now) -> Response:
    """Show who is on call in every team now, and what would keep an alert from being answered."""
    every = care_teams.list_teams(conn)
    crews = load_crews(conn, [team.id for team in every], now)
    told = coverage.load_coverage(conn, now)
    count, since = escalation.count_exhausted(conn)
    record(conn, who, "read_coverage", "coverage", now)
    without = next((lack.patients for lack in told.lacks if lack.kind == "coordinator"), ())[:8]
    uncoordinated = [patient for public_id in without if (patient := care.find_patient(conn, public_id)) is not None]
    uncovered = [one for one in told.alerts if one.cover.owner is None]
    return show(
        request, conn, who, now, "teams.html", active="/teams",
        teams=[(team, layers_now(crews[team.id], now)) for team in every], lacks=told.lacks, uncovered=uncovered,
        covered=len(told.alerts) - len(uncovered), exhausted=count, exhausted_since=since, zones=zones(),
        uncoordinated=uncoordinated, dead=messaging.list_dead(conn, now - timedelta(days=7), 50), everybody=_able(conn),
    )  # fmt: skip


@router.post("/teams")
def add_team(who: Administrator, conn: Transaction, now: Now, form: Form, request: Request) -> Response:
    """Add a team."""
    given = {name: form.get(name, "").strip() for name in ("name", "zone", "phone")} | {"lead": form.get("lead") or None}
    team = teams.add_team(fill(teams.TeamBody, given), who, conn, now)
    return done(request, form, f"/teams/{team.public_id}")


@router.post("/teams/dead/{number}/retry")
def retry_dead(request: Request, number: int, who: Administrator, conn: Transaction, now: Now, form: Form) -> Response:
    """Try a message again that was given up."""
    coverage.retry_dead(number, who, conn, now)
    return done(request, form, "/teams")


@router.get("/teams/{public_id}")
def team_page(request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now) -> Response:
    """Show a team: its week, its people, its ladder."""
    team = teams.load(conn, public_id)
    crew = load_crews(conn, [team.id], now)[team.id]
    zone = ZoneInfo(team.zone)
    first = now.astimezone(zone).date()
    layers = (*((HOURS,) if crew.schedule.has_hours else ()), *crew.schedule.layers)
    start = now - timedelta(days=1)
    stretches = [spans(crew.schedule, layer, start, now + timedelta(days=_DAYS + 1)) for layer in layers]
    if layers[:1] == (HOURS,):
        stretches[0] = [span for span in stretches[0] if span.is_covered]
    names = {key: person.name for key, person in crew.people.items()}
    told = teams.get_team(public_id, who, conn, now)
    return show(
        request, conn, who, now, "team.html", active="/teams", team=team, told=told,
        titles=[title_of(layer) for layer in layers], week=week(stretches, names, zone, first, _DAYS, now),
        now_on=layers_now(crew, now), members=[crew.people[key] for key in crew.members], everybody=_able(conn),
        ladder=[(word, steps_in_words(crew.ladder.climbs[word]), crew.ladder.climbs[word].wakes) for word in WORDS],
        weekdays=WEEKDAYS, weekly=in_groups(told.windows),
    )  # fmt: skip


@router.post("/teams/{public_id}/members")
def add_member(request: Request, public_id: str, who: Administrator, conn: Transaction, now: Now, form: Form) -> Response:
    """Take somebody into a team."""
    teams.add_member(public_id, fill(teams.MemberBody, {"staff": form.get("staff", "")}), who, conn, now)
    return done(request, form, f"/teams/{public_id}")


@router.post("/teams/{public_id}/leave")
def end_member(request: Request, public_id: str, who: Administrator, conn: Transaction, now: Now, form: Form) -> Response:
    """Let somebody leave a team."""
    teams.end_member(public_id, fill(teams.MemberBody, {"staff": form.get("staff", "")}), who, conn, now)
    return done(request, form, f"/teams/{public_id}")


@router.post("/teams/{public_id}/windows")
def add_windows(request: Request, public_id: str, who: Administrator, conn: Transaction, now: Now, form: Form) -> Response:
    """Put somebody on call at a time of every week."""
    days = [number for number in range(len(WEEKDAYS)) if form.get(f"day{number}")]
    given = {"layer": form.get("layer", ""), "staff": form.get("staff") or None, "weekdays": days}
    given |= {"starts": form.get("starts", ""), "ends": form.get("ends", "")}
    on_call.add_windows(public_id, fill(on_call.WindowBody, given), who, conn, now)
    return done(request, form, f"/teams/{public_id}")


@router.post("/teams/{public_id}/windows/end")
def end_windows(request: Request, public_id: str, who: Administrator, conn: Transaction, now: Now, form: Form) -> Response:
    """Let some windows start no more."""
    for window in form.get("windows", "").split(","):
        on_call.end_window(public_id, window, who, conn, now)
    return done(request, form, f"/teams/{public_id}")


@router.post("/teams/{public_id}/overrides")
def add_override(request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Put somebody else, or nobody, on call for a while; times are said in the team's zone."""
    zone = ZoneInfo(teams.load(conn, public_id).zone)
    given = {"layer": form.get("layer", ""), "staff": form.get("staff") or None, "reason": form.get("reason", "")}
    for name in ("starts_at", "ends_at"):
        if (at := local_time(form.get(name, ""), zone)) is None:
            raise Problem(422, "invalid", "say from when and until when")
        given[name] = at.astimezone(UTC).isoformat()
    on_call.add_override(public_id, fill(on_call.OverrideBody, given), who, conn, now)
    return done(request, form, f"/teams/{public_id}")


@router.post("/teams/{public_id}/overrides/{override}/remove")
def remove_override(
    request: Request, public_id: str, override: str, who: SignedIn, conn: Transaction, now: Now, form: Form
) -> Response:
    """Take an override back."""
    on_call.remove_override(public_id, override, who, conn, now)
    return done(request, form, f"/teams/{public_id}")


def in_groups(windows: list[teams.WindowSeen]) -> list[tuple[str, teams.WindowSeen, str]]:
    """Return (days, one of them, their random ids) of windows that differ in the day alone."""
    groups: dict[tuple[object, ...], list[teams.WindowSeen]] = {}
    for seen in windows:
        one = seen.window
        groups.setdefault((one.layer, seen.staff, one.starts, one.ends, one.from_day, one.until_day), []).append(seen)
    found = []
    for members in groups.values():
        days = sorted({seen.window.weekday for seen in members})
        is_run = len(days) > 2 and days[-1] - days[0] == len(days) - 1
        names = [WEEKDAYS[day][:3] for day in days]
        said = "every day" if len(days) == len(WEEKDAYS) else f"{names[0]}–{names[-1]}" if is_run else ", ".join(names)
        found.append((said, members[0], ",".join(seen.window.public_id for seen in members)))
    return found


def title_of(layer: int) -> str:
    """Return what a layer is called."""
    return "Team at work" if layer == HOURS else f"On call {layer}"


def layers_now(crew: Crew, now: datetime) -> list[LayerNow]:
    """Return who is on call in each layer that the ladder pages or that anybody was put into."""
    found = []
    for layer in sorted({*crew.schedule.layers, *crew.ladder.layers}):
        answer = who_is_on_call(crew.schedule, layer, now)
        if isinstance(answer, Duty) and answer.staff_id is not None:
            found.append(LayerNow(title_of(layer), crew.people[answer.staff_id].name, answer.until, ""))
        elif not isinstance(answer, Duty):
            found.append(LayerNow(title_of(layer), None, answer.until, answer.why))
    return found


def _able(conn: Transaction) -> list[object]:
    return [staff for staff in care.list_staff(conn) if staff.disabled_at is None]
