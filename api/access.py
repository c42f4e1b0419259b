"""Who is asking, and whether they may: the gate in front of every route but the few that are public.

A browser holds a session cookie and repeats a CSRF value in every unsafe request; a programme sends `Authorization: Bearer`.
Decides by the database alone, never by the address that was asked for.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from psycopg import Connection

from api import queries
from api.problems import NotSignedIn, Problem
from api.settings import Settings
from api.tokens import hash_token
from api.transaction import Now, Transaction
from care.staff import GlucoseUnit, Role, UnitSystem

#: a session unused for this long is over
IDLE: Final = timedelta(minutes=30)
#: a session is over after this long, used or not
LIFETIME: Final = timedelta(hours=12)
#: how often the use of a session is written down
TOUCH_EVERY: Final = timedelta(minutes=1)

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: a request that a screen makes by itself carries this, so that a screen nobody uses does not keep its session alive
BACKGROUND_HEADER: Final = "x-background"
CSRF_HEADER: Final = "x-csrf-token"
CSRF_FIELD: Final = "csrf"


@dataclass(frozen=True, slots=True)
class Viewer:
    """The member of staff on whose behalf a request is answered."""

    #: key of the member of staff
    staff_id: int
    #: random id that the outside sees
    public_id: str
    #: how colleagues know them
    name: str
    #: administrators also manage staff and tokens
    role: Role
    #: IANA time zone that their screens show times in
    zone: str
    #: body measures shown as kg and °C ("metric") or lb and °F ("us")
    units: UnitSystem
    #: unit that glucose is shown in
    glucose_unit: GlucoseUnit
    #: what every unsafe request of this session repeats; empty for an API token, which needs none
    csrf: str
    #: hash of the session's token, or of the API token
    secret_hash: bytes = b""


def cookie_name(settings: Settings) -> str:
    """Return the name of the session cookie; browsers bind `__Host-` names to this very host over TLS."""
    return "__Host-wardlight" if settings.public_url.startswith("https://") else "wardlight"


def viewer(request: Request, conn: Transaction, now: Now) -> Viewer:
    """Return who is asking. Raises NotSignedIn."""
    if token := bearer(request):
        token_hash = hash_token(token)
        row = queries.find_token(conn, token_hash, now)
        if row is None or row.scope != "api" or row.staff_id is None:
            raise NotSignedIn("this API token is unknown, revoked, expired, or not one of scope 'api'")
        # the columns of the staff it acts for come together
        assert row.public_id is not None
        assert row.name is not None
        assert row.role is not None
        assert row.zone is not None
        assert row.units is not None
        assert row.glucose_unit is not None
        return Viewer(row.staff_id, row.public_id, row.name, row.role, row.zone, row.units, row.glucose_unit, "", token_hash)
    token = request.cookies.get(cookie_name(request.app.state.settings))
    if not token:
        raise NotSignedIn
    token_hash = hash_token(token)
    session = queries.find_session(conn, token_hash, now=now, idle_since=now - IDLE)
    if session is None:
        raise NotSignedIn("your session is over; sign in again")
    if now - session.seen_at > TOUCH_EVERY and BACKGROUND_HEADER not in request.headers:
        queries.touch_session(conn, token_hash, now)
    return Viewer(
        session.staff_id,
        session.public_id,
        session.name,
        session.role,
        session.zone,
        session.units,
        session.glucose_unit,
        session.csrf,
        token_hash,
    )


def is_live(conn: Connection[Any], who: Viewer, now: datetime) -> bool:
    """Tell whether the viewer's session, or the token they came with, still opens anything; this does not count as using it."""
    if who.csrf:
        return queries.find_session(conn, who.secret_hash, now=now, idle_since=now - IDLE) is not None
    row = queries.find_token(conn, who.secret_hash, now)
    return row is not None and row.staff_id == who.staff_id


SignedIn = Annotated[Viewer, Depends(viewer)]


async def administrator(who: SignedIn) -> Viewer:
    """Return who is asking if they may manage staff and tokens. Raises a 403 problem."""
    if who.role != "administrator":
        raise Problem(403, "administrators_only", "only administrators may do this; ask one of them")
    return who


Administrator = Annotated[Viewer, Depends(administrator)]


async def guard(request: Request, who: SignedIn) -> None:
    """Let the request pass only if somebody is signed in and, for an unsafe one from a browser, if their own page sent it."""
    check_origin(request)
    if request.method in SAFE_METHODS or not who.csrf:
        return
    given = request.headers.get(CSRF_HEADER) or (await form(request)).get(CSRF_FIELD)
    # both are random and as long as each other; compare_digest wants ASCII
    if not given or hash_token(given) != hash_token(who.csrf):
        raise Problem(403, "csrf", "the page that sent this is too old; reload it and try again")


def check_origin(request: Request) -> None:
    """Refuse an unsafe request that a page of another site sent."""
    if request.method in SAFE_METHODS:
        return
    origin = request.headers.get("origin")
    own = {f"{scheme}://{request.headers.get('host', '')}" for scheme in ("http", "https")}
    is_foreign = origin is not None and origin not in own | {request.app.state.settings.public_url.rstrip("/")}
    if is_foreign or request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
        raise Problem(403, "cross_site", "this was sent by a page of another site; open Wardlight itself")


async def form(request: Request) -> dict[str, str]:
    """Return the fields of a URL-encoded form, {} for any other body. Multipart is not read anywhere."""
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/x-www-form-urlencoded":
        return {}
    try:
        return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True, max_num_fields=100))
    except ValueError:
        raise Problem(400, "bad_request", "the form cannot be read; reload the page and try again") from None


Form = Annotated[dict[str, str], Depends(form)]


def bearer(request: Request) -> str | None:
    """Return the token of `Authorization: Bearer …`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def record(conn: Connection[Any], who: Viewer, action: str, object: str, now: Any, **detail: Any) -> None:
    """Write an audit row in the transaction of the request."""
    queries.add_audit(conn, staff_id=who.staff_id, action=action, object=object, now=now, detail=detail)
