"""The viewer's own account: display units, time zone, password."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from api import queries
from api.access import SignedIn, record
from api.documented import Zone, problems
from api.outside import OUTSIDE
from api.passwords import LONGEST, SHORTEST
from api.problems import Problem
from api.sessions import change_password
from api.transaction import Now, Transaction
from care import queries as care
from care.staff import GlucoseUnit, Staff, UnitSystem

router = APIRouter(prefix="/me", tags=["me"])


class Preferences(BaseModel):
    """How the viewer wants to see times and values; what is left out stays as it is."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"units": "us", "glucose_unit": "mg/dL", "zone": "America/Chicago"}}
    )
    units: UnitSystem = "metric"
    glucose_unit: GlucoseUnit = "mg/dL"
    zone: Zone = "UTC"


class PasswordChange(BaseModel):
    """The password there is and the one there shall be."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"current": "k7fq-2mxh-9ptw-c4ea", "new": "a long sentence of one's own"}}
    )
    current: str = Field(max_length=LONGEST)
    new: str = Field(min_length=SHORTEST, max_length=LONGEST)


@router.get("", responses=problems())
def me(who: SignedIn, conn: Transaction) -> Annotated[Staff, OUTSIDE]:
    """Return who is asking."""
    staff = care.find_staff(conn, who.public_id)
    assert staff is not None
    return staff


@router.patch("", responses=problems())
def set_preferences(body: Preferences, who: SignedIn, conn: Transaction, now: Now) -> Annotated[Staff, OUTSIDE]:
    """Keep the viewer's display units and time zone."""
    kept: dict[str, Any] = {"zone": who.zone, "units": who.units, "glucose_unit": who.glucose_unit}
    care.save_preferences(conn, who.staff_id, **kept | body.model_dump(exclude_unset=True))
    record(conn, who, "set_preferences", f"staff/{who.public_id}", now)
    return me(who, conn)


@router.post("/password", status_code=204, response_model=None, responses=problems(409))
def set_password(request: Request, body: PasswordChange, who: SignedIn, conn: Transaction, now: Now) -> Any:
    """Change the viewer's password; every other session of theirs ends."""
    message = change_password(conn, request.app.state.passwords, who.staff_id, current=body.current, new=body.new, now=now)
    if message is not None:
        # returned, not raised: the failed attempt counts
        return Problem(409, "wrong_password", message).response()
    queries.end_sessions_of(conn, who.staff_id, but=who.secret_hash)
    record(conn, who, "change_password", f"staff/{who.public_id}", now)
    return None
