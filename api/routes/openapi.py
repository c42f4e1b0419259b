"""The description of the interface itself, for those who are signed in."""

from typing import Any

from fastapi import APIRouter, Request

from api.access import SignedIn
from api.documented import describe

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
def openapi(request: Request, who: SignedIn) -> dict[str, Any]:
    """Return the OpenAPI document."""
    return describe(request.app)
