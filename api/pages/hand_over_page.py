"""Hand-over at the end of a shift: what is offered to the viewer, what they have offered, and what they have.

An edge. Forms go through the functions of the JSON interface, so that both do the same thing.
"""

from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from alerts.escalation import calls
from api.access import Form, SignedIn, record
from api.pages import queries
from api.pages.forms import done, fill
from api.pages.frame import reader_of, show
from api.pages.reasons import describe
from api.routes import hand_overs as routes
from api.transaction import Now, Transaction
from care import queries as care

router = APIRouter(include_in_schema=False)

_SHOWN = timedelta(days=2)


@router.get("/hand-over")
def hand_over_page(request: Request, who: SignedIn, conn: Transaction, now: Now) -> Response:
    """Show what waits for the viewer's answer, what they have offered, and what they have."""
    items = calls.list_items(conn, who.staff_id, now - _SHOWN)
    own = calls.list_own(conn, who.staff_id)
    wanted = {item.alert for item in items} | set(own)
    alerts = {public_id: alert for public_id in wanted if (alert := queries.find_alert(conn, public_id)) is not None}
    reader = reader_of(who)
    record(conn, who, "read_hand_over", f"staff/{who.public_id}", now, alerts=sorted(wanted))
    waiting = {item.alert for item in items if item.state == "pending"}
    return show(
        request, conn, who, now, "hand_over.html", active="/hand-over",
        offered=[item for item in items if item.state == "pending" and item.taker_id == who.public_id],
        offering=[item for item in items if item.state == "pending" and item.giver_id == who.public_id],
        settled=[item for item in items if item.state != "pending"],
        own=[alerts[key] for key in own if key in alerts and key not in waiting], alerts=alerts,
        reasons={key: describe(alert, reader) for key, alert in alerts.items()},
        people=queries.load_people(conn, sorted({alert.patient_id for alert in alerts.values()})),
        colleagues=[staff for staff in care.list_staff(conn) if staff.disabled_at is None and staff.id != who.staff_id],
    )  # fmt: skip


@router.post("/hand-over")
def hand_over(request: Request, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Offer somebody what is ticked."""
    ticked = [name.removeprefix("alert-") for name in form if name.startswith("alert-")]
    given = {"to": form.get("to", ""), "note": form.get("note", "").replace("\r\n", "\n"), "alerts": ticked}
    routes.hand_over(fill(routes.HandOverBody, given), who, conn, now)
    return done(request, form, "/hand-over")


@router.post("/hand-over/items/{public_id}")
def settle_item(request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Accept, decline or withdraw one item."""
    given = {"answer": form.get("answer", ""), "note": form.get("note", "")}
    routes.settle_item(public_id, fill(routes.SettleBody, given), who, conn, now)
    return done(request, form, "/hand-over")
