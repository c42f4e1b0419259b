"""Coverage: who is there for each open alert, what is lacking before the night shows it, and what could not be delivered."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query

from alerts import queries as alerts
from alerts.escalation import queries
from alerts.escalation.coverage import Cover, Lack, cover, preflight
from alerts.escalation.crews import load_crews
from alerts.escalation.outlook import Outlook, load_outlook
from alerts.escalation.queries import PageSent
from api.access import Administrator, SignedIn, record
from api.documented import PathId, Time, problems
from api.problems import Problem, not_found
from api.transaction import Now, Transaction
from messaging import queries as messaging
from messaging.notice import Notice

router = APIRouter(tags=["coverage"])


@dataclass(frozen=True, slots=True)
class Covered:
    """An open alert, and who is there for it."""

    #: random ids
    alert: str
    patient: str
    cover: Cover
    #: since when nobody has answered to the end of its ladder
    exhausted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """Who is there, and what is lacking."""

    alerts: list[Covered]
    lacks: list[Lack]


@dataclass(frozen=True, slots=True)
class Climbing:
    """What was done to reach somebody about an alert, and what comes next."""

    #: null where nobody was to be told of it
    outlook: Outlook | None
    pages: list[PageSent]


@dataclass(frozen=True, slots=True)
class Dead:
    """A message that was given up."""

    #: its number
    number: int
    channel: str
    recipient: str
    text: str
    reason: str
    attempts: int
    error: str | None
    planned_at: datetime
    given_up_at: datetime | None


@router.get("/coverage", responses=problems())
def get_coverage(who: SignedIn, conn: Transaction, now: Now) -> Coverage:
    """Say who is there for each open alert, and what will keep alerts from being answered."""
    record(conn, who, "read_coverage", "coverage", now)
    return load_coverage(conn, now)


def load_coverage(conn: Transaction, now: datetime) -> Coverage:
    """Return who is there for each open alert, and what is lacking."""
    owners = queries.list_open_owners(conn)
    crews = load_crews(conn, {owner.team_id for owner in owners} | set(queries.list_used_teams(conn)), now)
    covered = [
        Covered(
            owner.public_id,
            owner.patient,
            cover(crews[owner.team_id], owner.owner_id, owner.coordinator_id, now),
            owner.exhausted_at,
        )
        for owner in owners
    ]
    return Coverage(covered, preflight(crews, queries.list_uncoordinated(conn, 1000), now))


@router.get("/alerts/{public_id}/ladder", responses=problems(404))
def get_ladder(public_id: PathId, who: SignedIn, conn: Transaction, now: Now) -> Climbing:
    """Say who was paged about an alert, with receipts, and what happens next if nobody acts."""
    if (alert := alerts.find_alert(conn, public_id)) is None:
        raise not_found("alert")
    record(conn, who, "read_ladder", f"alert/{public_id}", now)
    return Climbing(load_outlook(conn, alert.id, now), queries.list_pages(conn, alert.id))


@router.get("/outbox/dead", responses=problems())
def list_dead(
    who: SignedIn,
    conn: Transaction,
    now: Now,
    since: Annotated[Time | None, Query(description="given up since then; left out, in the last 7 days")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[Dead]:
    """List the messages that were given up, latest first."""
    return [_dead(notice) for notice in messaging.list_dead(conn, since or now - timedelta(days=7), limit)]


@router.post("/outbox/dead/{number}/retry", status_code=204, responses=problems(404, 409))
def retry_dead(number: Annotated[int, Path(ge=1, le=2**62)], who: Administrator, conn: Transaction, now: Now) -> None:
    """Try a message again that was given up."""
    if not messaging.revive(conn, number, now):
        raise Problem(409, "not_dead", "no message with this number was given up; the list may be old")
    record(conn, who, "retry_message", f"outbox/{number}", now)


def _dead(notice: Notice) -> Dead:
    return Dead(
        notice.id, notice.channel, notice.recipient, notice.body, notice.reason, notice.attempts, notice.error,
        notice.created_at, notice.finished_at,
    )  # fmt: skip
