"""Quarantine: what could not be taken, with its reason, and taking it once more after a fix or a late assignment."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.access import SignedIn, record
from api.documented import RandomId, problems
from api.engine import Committing
from api.outside import OUTSIDE
from api.transaction import Now, Transaction
from ingest.quarantine import Retried, retry
from ingest.queries import Quarantined, list_quarantined

router = APIRouter(prefix="/quarantine", tags=["quarantine"])


class Retry(BaseModel):
    """What to take once more."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"ids": ["3f0c9a52b7d14e8896a1c2d4"]}})
    ids: list[RandomId] = Field(min_length=1, max_length=200)


@router.get("", responses=problems())
def list_open(
    who: SignedIn, conn: Transaction, now: Now, limit: Annotated[int, Query(ge=1, le=1000)] = 200
) -> list[Annotated[Quarantined, OUTSIDE]]:
    """List what lies in quarantine, latest first. What is not UTF-8 in a payload shows as U+FFFD; every byte is kept."""
    record(conn, who, "list_quarantine", "quarantine", now)
    return list_quarantined(conn, limit)


@router.post("/retry", responses=problems())
def take_again(body: Retry, who: SignedIn, conn: Transaction, now: Now, committer: Committing) -> Retried:
    """Take these once more, each as if it arrived when it first did; what was settled already is left out."""
    retried = retry(conn, committer, body.ids, now)
    record(conn, who, "retry_quarantine", "quarantine", now, ids=body.ids)
    return retried
