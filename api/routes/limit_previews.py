"""A patient's own limit, tried on their own readings before it is set."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query
from psycopg import Connection
from pydantic import BaseModel, ConfigDict, Field

from alerts.backtest.stored import TooMuch, try_limit
from alerts.rule_files import RuleError
from alerts.rules import RuleSet
from api.access import SignedIn, Viewer, record
from api.documented import PathId, problems
from api.engine import InForce
from api.problems import Problem
from api.routes.patients import load_patient
from api.routes.rules import find_rule
from api.transaction import Now, Transaction

router = APIRouter(prefix="/patients/{public_id}", tags=["limits"])

_LISTED: Final = 100
_DAYS: Final = 90


class Wanted(BaseModel):
    """The limit that is tried."""

    model_config = ConfigDict(extra="forbid")
    limit: float = Field(allow_inf_nan=False, ge=-1e6, le=1e6, description="in the rule's unit")
    days: int = Field(_DAYS, ge=1, le=366, description="how many days back are counted")


@dataclass(frozen=True, slots=True)
class LimitTried:
    """What a limit would have done with one patient's readings."""

    rule: str
    limit: float
    days: int
    #: what judges now beside the limit that is tried, and the episodes gained, lost and kept (docs/backtest.md)
    figures: dict[str, Any]


@router.get("/limits/preview", responses=problems(404, 409))
def preview_limit(
    public_id: PathId,
    who: SignedIn,
    conn: Transaction,
    now: Now,
    rules: InForce,
    rule: Annotated[str, Query(pattern=r"^[a-z][a-z0-9_]{0,80}$")],
    limit: Annotated[float, Query(allow_inf_nan=False, ge=-1e6, le=1e6, description="in the rule's unit")],
    days: Annotated[int, Query(ge=1, le=366, description="how many days back are counted")] = _DAYS,
) -> LimitTried:
    """Play a patient's readings as if a rule had had this limit for them all along. Changes nothing."""
    return run(conn, rules, public_id, rule, Wanted(limit=limit, days=days), who, now)


def run(
    conn: Connection[Any], rules: RuleSet, public_id: str, rule: str, wanted: Wanted, who: Viewer, now: datetime
) -> LimitTried:
    """Try a limit and return what it showed. Raises Problem."""
    patient, judged = load_patient(conn, public_id), find_rule(rules, rule)
    if judged.limit is None:
        raise Problem(409, "limit_refused", "this rule has no limit that a patient's own could stand in for")
    try:
        trial = try_limit(conn, rules, judged, wanted.limit, patient.public_id, now - timedelta(days=wanted.days), now)
    except RuleError as error:
        raise Problem(409, "limit_refused", str(error)) from None
    except TooMuch as error:
        raise Problem(409, "too_much_history", str(error)) from None
    record(conn, who, "preview_limit", f"patient/{public_id}", now, rule=rule)
    figures: dict[str, Any] = msgspec.to_builtins(trial.as_json(lambda _: patient.public_id, _LISTED, rule))
    return LimitTried(rule, wanted.limit, wanted.days, figures)
