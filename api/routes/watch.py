"""What the watchdog sees as a screen would: the synthetic patient's alerts and the announcements, and nothing else.

Has a gate of its own: a token of scope "watch", which opens nothing about a person.
"""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response, StreamingResponse

from alerts import queries as alerts
from api import queries
from api.access import bearer
from api.events import Broadcast, stream
from api.problems import NotSignedIn, Problem
from api.routes.alerts import AlertSeen, see
from api.tokens import hash_token
from api.transaction import Now, Transaction

router = APIRouter(prefix="/api/v1/watch", include_in_schema=False)


def watcher(request: Request, conn: Transaction, now: Now) -> bytes:
    """Return the hash of the watchdog's token. Raises NotSignedIn."""
    token_hash = hash_token(bearer(request) or "")
    found = queries.find_token(conn, token_hash, now)
    if found is None or found.scope != "watch":
        raise NotSignedIn("send the watchdog's token, of scope 'watch', as Authorization: Bearer")
    return token_hash


Watching = Annotated[bytes, Depends(watcher)]


@router.get("/alerts")
def list_alerts(who: Watching, conn: Transaction) -> list[AlertSeen]:
    """List the newest alerts of the synthetic patient, as any programme reads an alert."""
    return see(conn, alerts.list_synthetic(conn))


@router.get("/events")
async def events(request: Request, who: Watching) -> Response:
    """Tell what every screen is told: ids of alerts that changed."""
    broadcast: Broadcast = request.app.state.broadcast
    if broadcast.is_full:
        raise Problem(503, "too_many_screens", "too many screens are open; close some", headers={"Retry-After": "60"})
    return StreamingResponse(
        stream(broadcast, partial(_is_live, request.app.state.pool, who), values=False),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _is_live(pool: Any, token_hash: bytes) -> bool:
    with pool.connection() as conn:
        return queries.find_token(conn, token_hash, datetime.now(UTC)) is not None
