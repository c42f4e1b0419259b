"""The viewer's own addresses: where pages go. Nothing is sent to one whose code its owner has not typed in, but that code."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.access import SignedIn, record
from api.client import trusted_networks
from api.documented import PathId, problems
from api.problems import Problem, not_found
from api.settings import Settings
from api.tokens import hash_token
from api.transaction import Now, Transaction
from care import teams
from care.team import Address
from messaging.notice import Planned
from messaging.queries import add_notices
from messaging.webhook import UnusableAddress, check_url

router = APIRouter(prefix="/me/addresses", tags=["me"])

Url = Annotated[str, StringConstraints(max_length=1000, strip_whitespace=True)]


class AddressBody(BaseModel):
    """An address to add."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"channel": "webhook", "address": "https://hooks.clinic.example/wardlight"}},
    )
    channel: Literal["webhook", "console"] = Field(description="console: lines that `wardlight work` prints, for operators")
    address: Url = Field("", description="webhook: an https URL; console: nothing")


class CodeBody(BaseModel):
    """The code that was sent to an address."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"code": "418260"}})
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


@dataclass(frozen=True, slots=True)
class AddressSeen:
    """An address, without what may be secret in it."""

    public_id: str
    channel: str
    #: host of a webhook
    place: str
    created_at: datetime
    verified_at: datetime | None


@router.get("", responses=problems())
def list_addresses(who: SignedIn, conn: Transaction) -> list[AddressSeen]:
    """List where the viewer is reached."""
    return [seen(address) for address in teams.list_addresses(conn, who.staff_id)]


@router.post("", status_code=201, responses=problems(409))
def add_address(request: Request, body: AddressBody, who: SignedIn, conn: Transaction, now: Now) -> AddressSeen:
    """Add an address, and send it a code that shows whose it is."""
    settings: Settings = request.app.state.settings
    if body.channel == "webhook":
        if not settings.webhook_secret:
            raise Problem(409, "no_such_channel", "the operator has not set WARDLIGHT_WEBHOOK_SECRET, so there are no webhooks")
        try:
            check_url(body.address, allowed=trusted_networks(settings.webhook_networks, "WARDLIGHT_WEBHOOK_NETWORKS"))
        except UnusableAddress as error:
            raise Problem(422, "invalid", f"address: {error}") from None
    if len(teams.list_addresses(conn, who.staff_id)) >= 10:
        raise Problem(409, "too_many_addresses", "ten addresses are enough; remove one first")
    code = f"{secrets.randbelow(1_000_000):06d}"
    added = teams.add_address(conn, who.staff_id, body.channel, body.address, hash_token(code), now)
    text = f"Wardlight: the code for this address of {who.name} is {code}"
    notice = Planned(body.channel, who.name, text, "pending", "a new address is verified", who.staff_id, address=body.address)
    add_notices(conn, [(None, notice)], now)
    record(conn, who, "add_address", f"staff/{who.public_id}", now, channel=body.channel)
    return seen(added)


@router.post("/{public_id}/verify", status_code=204, response_model=None, responses=problems(404, 409))
def verify_address(public_id: PathId, body: CodeBody, who: SignedIn, conn: Transaction, now: Now) -> Any:
    """Verify an address by the code that was sent there; ten tries."""
    answer = teams.try_code(conn, who.staff_id, public_id, hash_token(body.code), now)
    if answer is None:
        raise not_found("address that waits for its code; add it again")
    record(conn, who, "verify_address", f"staff/{who.public_id}", now, verified=answer)
    if not answer:
        # returned, not raised: the try counts
        return Problem(409, "wrong_code", "this is not the code that was sent there").response()
    return None


@router.post("/{public_id}/remove", responses=problems(404))
def remove_address(public_id: PathId, who: SignedIn, conn: Transaction, now: Now) -> list[AddressSeen]:
    """Send nothing to an address any more."""
    if not teams.remove_address(conn, who.staff_id, public_id, now):
        raise not_found("address")
    record(conn, who, "remove_address", f"staff/{who.public_id}", now)
    return list_addresses(who, conn)


def seen(address: Address) -> AddressSeen:
    """Return an address without what may be secret in it."""
    place = urlsplit(address.address).hostname or "" if address.channel == "webhook" else address.channel
    return AddressSeen(address.public_id, address.channel, place, address.created_at, address.verified_at)
