"""Forms of the pages: read into the same bodies that the JSON interface takes, so that both do the same thing.

A page's form may be sent by a script, which wants no page back, or by a browser without one, which is sent on to where it
came from.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.responses import RedirectResponse, Response

from api.access import CSRF_HEADER
from api.login import own_path
from api.problems import Problem

Body = TypeVar("Body", bound=BaseModel)


def fill(body: type[Body], given: Mapping[str, Any]) -> Body:
    """Return the body that a form's fields make. Raises a 422 problem that names the field and never its content."""
    try:
        return body.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = " ".join(str(part).replace("_", " ") for part in first["loc"]) or "form"
        raise Problem(422, "invalid", f"{place}: {first['msg'].removeprefix('Value error, ')}") from None


def done(request: Request, form: Mapping[str, str], going: str) -> Response:
    """Answer a form that took effect: nothing for a script, the page `going` (or the form's own `back`) otherwise."""
    if CSRF_HEADER in request.headers:
        return Response(status_code=204)
    return RedirectResponse(own_path(form.get("back", going)), 303)


def local_time(text: str, zone: ZoneInfo) -> datetime | None:
    """Return the time in a `datetime-local` field, which is said in the viewer's zone; None where it is empty.

    >>> local_time("2026-11-23T09:14", ZoneInfo("America/New_York"))
    datetime.datetime(2026, 11, 23, 14, 14, tzinfo=datetime.timezone.utc)
    """
    if not text.strip():
        return None
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Problem(422, "invalid", "the time cannot be read; write it as 2026-11-23T09:14") from None
