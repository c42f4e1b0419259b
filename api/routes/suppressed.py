"""Suppressed: every alert that was not shown or not sent, with reason, owner and end (I9)."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from alerts.triage.ledger import Entry, list_entries
from api.access import SignedIn, record
from api.documented import RandomId, Time, Word, problems
from api.outside import OUTSIDE
from api.problems import Problem
from api.transaction import Now, Transaction
from care.queries import find_patient

router = APIRouter(prefix="/suppressed", tags=["suppressed"])


@router.get("", responses=problems(409))
def list_suppressed(
    who: SignedIn,
    conn: Transaction,
    now: Now,
    state: Literal["current", "ended"] = "current",
    patient: Annotated[RandomId | None, Query(description="of this patient only")] = None,
    kind: Annotated[Word | None, Query(description="of this sort only, such as silenced, inhibited, recheck or low")] = None,
    since: Annotated[Time | None, Query(description="ended ones: ended since then; left out, in the last 24 hours")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[Annotated[Entry, OUTSIDE]]:
    """List what is suppressed now, the soonest end first; or what was, the latest end first."""
    person = find_patient(conn, patient) if patient else None
    if patient and person is None:
        raise Problem(409, "unknown_patient", "there is no patient of this id")
    found = list_entries(
        conn,
        is_current=state == "current",
        since=since or now - timedelta(days=1),
        limit=limit,
        patient_id=person.id if person else None,
        kind=kind,
    )
    record(conn, who, "list_suppressed", "suppressed", now, count=len(found))
    return found
