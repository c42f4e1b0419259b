"""Alerts: what needs a person, taken on by one, and closed with what it came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from alerts import actions, queries
from alerts.alert import Alert, AlertEvent
from alerts.explain import explain
from alerts.rejudge import Rejudged
from alerts.rejudging import rejudge_alert
from alerts.stories import load_story
from api.access import SignedIn, Viewer, record
from api.documented import PathId, RandomId, Remark, Text, Time, problems
from api.outside import OUTSIDE
from api.problems import Problem, not_found
from api.transaction import Now, Transaction
from care import queries as care
from devices.units import shown
from devices.vitals import Vital

router = APIRouter(prefix="/alerts", tags=["alerts"])

#: what a person may say an alert came to; alerts.alert.DISPOSITIONS has the words for each, and a test holds the two together
Disposition = Literal[
    "true_acted",
    "true_no_action",
    "false_artefact",
    "false_limit",
    "false_device",
    "already_known",
    "technique_taught",
    "unreachable",
    "duplicate",
]


class Given(BaseModel):
    """Who an alert is given to."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"staff": "3f0c9a52b7d14e8896a1c2d4"}})
    staff: RandomId = Field(description="random id of a member of staff who can sign in")


class Comment(BaseModel):
    """Something worth knowing about an alert."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"text": "daughter is with her until noon"}})
    text: Remark = Field(description="stays with the alert")


class Resolution(BaseModel):
    """What an alert came to."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"disposition": "true_acted", "note": "called; doubles the tablet"}},
    )
    disposition: Disposition
    note: Text = Field("", description="what else there is to say; stays with the alert")


@dataclass(frozen=True, slots=True)
class AlertSeen:
    """An alert and whose it is."""

    #: the episode
    alert: Annotated[Alert, OUTSIDE]
    #: random id of the patient
    patient: str
    #: random id of whoever took it on
    acknowledged_by: str | None
    #: random id of whoever closed it, null where it closed itself
    closed_by: str | None
    #: random id of whoever it was given to
    assigned_to: str | None


@dataclass(frozen=True, slots=True)
class AlertTold:
    """An alert with all that is known of it."""

    #: the alert and whose it is
    seen: AlertSeen
    #: why it is there, in plain words
    explanation: list[str]
    #: what happened to it, oldest first
    events: list[AlertEvent]
    #: what judging its readings again came to; null where that was not asked for, or where a clock judged it
    rejudged: Rejudged | None = None


@router.get("", responses=problems())
def list_alerts(
    who: SignedIn,
    conn: Transaction,
    now: Now,
    state: Literal["open", "closed"] = "open",
    since: Annotated[Time | None, Query(description="closed ones: closed since then; left out, in the last 24 hours")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="closed ones: how many at most")] = 200,
) -> list[AlertSeen]:
    """List all open alerts, emergency band first and then by the time left to respond; or closed ones, latest first."""
    closed_since = since or now - timedelta(days=1)
    found = queries.list_open(conn) if state == "open" else queries.list_closed(conn, closed_since, limit)
    record(conn, who, f"list_{state}_alerts", "alerts", now, count=len(found))
    return see(conn, found)


@router.get("/{public_id}", responses=problems(404))
def get_alert(
    public_id: PathId,
    who: SignedIn,
    conn: Transaction,
    now: Now,
    rejudge: Annotated[bool, Query(description="judge its readings again, by the rules it was judged with")] = False,
) -> AlertTold:
    """Return one alert with why it is there and what happened to it."""
    if (story := load_story(conn, public_id)) is None:
        raise not_found("alert")
    record(conn, who, "read_alert", f"alert/{public_id}", now)
    told = explain(story, ZoneInfo(who.zone), partial(_shown, who))
    again = rejudge_alert(conn, story.alert) if rejudge else None
    return AlertTold(see(conn, [story.alert])[0], told, list(story.events), again)


@router.post("/{public_id}/acknowledge", responses=problems(404))
def acknowledge(public_id: PathId, who: SignedIn, conn: Transaction, now: Now) -> AlertSeen:
    """Take an alert on. Somebody who already did keeps it."""
    alert = actions.acknowledge(conn, public_id, who.staff_id, now)
    if alert is None:
        raise not_found("alert")
    record(conn, who, "acknowledge", f"alert/{public_id}", now)
    return see(conn, [alert])[0]


@router.post("/{public_id}/unacknowledge", responses=problems(404, 409))
def unacknowledge(public_id: PathId, who: SignedIn, conn: Transaction, now: Now) -> AlertSeen:
    """Take back that you took an alert on; changes nothing once its condition has opened another one."""
    if _load(conn, public_id).acknowledged_by not in {None, who.staff_id}:
        raise Problem(409, "not_yours", "somebody else took this on, who alone can take that back")
    alert = actions.unacknowledge(conn, public_id, who.staff_id, now)
    if alert is None:
        raise not_found("alert")
    record(conn, who, "unacknowledge", f"alert/{public_id}", now)
    return see(conn, [alert])[0]


@router.post("/{public_id}/resolve", responses=problems(404, 409))
def resolve(public_id: PathId, body: Resolution, who: SignedIn, conn: Transaction, now: Now) -> AlertSeen:
    """Close an alert with what it came to. A condition that readings still hold within 4 hours opens it again."""
    before = _load(conn, public_id)
    alert = actions.resolve(conn, public_id, who.staff_id, body.disposition, body.note, now)
    if before.closed_at is not None or alert is None or alert.closed_by != who.staff_id:
        raise Problem(409, "already_closed", "this alert is closed already; look at what it came to")
    record(conn, who, "resolve", f"alert/{public_id}", now, disposition=body.disposition)
    return see(conn, [alert])[0]


@router.post("/{public_id}/assign", responses=problems(404, 409))
def assign(public_id: PathId, body: Given, who: SignedIn, conn: Transaction, now: Now) -> AlertSeen:
    """Give an alert to somebody, oneself too. It still waits to be acknowledged."""
    _need_open(_load(conn, public_id))
    to = care.find_staff(conn, body.staff)
    if to is None or to.disabled_at is not None:
        raise Problem(409, "unknown_staff", "nobody of this id can sign in; choose somebody from the list of staff")
    alert = actions.assign(conn, public_id, who.staff_id, now, to=to.id, name=to.name)
    assert alert is not None
    record(conn, who, "assign", f"alert/{public_id}", now, to=to.public_id)
    return see(conn, [alert])[0]


@router.post("/{public_id}/unassign", responses=problems(404, 409))
def unassign(public_id: PathId, who: SignedIn, conn: Transaction, now: Now) -> AlertSeen:
    """Take an alert from whom it was given to."""
    _need_open(_load(conn, public_id))
    alert = actions.unassign(conn, public_id, who.staff_id, now)
    assert alert is not None
    record(conn, who, "unassign", f"alert/{public_id}", now)
    return see(conn, [alert])[0]


@router.post("/{public_id}/comment", status_code=201, responses=problems(404))
def comment(public_id: PathId, body: Comment, who: SignedIn, conn: Transaction, now: Now) -> AlertSeen:
    """Write something down about an alert, open or closed."""
    alert = actions.comment(conn, public_id, who.staff_id, body.text, now)
    if alert is None:
        raise not_found("alert")
    record(conn, who, "comment", f"alert/{public_id}", now)
    return see(conn, [alert])[0]


def _need_open(alert: Alert) -> None:
    if alert.closed_at is not None:
        raise Problem(409, "already_closed", "this alert is closed already; look at what it came to")


def _shown(who: Viewer, vital: Vital, value: float) -> str:
    seen = shown(vital, value, who.units, who.glucose_unit)
    return f"{seen.text} {seen.unit}"


def _load(conn: Transaction, public_id: str) -> Alert:
    if (alert := queries.find_alert(conn, public_id)) is None:
        raise not_found("alert")
    return alert


def see(conn: Transaction, found: Sequence[Alert]) -> list[AlertSeen]:
    """Return alerts as the outside sees them: people by their random ids."""
    patients = care.load_patients(conn, sorted({alert.patient_id for alert in found}))
    staff = {each.id: each.public_id for each in care.list_staff(conn)}
    return [
        AlertSeen(
            alert,
            patients[alert.patient_id].public_id,
            staff.get(alert.acknowledged_by or 0),
            staff.get(alert.closed_by or 0),
            staff.get(alert.assigned_to or 0),
        )
        for alert in found
    ]
