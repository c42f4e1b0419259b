"""The login page: the one page that answers without a viewer.

Signing in sends a form and sets the session cookie; signing out ends the session. Never says which accounts exist.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from api import queries
from api.access import Form, SignedIn, check_origin, cookie_name, guard, record
from api.client import client_address
from api.sessions import Opened, sign_in
from api.settings import Settings
from api.templating import render
from api.transaction import Now, Transaction

public = APIRouter(include_in_schema=False)
guarded = APIRouter(include_in_schema=False, dependencies=[Depends(guard)])


@public.get("/login")
def login_page(request: Request, next: str = "/") -> Response:
    """Show the login form."""
    return render(request, "login.html", error=None, next=own_path(next))


@public.post("/login", dependencies=[Depends(check_origin)])
def login(request: Request, form: Form, now: Now, address: Annotated[str, Depends(client_address)]) -> Response:
    """Open a session and go on to where the person wanted to be, or show the form again with the reason."""
    settings: Settings = request.app.state.settings
    going = own_path(form.get("next", "/"))
    outcome = sign_in(
        request.app.state.pool,
        request.app.state.passwords,
        email=form.get("email", ""),
        password=form.get("password", ""),
        address=address,
        now=now,
    )
    if isinstance(outcome, Opened):
        response: Response = RedirectResponse(going, 303)
        response.set_cookie(
            cookie_name(settings),
            outcome.token,
            path="/",
            secure=settings.public_url.startswith("https://"),
            httponly=True,
            samesite="lax",
        )
        return response
    seconds = -int(-outcome.retry_after.total_seconds() // 1)
    headers = {"Retry-After": str(seconds)} if seconds else {}
    return render(request, "login.html", status=429 if seconds else 401, headers=headers, error=outcome.message, next=going)


@guarded.post("/logout")
def logout(request: Request, who: SignedIn, conn: Transaction, now: Now) -> Response:
    """End the session."""
    queries.end_session(conn, who.secret_hash)
    record(conn, who, "sign_out", "session", now)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(cookie_name(request.app.state.settings), path="/")
    return response


def own_path(path: str) -> str:
    r"""Return the path if it stays on this site, else "/".

    >>> own_path("/patients/x"), own_path("//evil.example"), own_path("https://evil.example"), own_path("/\\evil.example")
    ('/patients/x', '/', '/', '/')
    """
    stays = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if stays else "/"
