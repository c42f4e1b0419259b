"""What waits for a person besides alerts: readings that are nobody's, messages that could not be taken, and devices.

An edge. What a form changes goes through the same functions as the JSON interface.
"""

from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import Form, SignedIn, record
from api.engine import Committing, Judging
from api.pages import patient, queries
from api.pages.forms import done, fill, local_time
from api.pages.frame import reader_of, show
from api.problems import Problem, not_found
from api.routes import assignments, quarantine, unattributed
from api.routes import devices as interface
from api.transaction import Now, Transaction
from devices import queries as devices
from devices.decoded import REASONS
from ingest.queries import list_quarantined

router = APIRouter(include_in_schema=False)

#: most rows of a list, and values shown of readings that are nobody's
_MOST: Final = 200
_SAMPLE: Final = 4
#: most bytes of a payload that are shown
_PAYLOAD: Final = 4000
_EVERY: Final = (
    (0, "never called silent"),
    (1, "every hour"),
    (6, "every 6 hours"),
    (12, "every 12 hours"),
    (24, "every day"),
    (168, "every week"),
)


@router.get("/whose")
def whose_page(request: Request, who: SignedIn, conn: Transaction, now: Now) -> Response:
    """List what was measured and is nobody's."""
    reader = reader_of(who)
    found = devices.list_unattributed(conn, _MOST)
    people = queries.load_people(conn, sorted({key for orphan in found for key in orphan.candidates}))
    orphans = [
        (
            orphan,
            patient.table(devices.unattributed_measurements(conn, orphan.device_id, orphan.user_slot, _SAMPLE), {}, reader),
            [people[key] for key in orphan.candidates[:5]],
        )
        for orphan in found
    ]
    record(conn, who, "list_unattributed", "unattributed", now)
    return show(request, conn, who, now, "whose.html", active="/whose", orphans=orphans)


@router.post("/whose/claim")
def claim(request: Request, who: SignedIn, conn: Transaction, now: Now, form: Form, engine: Judging) -> Response:
    """Say whose it is; and, if asked, that the device is theirs from now on."""
    slot = form.get("user_slot") or None
    given = {
        "device": form.get("device"),
        "user_slot": slot and int(slot) if (slot or "0").isdecimal() else None,
        "patient": form.get("patient"),
    }
    if not given["patient"]:
        raise Problem(422, "invalid", "choose whose it is")
    unattributed.claim(fill(unattributed.Claim, given), who, conn, now, engine)
    if form.get("keep"):
        assignments.add_assignment(fill(assignments.NewAssignment, given), who, conn, now, engine)
    return done(request, form, "/whose")


@router.get("/quarantine")
def quarantine_page(request: Request, who: SignedIn, conn: Transaction, now: Now) -> Response:
    """List what could not be taken, with its reason."""
    rows = [
        (row, REASONS.get(row.reason, row.reason), row.payload[:_PAYLOAD].decode("utf-8", "replace"), len(row.payload))
        for row in list_quarantined(conn, _MOST)
    ]
    record(conn, who, "list_quarantine", "quarantine", now)
    return show(request, conn, who, now, "quarantine.html", active="/quarantine", rows=rows, outcome=None)


@router.post("/quarantine/retry")
def retry(request: Request, who: SignedIn, conn: Transaction, now: Now, form: Form, committer: Committing) -> Response:
    """Take messages once more."""
    body = fill(quarantine.Retry, {"ids": form.get("ids", "").split()})
    quarantine.take_again(body, who, conn, now, committer)
    return done(request, form, "/quarantine")


@router.get("/devices")
def devices_page(request: Request, who: SignedIn, conn: Transaction, now: Now) -> Response:
    """List devices and how they are."""
    return _devices(request, who, conn, now, None)


@router.post("/devices")
def add_device(request: Request, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Add a device, and show its secret this once."""
    given = {name: value for name in ("public_id", "kind", "model") if (value := form.get(name, "").strip())}
    body = fill(interface.NewDevice, given | {"expected_every": _every(form)})
    return _devices(request, who, conn, now, interface.add_device(request, body, who, conn, now))


@router.get("/devices/{device_id}")
def device_page(request: Request, device_id: str, who: SignedIn, conn: Transaction, now: Now) -> Response:
    """Show one device and whom it measures."""
    device = devices.find_device(conn, device_id)
    if device is None:
        raise not_found("device")
    held = devices.list_assignments(conn, device_id=device.id)
    record(conn, who, "list_assignments", f"device/{device_id}", now)
    return show(
        request,
        conn,
        who,
        now,
        "device.html",
        active="/devices",
        device=device,
        line=patient.device_lines([device], now)[0],
        held=held,
        people=queries.load_people(conn, sorted({assignment.patient_id for assignment in held})),
        every=_EVERY,
    )


@router.post("/devices/{device_id}/assign")
def assign(
    request: Request, device_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form, engine: Judging
) -> Response:
    """Put a device on a patient."""
    slot = form.get("user_slot", "").strip()
    if not form.get("patient"):
        raise Problem(422, "invalid", "choose whom it measures")
    given = {
        "device": device_id,
        "patient": form["patient"],
        "user_slot": slot or None,
        "starts_at": local_time(form.get("starts_at", ""), reader_of(who).zone),
    }
    assignments.add_assignment(fill(assignments.NewAssignment, given), who, conn, now, engine)
    return done(request, form, f"/devices/{device_id}")


@router.post("/devices/{device_id}/end")
def end(request: Request, device_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form, engine: Judging) -> Response:
    """Take a device back from a patient."""
    assignments.end_assignment(form.get("assignment", ""), fill(assignments.Ending, {}), who, conn, now, engine)
    return done(request, form, f"/devices/{device_id}")


@router.post("/devices/{device_id}/schedule")
def schedule(request: Request, device_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Say how often its readings are due."""
    interface.schedule_device(device_id, fill(interface.DeviceChange, {"expected_every": _every(form)}), who, conn, now)
    return done(request, form, f"/devices/{device_id}")


@router.post("/devices/{device_id}/revoke")
def revoke(request: Request, device_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form) -> Response:
    """Take nothing more from a device."""
    interface.revoke_device(request, device_id, who, conn, now)
    return done(request, form, f"/devices/{device_id}")


def _every(form: dict[str, str]) -> timedelta | None:
    hours = form.get("every_hours", "0")
    return timedelta(hours=int(hours)) if hours.isdecimal() and 0 < int(hours) <= 8760 else None


def _devices(request: Request, who: SignedIn, conn: Transaction, now: Now, equipped: interface.Equipped | None) -> Response:
    found = devices.list_devices(conn, limit=500)
    lines = {line.public_id: line for line in patient.device_lines(found, now)}
    order = list(lines)
    return show(
        request,
        conn,
        who,
        now,
        "devices.html",
        active="/devices",
        rows=sorted(((device, lines[device.public_id]) for device in found), key=lambda row: order.index(row[0].public_id)),
        holders=queries.list_holders(conn, now),
        equipped=equipped,
        every=_EVERY,
    )
