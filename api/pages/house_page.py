"""The state of the house: what the watch found, which processes run, and who waits because of it.

An edge, reads only. For whoever wants to know more than the banner says, on the ward or beside the machines.
"""

from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import SignedIn, record
from api.pages.frame import house_of, show
from api.transaction import Now, Transaction
from api.watch.beats import judge_beats
from api.watch.fault import KINDS
from api.watch.house import Trouble, load_pulse
from api.watch.queries import list_past_faults, list_unjudged, list_unrouted, load_seen

router = APIRouter(include_in_schema=False)

#: how far back what is over is shown
_PAST: Final = timedelta(days=7)


@router.get("/house")
def house_page(request: Request, who: SignedIn, conn: Transaction, now: Now) -> Response:
    """Show what is wrong, what was, and who waits."""
    pace = house_of(request).pace
    seen = load_seen(conn, pace, now)
    record(conn, who, "read_house", "house", now)
    return show(
        request,
        conn,
        who,
        now,
        "house.html",
        active="/house",
        troubles=[Trouble(fault) for fault in load_pulse(conn, pace, now).faults],
        kinds=KINDS,
        past=list_past_faults(conn, now - _PAST),
        instances=[one for one in judge_beats(seen.beats, pace, now, seen.database_since) if one.state != "replaced"],
        unjudged=list_unjudged(conn),
        unrouted=list_unrouted(conn, pace, now),
        seen=seen,
    )
