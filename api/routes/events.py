"""The stream of pings that keeps screens live."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from api import access
from api.access import SignedIn
from api.documented import problems
from api.events import Broadcast, stream
from api.problems import Problem

router = APIRouter(tags=["events"])

_EXAMPLE = "event: refresh\ndata: \n\nevent: alerts\ndata: 1041,1042\n\nevent: values\ndata: \n\n: still here\n\n"


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses=problems()
    | {
        200: {
            "description": "pings, until the session ends",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        }
    },
)
async def events(request: Request, who: SignedIn) -> Response:
    """Tell the screen when to fetch again.

    `refresh`: fetch everything again; sent first on every connection. `alerts`: these alerts changed. `values`: readings
    arrived, at most once a second. `signed_out`: the session is over, and the stream ends. The data itself is never sent,
    so Last-Event-ID has no use.
    """
    broadcast: Broadcast = request.app.state.broadcast
    if broadcast.is_full:
        raise Problem(503, "too_many_screens", "too many screens are open; close some", headers={"Retry-After": "60"})
    is_live = partial(_is_live, request.app.state.pool, who)
    return StreamingResponse(
        stream(broadcast, is_live),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _is_live(pool: Any, who: access.Viewer) -> bool:
    with pool.connection() as conn:
        return access.is_live(conn, who, datetime.now(UTC))
