"""Patients to find, staff to manage, and the viewer's own settings.

An edge. A search travels in a body, since a name in an address ends up in logs and histories.
"""

from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import available_timezones

from fastapi import APIRouter, Request
from psycopg import Connection
from starlette.responses import Response

from api.access import Administrator, Form, SignedIn, record
from api.pages import queries
from api.pages.forms import done, fill
from api.pages.frame import show
from api.problems import Problem
from api.routes import addresses
from api.routes import me as own
from api.routes import staff as staff_routes
from api.transaction import Now, Transaction
from care import queries as care
from care.patient import Patient

router = APIRouter(include_in_schema=False)

#: most patients on one page
_PAGE: Final = 200
_PREFERENCES: Final[tuple[str, ...]] = ("units", "glucose_unit", "zone")


@router.get("/patients")
def patients_page(request: Request, who: SignedIn, conn: Transaction, now: Now) -> Response:
    """List patients by name."""
    found = care.list_patients(conn, limit=_PAGE)
    record(conn, who, "list_patients", "patients", now, count=len(found))
    return show(request, conn, who, now, "patients.html", active="/patients", **_listed(conn, found, ""))


@router.post("/patients/search")
def search_patients(request: Request, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """List the patients that a text finds."""
    text = form.get("text", "").strip()[:100]
    found = care.search_patients(conn, text, limit=_PAGE) if text else care.list_patients(conn, limit=_PAGE)
    record(conn, who, "search_patients", "patients", now, found=[patient.public_id for patient in found])
    template = "patients_list.html" if "hx-request" in request.headers else "patients.html"
    return show(request, conn, who, now, template, active="/patients", **_listed(conn, found, text))


@router.post("/patients/pick")
def pick_patient(request: Request, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Offer the patients that a text finds, to choose one from."""
    text = form.get("text", "").strip()[:100]
    found = care.search_patients(conn, text, limit=12) if text else []
    record(conn, who, "search_patients", "patients", now, found=[patient.public_id for patient in found])
    return show(request, conn, who, now, "patient_choices.html", patients=found, text=text)


@router.get("/staff")
def staff_page(request: Request, who: Administrator, conn: Transaction, now: Now) -> Response:
    """List everybody who can sign in."""
    return _staff(request, who, conn, now, None)


@router.post("/staff")
def add_staff(request: Request, who: Administrator, conn: Transaction, now: Now, form: Form) -> Response:
    """Add a member of staff, and show their password this once."""
    given = {name: form.get(name, "").strip() for name in ("email", "name", "role", "zone")}
    account = staff_routes.add_staff(request, fill(staff_routes.NewStaff, given), who, conn, now)
    return _staff(request, who, conn, now, account)


@router.post("/staff/{public_id}/reset")
def reset_staff(request: Request, public_id: str, who: Administrator, conn: Transaction, now: Now) -> Response:
    """Give somebody a new password, and show it this once."""
    return _staff(request, who, conn, now, staff_routes.reset(request, public_id, who, conn, now))


@router.post("/staff/{public_id}/disable")
def disable_staff(request: Request, public_id: str, who: Administrator, conn: Transaction, now: Now, form: Form) -> Response:
    """Let somebody in no more."""
    staff_routes.disable(public_id, who, conn, now)
    return done(request, form, "/staff")


@router.post("/staff/{public_id}/enable")
def enable_staff(request: Request, public_id: str, who: Administrator, conn: Transaction, now: Now, form: Form) -> Response:
    """Let somebody in again."""
    staff_routes.enable(public_id, who, conn, now)
    return done(request, form, "/staff")


@router.get("/me")
def own_page(request: Request, who: SignedIn, conn: Transaction, now: Now) -> Response:
    """Show the viewer's own settings."""
    has_webhooks = bool(request.app.state.settings.webhook_secret)
    own_addresses = addresses.list_addresses(who, conn)
    return show(
        request, conn, who, now, "me.html", active="/me", zones=zones(), addresses=own_addresses, has_webhooks=has_webhooks
    )


@router.post("/me")
def save_own(request: Request, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Keep the viewer's units and time zone."""
    own.set_preferences(fill(own.Preferences, {name: form.get(name, "") for name in _PREFERENCES}), who, conn, now)
    return done(request, form, "/me")


@router.post("/me/password")
def change_password(request: Request, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Change the viewer's password; every other session of theirs ends."""
    if form.get("new") != form.get("again"):
        raise Problem(422, "invalid", "the new password was not typed the same twice")
    body = fill(own.PasswordChange, {"current": form.get("current", ""), "new": form.get("new", "")})
    refusal = own.set_password(request, body, who, conn, now)
    return refusal if isinstance(refusal, Response) else done(request, form, "/me")


def _listed(conn: Connection[Any], found: Sequence[Patient], text: str) -> dict[str, Any]:
    ids = [patient.id for patient in found]
    return {
        "patients": found,
        "people": queries.load_people(conn, ids),
        "worst": queries.load_worst(conn, ids),
        "text": text,
        "total": queries.count_patients(conn),
    }


def _staff(request: Request, who: Administrator, conn: Transaction, now: Now, account: Any) -> Response:
    everybody = care.list_staff(conn)
    return show(request, conn, who, now, "staff.html", active="/staff", everybody=everybody, account=account, zones=zones())


def zones() -> list[str]:
    """Return the time zones that people choose from."""
    return sorted(
        zone
        for zone in available_timezones()
        if ("/" in zone and not zone.startswith(("Etc/", "posix", "right"))) or zone == "UTC"
    )
