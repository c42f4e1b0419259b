"""Hand-over at the end of a shift: item by item, and each stays with whoever has it until the other one accepts it."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from alerts import queries as alerts
from alerts.escalation import calls
from alerts.escalation.calls import Item
from api.access import SignedIn, record
from api.documented import PathId, RandomId, Text, problems
from api.outside import OUTSIDE
from api.problems import Problem, not_found
from api.routes.teams import staff_id
from api.transaction import Now, Transaction

router = APIRouter(prefix="/hand-overs", tags=["hand-over"])

ItemOut = Annotated[Item, OUTSIDE]
#: settled items are listed for so long
_SHOWN = timedelta(days=2)


class HandOverBody(BaseModel):
    """What one has, offered to somebody."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"to": "3f0c9a52b7d14e8896a1c2d4", "note": "Ruth is called at 18:00"}}
    )
    to: RandomId
    note: Text = ""
    alerts: list[RandomId] | None = Field(None, max_length=500, description="left out, everything that one has")


class SettleBody(BaseModel):
    """What becomes of an item: the taker accepts or declines it, the giver withdraws it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"answer": "accepted", "note": ""}})
    answer: Literal["accepted", "declined", "withdrawn"]
    note: Text = ""


@router.get("", responses=problems())
def list_items(who: SignedIn, conn: Transaction, now: Now) -> list[ItemOut]:
    """List what the viewer hands over or is handed: what waits first, then what was settled in the last two days."""
    return calls.list_items(conn, who.staff_id, now - _SHOWN)


@router.post("", status_code=201, responses=problems(409))
def hand_over(body: HandOverBody, who: SignedIn, conn: Transaction, now: Now) -> list[ItemOut]:
    """Offer somebody what one has taken on. Nothing changes hands before they accept it."""
    to = staff_id(conn, body.to)
    if to == who.staff_id:
        raise Problem(409, "to_oneself", "a hand-over goes to somebody else")
    public_id, count = calls.hand_over(conn, who.staff_id, to, body.note, body.alerts, now)
    if not count:
        raise Problem(409, "nothing_to_hand_over", "none of it is open, yours and free: it may wait in another hand-over")
    record(conn, who, "hand_over", f"hand_over/{public_id}", now, to=body.to, items=count)
    return list_items(who, conn, now)


@router.post("/items/{public_id}", status_code=204, responses=problems(404, 409))
def settle_item(public_id: PathId, body: SettleBody, who: SignedIn, conn: Transaction, now: Now) -> None:
    """Accept, decline or withdraw one item."""
    item = calls.lock_item(conn, public_id)
    if item is None or who.staff_id not in {item.from_id, item.to_id}:
        raise not_found("item of a hand-over of yours")
    if item.state != "pending":
        raise Problem(409, "already_settled", "this item was settled already")
    if (body.answer == "withdrawn") != (who.staff_id == item.from_id):
        raise Problem(409, "not_yours", "the taker accepts or declines an item, the giver withdraws it")
    calls.settle_item(conn, item, body.answer, body.note, who.staff_id, now)
    record(conn, who, f"hand_over_{body.answer}", f"alert/{item.alert}", now)
    alerts.notify(conn, {item.alert_id})
