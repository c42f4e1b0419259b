"""Staff, as administrators manage them. A password is in one answer only: the one that made it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from api import accounts
from api.access import Administrator, SignedIn
from api.documented import Line, PathId, Zone, problems
from api.outside import OUTSIDE
from api.problems import Problem, not_found
from api.transaction import Now, Transaction
from care import queries
from care.staff import EmailTaken, LastAdministrator, Role, Staff

router = APIRouter(prefix="/staff", tags=["staff"])

StaffOut = Annotated[Staff, OUTSIDE]


class NewStaff(BaseModel):
    """Somebody who shall be able to sign in."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"email": "sam@clinic.example", "name": "Sam K.", "role": "coordinator"}}
    )
    email: str = Field(pattern=r"^[!-?A-~]+@[!-?A-~]+$", max_length=254, description="what they sign in with")
    name: Line
    role: Role = "coordinator"
    zone: Zone = "UTC"


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody with the password to hand over to them."""

    #: who it is
    staff: StaffOut
    #: shown this once
    password: str


@router.get("", responses=problems())
def list_staff(who: SignedIn, conn: Transaction) -> list[StaffOut]:
    """List everybody, disabled accounts too, by name."""
    return queries.list_staff(conn)


@router.post("", status_code=201, responses=problems(409))
def add_staff(request: Request, body: NewStaff, who: Administrator, conn: Transaction, now: Now) -> Account:
    """Add a member of staff. The password in the answer is shown this once; hand it over in person."""
    try:
        staff, password = accounts.open_account(
            conn,
            request.app.state.passwords,
            email=body.email,
            name=body.name,
            role=body.role,
            zone=body.zone,
            by=who.staff_id,
            now=now,
        )
    except EmailTaken:
        detail = "somebody already signs in with this e-mail address; reset their password instead"
        raise Problem(409, "email_taken", detail) from None
    return Account(staff, password)


@router.post("/{public_id}/disable", responses=problems(404, 409))
def disable(public_id: PathId, who: Administrator, conn: Transaction, now: Now) -> StaffOut:
    """Let somebody in no more; their sessions end at once and their API tokens stop working."""
    try:
        accounts.close_account(conn, _load(conn, public_id), by=who.staff_id, now=now)
    except LastAdministrator as error:
        raise Problem(409, "last_administrator", str(error)) from None
    return _load(conn, public_id)


@router.post("/{public_id}/enable", responses=problems(404))
def enable(public_id: PathId, who: Administrator, conn: Transaction, now: Now) -> StaffOut:
    """Let somebody in again, with the password they had."""
    accounts.reopen_account(conn, _load(conn, public_id), by=who.staff_id, now=now)
    return _load(conn, public_id)


@router.post("/{public_id}/reset", responses=problems(404))
def reset(request: Request, public_id: PathId, who: Administrator, conn: Transaction, now: Now) -> Account:
    """Give somebody a new password, shown this once, and end their sessions."""
    staff = _load(conn, public_id)
    return Account(staff, accounts.reset_password(conn, request.app.state.passwords, staff, by=who.staff_id, now=now))


def _load(conn: Transaction, public_id: str) -> Staff:
    if (staff := queries.find_staff(conn, public_id)) is None:
        raise not_found("member of staff")
    return staff
