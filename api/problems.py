"""Errors as RFC 9457 problems: every refusal of the API has one shape, and says the way out.

A problem never repeats what was sent (it may be a patient's data) and never shows a stack.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from api.documented import names

MEDIA_TYPE: Final = "application/problem+json"

#: what a person reads over a problem's page
_TITLES: Final = {
    403: "Not for you",
    404: "There is nothing here",
    409: "That does not fit",
    422: "Something is missing",
    500: "This went wrong on our side",
    503: "Not reachable just now",
}


@dataclass(eq=False)
class Problem(Exception):
    """A refusal, raised anywhere in a request and sent as `application/problem+json`."""

    #: HTTP status
    status: int
    #: short snake-case word that a programme can switch on; the last part of the problem's type
    kind: str
    #: what is wrong this time and the way out, for a person
    detail: str
    #: further members of the problem
    more: Mapping[str, Any] = field(default_factory=dict)
    #: further headers of the response
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        """Return what goes over the wire."""
        body = {
            "type": f"/problems/{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        return JSONResponse(body, self.status, dict(self.headers), MEDIA_TYPE)


class NotSignedIn(Problem):
    """Nobody is signed in: an API answers 401, a page goes to the login."""

    def __init__(self, detail: str = "sign in, or send an API token as Authorization: Bearer") -> None:
        super().__init__(401, "not_signed_in", detail, headers={"WWW-Authenticate": "Bearer"})


def not_found(what: str) -> Problem:
    """Return the refusal for something that does not exist, or that the viewer may not know to exist."""
    return Problem(404, "not_found", f"there is no such {what}")


def too_large() -> Problem:
    """Return the refusal of a request that holds more than is read."""
    return Problem(413, "too_large", "the request is larger than this address takes; send less at once")


def install(app: FastAPI) -> None:
    """Make every error of the application a problem."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)


def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    if isinstance(error, NotSignedIn) and not is_programme(request):
        if "hx-request" in request.headers:
            return Response(status_code=401, headers={"HX-Redirect": "/login"})
        if request.method in {"GET", "HEAD"}:
            return RedirectResponse(f"/login?next={quote(request.scope['path'])}", 303)
    return answer(request, error)


def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == too_large().status:
        return answer(request, too_large())
    kind, detail = {
        400: ("bad_request", "the request cannot be read as HTTP with a JSON body"),
        404: ("not_found", "there is nothing at this address"),
        405: ("method_not_allowed", "this address does not take this method; the Allow header names those it takes"),
    }.get(error.status_code, ("refused", HTTPStatus(error.status_code).description or "the request was refused"))
    return answer(request, Problem(error.status_code, kind, detail, headers=error.headers or {}))


def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    known = names(request.app)
    errors = [
        {"in": str(each["loc"][0]), "pointer": _pointer(each["loc"][1:], known), "detail": each["msg"]}
        for each in error.errors()[:20]
    ]
    detail = "; ".join(f"{each['in']}{each['pointer']}: {each['detail']}" for each in errors[:3])
    return answer(request, Problem(422, "invalid", detail, more={"errors": errors}))


def _pointer(parts: tuple[int | str, ...], known: frozenset[str]) -> str:
    # a name that is not ours was sent, and may be anybody's
    return "".join(f"/{part if isinstance(part, int) or part in known else '…'}" for part in parts)


def answer(request: Request, problem: Problem) -> Response:
    """Return a problem as a page where a person's browser asks for one, else as it goes to a programme."""
    is_script = {"x-csrf-token", "hx-request"} & set(request.headers)
    if is_programme(request) or is_script or "text/html" not in request.headers.get("accept", ""):
        return problem.response()
    words = {"title": _TITLES.get(problem.status, HTTPStatus(problem.status).phrase), "detail": problem.detail.rstrip(".")}
    page = request.app.state.templates.get_template("problem.html").render(status=problem.status, kind=problem.kind, **words)
    return HTMLResponse(page, problem.status, dict(problem.headers))


def is_programme(request: Request) -> bool:
    """Tell whether a programme asks rather than a person's browser."""
    return request.scope["path"].startswith(("/api/", "/health/", "/metrics")) or "authorization" in request.headers
