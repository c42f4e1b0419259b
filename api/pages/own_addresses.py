"""The viewer's own addresses as a part of their page: where pages go, and the code that makes an address count.

An edge. Forms go through the functions of the JSON interface, so that both do the same thing.
"""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import Form, SignedIn
from api.pages.forms import done, fill
from api.routes import addresses as routes
from api.transaction import Now, Transaction

router = APIRouter(include_in_schema=False)


@router.post("/me/addresses")
def add_address(request: Request, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Add an address, and send it a code."""
    given = {"channel": form.get("channel", ""), "address": form.get("address", "")}
    routes.add_address(request, fill(routes.AddressBody, given), who, conn, now)
    return done(request, form, "/me")


@router.post("/me/addresses/{public_id}/verify")
def verify_address(request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Verify an address by its code."""
    refusal = routes.verify_address(public_id, fill(routes.CodeBody, {"code": form.get("code", "")}), who, conn, now)
    return refusal if isinstance(refusal, Response) else done(request, form, "/me")


@router.post("/me/addresses/{public_id}/remove")
def remove_address(request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Send nothing to an address any more."""
    routes.remove_address(public_id, who, conn, now)
    return done(request, form, "/me")
