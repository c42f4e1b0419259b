"""The patient's page: header, alerts, charts, readings, devices, what happened; and what is done from there.

An edge. What a form changes goes through the same functions as the JSON interface.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from psycopg import Connection
from starlette.responses import JSONResponse, Response

from alerts.alert import DISPOSITIONS
from alerts.triage.ledger import KINDS
from alerts.triage.queries import load_silences
from api.access import Form, SignedIn, record
from api.clinic import OwnClinic
from api.engine import Judging
from api.pages import charts, patient, queries
from api.pages.facts import Reader, Series
from api.pages.forms import done, fill, local_time
from api.pages.frame import reader_of, show
from api.pages.plan import with_own_limits
from api.pages.plan_page import load_summary
from api.pages.reasons import describe, name_of
from api.pages.worklist import marks, quiet_name
from api.problems import Problem
from api.routes import measurements as interface
from api.routes.patients import load_patient, read_patient
from api.transaction import Now, Transaction
from care.patient import Patient
from care.plan.queries import list_limits
from devices import queries as devices
from devices.measurement import Bucket, Latest, Measurement
from devices.vitals import COLUMN, VITALS
from messaging.queries import load_contact

router = APIRouter(include_in_schema=False)

_DAYS: Final = frozenset(days for days, _ in charts.WINDOWS)
#: readings on one page of the table
_PAGE: Final = 14
#: how far back the newest value of a vital may lie
_LATEST: Final = timedelta(days=400)


@router.get("/patients/{public_id}")
def patient_page(
    request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, clinic: OwnClinic, days: int = 14
) -> Response:
    """Show one patient."""
    person = read_patient(conn, public_id, who, now, "patient")
    reader, window = reader_of(who), days if days in _DAYS else 14
    latest = _latest(conn, person, now)
    alerts = queries.list_open_alerts_of(conn, person.id)
    ranked = sorted(
        alerts, key=lambda alert: (not alert.is_shown, not alert.emergency, alert.acknowledged_at is not None, alert.due_at)
    )
    return show(
        request,
        conn,
        who,
        now,
        "patient.html",
        active="/patients",
        patient=person,
        person=queries.load_people(conn, [person.id])[person.id],
        contact=load_contact(conn, person.id),
        namesakes=queries.list_namesakes(conn, person.id),
        languages=patient.LANGUAGES,
        modes=patient.CONTACT_MODES,
        pronouns=patient.PRONOUNS,
        alerts=[(alert, describe(alert, reader, _newest(latest, alert.subject))) for alert in ranked],
        marks={alert.id: list(marks([alert], [], [], now)) for alert in ranked},
        quiet={alert.id: quiet_name(alert) for alert in ranked},
        standings=KINDS,
        silences=[
            (silence, f"{silence.direction} {name_of(VITALS[COLUMN[silence.vital]])}")
            for silence in load_silences(conn, [person.id]).get(person.id, [])
        ],
        charts=_charts(conn, person, latest, reader, now, window, [alert.subject or "" for alert in ranked]),
        days=window,
        windows=charts.WINDOWS,
        devices=patient.device_lines(devices.list_devices_of(conn, person.id, now), now),
        happenings=queries.load_timeline(conn, person.id, reader, now=now, days=30, limit=40),
        fields=patient.entry_fields(reader),
        dispositions=DISPOSITIONS.items(),
        **load_summary(conn, person, clinic, now),
        **_table(conn, person.id, reader, now + timedelta(days=1), now),
    )


@router.get("/patients/{public_id}/charts")
def chart_data(public_id: str, who: SignedIn, conn: Transaction, now: Now, days: int = 14) -> Response:
    """Send what the browser draws the charts from."""
    person, window = load_patient(conn, public_id), days if days in _DAYS else 14
    record(conn, who, "read_charts", f"patient/{public_id}", now)
    drawn = _charts(conn, person, _latest(conn, person, now), reader_of(who), now, window, [])
    return JSONResponse([charts.as_json(chart, window) for chart in drawn])


@router.get("/patients/{public_id}/readings")
def older_readings(
    request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, before: Annotated[float, Query(ge=0, le=1e11)]
) -> Response:
    """Send older rows of the table."""
    person = read_patient(conn, public_id, who, now, "measurements")
    until = datetime.fromtimestamp(before, tz=now.tzinfo)
    return show(request, conn, who, now, "readings.html", patient=person, **_table(conn, person.id, reader_of(who), until, now))


@router.post("/patients/{public_id}/entry")
def enter(
    request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form, engine: Judging
) -> Response:
    """Take what staff measured, or were told by phone."""
    values = {}
    for name in patient.ENTERED:
        if text := form.get(name, "").strip().replace(",", "."):
            try:
                values[name] = {"value": float(text), "unit": form.get(f"{name}_unit", "")}
            except ValueError:
                raise Problem(422, "invalid", f"{name.replace('_', ' ')} is not a number") from None
    if not values:
        raise Problem(422, "invalid", "enter at least one value")
    body = fill(
        interface.Entry, {"values": values, "measured_at": local_time(form.get("measured_at", ""), reader_of(who).zone)}
    )
    interface.enter_reading(public_id, body, who, conn, now, engine, Response())
    return done(request, form, f"/patients/{public_id}")


@router.post("/patients/{public_id}/wrong")
def mark_wrong(
    request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form, engine: Judging
) -> Response:
    """Mark a reading wrong: kept, struck through, and the patient judged again without it."""
    for vital in form.get("vital", "").split() or [""]:
        body = fill(interface.Wrong, {"vital": vital, "reason": form.get("reason", "").strip() or None})
        interface.mark_wrong(public_id, form.get("key", ""), body, who, conn, now, engine)
    return done(request, form, f"/patients/{public_id}#readings")


@router.post("/patients/{public_id}/right")
def mark_right(
    request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form, engine: Judging
) -> Response:
    """Take back that a reading is wrong."""
    for vital in form.get("vital", "").split() or [""]:
        interface.undo_wrong(public_id, form.get("key", ""), fill(interface.Right, {"vital": vital}), who, conn, now, engine)
    return done(request, form, f"/patients/{public_id}#readings")


def _latest(conn: Connection[Any], person: Patient, now: datetime) -> dict[str, Latest]:
    return devices.latest(conn, [person.id], now - _LATEST).get(person.id, {})


def _newest(latest: dict[str, Latest], vital: str | None) -> Series | None:
    """Return the newest value as a series of one, if it is to be believed."""
    found = latest.get(vital or "")
    return None if found is None or found.is_suspect else Series(vital or "", (found.measured_at.timestamp(),), (found.value,))


def _charts(
    conn: Connection[Any],
    person: Patient,
    latest: dict[str, Latest],
    reader: Reader,
    now: datetime,
    days: int,
    first: list[str],
) -> list[charts.Chart]:
    since, until = now - timedelta(days=days), now + timedelta(minutes=15)
    measured: list[Measurement] | list[Bucket] = devices.measurements(
        conn, person.id, since, until, limit=charts.MOST_POINTS + 1
    )
    if len(measured) > charts.MOST_POINTS:
        measured = devices.rollup(conn, person.id, since, until, charts.resolution(days))
    rules = with_own_limits(queries.load_rules(conn), list_limits(conn, person.id), now)
    return charts.build_charts(measured, latest, rules, person.programmes, reader, first=first, since=since, now=now)


def _table(conn: Connection[Any], patient_id: int, reader: Reader, until: datetime, now: datetime) -> dict[str, Any]:
    found = devices.measurements(conn, patient_id, now - _LATEST, until, limit=_PAGE + 1)
    rows = patient.table(found[-_PAGE:], queries.list_marks(conn, patient_id), reader)
    return {"rows": rows, "before": rows[-1].measured_at.timestamp() if len(found) > _PAGE else None}
