"""Scorecards: how rules have done with people, per rule and programme, and personal baselines beside fixed limits."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from psycopg import Connection

from alerts.backtest import queries
from alerts.backtest.scorecard import Pair, Scorecard, pairs, scorecards
from alerts.rules import RuleSet
from api.access import SignedIn, record
from api.documented import problems
from api.engine import rules_in_force
from api.transaction import Now, Transaction

router = APIRouter(prefix="/scorecards", tags=["rules"])


@dataclass(frozen=True, slots=True)
class Card:
    """One rule over the patients of one programme."""

    #: the rule's name
    rule: str
    #: a programme, or "all"
    programme: str
    #: alerts that opened, patients they were about, and the days over which those were watched who might have had one
    alerts: int
    patients: int
    patient_days: float
    alerts_per_patient_day: float
    #: of the alerts that people judged true or false, how many were true; share and 95 % interval are null where none was
    true: int
    judged: int
    precision: float | None
    precision_low: float | None
    precision_high: float | None
    #: how many were acknowledged, and after how many seconds: half of them, and nine of ten
    acknowledged: int
    acknowledged_median: float | None
    acknowledged_p90: float | None
    #: how many had their page held for a second measurement, and how many were not shown or not sent when they opened
    rechecked: int
    suppressed: int


@dataclass(frozen=True, slots=True)
class Beside:
    """A personal baseline beside the fixed limit on the same vital, on the patients whom both judge."""

    baseline: Card
    fixed: Card


@dataclass(frozen=True, slots=True)
class Scorecards:
    """The cards of a time."""

    since: datetime
    until: datetime
    cards: list[Card]
    baselines: list[Beside]


@router.get("", responses=problems())
def list_scorecards(
    request: Request,
    who: SignedIn,
    conn: Transaction,
    now: Now,
    days: Annotated[int, Query(ge=1, le=366, description="how many days back are counted")] = 90,
) -> Scorecards:
    """Say how each rule has done. Synthetic patients are left out."""
    since = now - timedelta(days=days)
    cards, beside = load_scorecards(conn, rules_in_force(request, conn), since, now)
    record(conn, who, "list_scorecards", "scorecards", now, days=days)
    return Scorecards(
        since, now, [_card(one) for one in cards], [Beside(_card(one.baseline), _card(one.fixed)) for one in beside]
    )


def load_scorecards(
    conn: Connection[Any], rules: RuleSet, since: datetime, until: datetime
) -> tuple[list[Scorecard], list[Pair]]:
    """Return the cards of a time, and the pairs of personal baselines and fixed limits."""
    alerts, watched = queries.list_scored(conn, since, until), queries.list_watched(conn, since, until)
    return scorecards(alerts, watched), pairs(rules.rules, alerts, watched)


def _card(one: Scorecard) -> Card:
    low, high = one.precision.interval or (None, None)
    return Card(
        rule=one.rule,
        programme=one.programme,
        alerts=one.alerts,
        patients=one.patients,
        patient_days=round(one.patient_days, 2),
        alerts_per_patient_day=round(one.per_patient_day, 5),
        true=one.precision.true,
        judged=one.precision.judged,
        precision=one.precision.share,
        precision_low=low,
        precision_high=high,
        acknowledged=one.acknowledged,
        acknowledged_median=one.median_seconds,
        acknowledged_p90=one.p90_seconds,
        rechecked=one.rechecked,
        suppressed=one.suppressed,
    )
