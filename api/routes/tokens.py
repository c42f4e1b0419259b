"""API tokens, as administrators manage them. A token's secret is in one answer only: the one that made it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from api import queries
from api.access import Administrator, record
from api.documented import Line, RandomId, Time, problems
from api.problems import Problem, not_found
from api.records import Scope, Token
from api.tokens import hash_token, new_token
from api.transaction import Now, Transaction
from care import queries as care

router = APIRouter(prefix="/tokens", tags=["tokens"])


class NewToken(BaseModel):
    """A token that a programme shall hold."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "prometheus", "scope": "metrics"}})
    name: Line
    scope: Scope
    staff: RandomId | None = Field(None, description="for whom a token of scope 'api' acts; left out, for yourself")
    expires_at: Time | None = None


@dataclass(frozen=True, slots=True)
class Secret:
    """A token that was just made."""

    #: number to revoke it by
    id: int
    #: what goes into `Authorization: Bearer …`; shown this once
    token: str


@router.get("", responses=problems())
def list_tokens(who: Administrator, conn: Transaction) -> list[Token]:
    """List every token, revoked ones too; the secrets are not kept."""
    return queries.list_tokens(conn)


@router.post("", status_code=201, responses=problems(409))
def add_token(body: NewToken, who: Administrator, conn: Transaction, now: Now) -> Secret:
    """Make a token. The secret in the answer is shown this once."""
    acting = who.staff_id
    if body.staff is not None:
        if (staff := care.find_staff(conn, body.staff)) is None:
            raise Problem(409, "unknown_staff", "there is no such member of staff for the token to act for")
        acting = staff.id
    token = new_token()
    number = queries.add_token(
        conn,
        token_hash=hash_token(token),
        name=body.name,
        scope=body.scope,
        staff_id=acting if body.scope == "api" else None,
        now=now,
        expires_at=body.expires_at,
    )
    record(conn, who, "add_token", f"token/{number}", now, scope=body.scope)
    return Secret(number, token)


@router.post("/{number}/revoke", status_code=204, responses=problems(404))
def revoke_token(number: Annotated[int, Path(ge=1, le=2**31 - 1)], who: Administrator, conn: Transaction, now: Now) -> None:
    """Make a token useless at once."""
    if not queries.revoke_token(conn, number, now):
        raise not_found("token")
    record(conn, who, "revoke_token", f"token/{number}", now)
