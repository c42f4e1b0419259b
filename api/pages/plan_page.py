"""The patient's plan: programmes, limits, references, schedule, pauses, questionnaires; and the record, added and edited.

An edge. What a form changes goes through the same functions as the JSON interface.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from fastapi import APIRouter, Request
from psycopg import Connection
from starlette.responses import RedirectResponse, Response

from api.access import CSRF_HEADER, Form, SignedIn, Viewer, record
from api.clinic import Clinic, OwnClinic
from api.engine import InForce, Judging
from api.pages import plan, queries
from api.pages.forms import done, fill, local_time
from api.pages.frame import reader_of, show
from api.pages.patient import CONTACT_MODES, LANGUAGES
from api.problems import Problem
from api.routes import limits, patients, programmes, questionnaires, schedules
from api.routes.patients import read_patient
from api.transaction import Now, Transaction
from care import queries as care
from care.patient import Patient
from care.plan import queries as own
from care.plan import summaries
from care.plan.own import LONGEST_PAUSE, PAUSES, in_force, pause_at
from care.programme_files import title_of
from devices.units import convert
from devices.vitals import COLUMN, VITALS
from messaging.queries import load_contact

router = APIRouter(include_in_schema=False)

#: what staff may agree with a patient to measure
MEASURES: Final = (
    "body_weight", "systolic_bp", "heart_rate", "spo2", "body_temperature", "blood_glucose", "cgm_glucose", "respiratory_rate",
    "peak_flow", "fev1",
)  # fmt: skip
_ANSWERS: Final = 5


@router.get("/patients/new")
def new_patient_page(request: Request, who: SignedIn, conn: Transaction, now: Now, clinic: OwnClinic) -> Response:
    """Show the form that adds a patient."""
    return _record_form(request, who, conn, now, clinic, None)


@router.post("/patients/new")
def add_patient(request: Request, who: SignedIn, conn: Transaction, now: Now, form: Form, clinic: OwnClinic) -> Response:
    """Add a patient, and go to their page."""
    body = fill(patients.NewPatient, _record(form, clinic))
    made = patients.add_patient(body, who, conn, now, clinic)
    going = f"/patients/{made.patient.public_id}"
    return (
        Response(status_code=204, headers={"X-Going": going})
        if CSRF_HEADER in request.headers
        else RedirectResponse(going, 303)
    )


@router.get("/patients/{public_id}/edit")
def edit_patient_page(
    request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, clinic: OwnClinic
) -> Response:
    """Show the form that edits a patient's record."""
    return _record_form(request, who, conn, now, clinic, read_patient(conn, public_id, who, now, "patient"))


@router.post("/patients/{public_id}/edit")
def edit_patient(
    request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, form: Form, clinic: OwnClinic
) -> Response:
    """Write a patient's record; programmes are changed on their plan, where it is said why."""
    given = _record(form, clinic)
    given.pop("programmes")
    patients.edit_patient(public_id, fill(patients.PatientChange, given), who, conn, now, clinic)
    going = f"/patients/{public_id}"
    return (
        Response(status_code=204, headers={"X-Going": going})
        if CSRF_HEADER in request.headers
        else RedirectResponse(going, 303)
    )


@router.get("/patients/{public_id}/plan")
def plan_page(
    request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, clinic: OwnClinic, rules: InForce
) -> Response:
    """Show what is a patient's own."""
    person = read_patient(conn, public_id, who, now, "plan")
    reader, owned = reader_of(who), own.list_limits(conn, person.id)
    references = own.list_references(conn, person.id)
    held = plan.reference_lines(references, reader, now)
    enrolments = plan.titles(own.list_enrolments(conn, person.id), clinic.programmes)
    seen = limits.limits_of(rules, person, owned, now)
    return show(
        request,
        conn,
        who,
        now,
        "plan.html",
        active="/patients",
        patient=person,
        person=queries.load_people(conn, [person.id])[person.id],
        contact=load_contact(conn, person.id),
        **load_summary(conn, person, clinic, now),
        enrolments=[row for row in enrolments if row[0].ends_at is None],
        ended=[row for row in enrolments if row[0].ends_at is not None],
        templates=[one for one in clinic.programmes.values() if one.name not in person.programmes],
        limits=plan.limit_lines((one.bounds, one.own) for one in seen),
        past_limits=[one for one in owned if one.ends_at is not None and one.ends_at <= now][:10],
        policy=clinic.policy,
        references=held,
        missing=plan.missing_references(
            [clinic.programmes[name] for name in person.programmes if name in clinic.programmes],
            [row[0].name for row in held],
        ),
        weight_unit=reader.display(VITALS[COLUMN["body_weight"]]).unit,
        pauses=own.list_pauses(conn, person.id)[:6],
        pause_words=plan.pause_words,
        pause_kinds=PAUSES,
        longest_pause=LONGEST_PAUSE.days,
        measures=[(name, title_of(name)) for name in MEASURES],
        every=plan.EVERY,
        answers=care.list_answers(conn, person.id, limit=_ANSWERS),
        questionnaires=[
            clinic.questionnaires[name]
            for name in dict.fromkeys(
                name for one in person.programmes if one in clinic.programmes for name in clinic.programmes[one].questionnaires
            )
        ],
        all_questionnaires=clinic.questionnaires,
    )


@router.post("/patients/{public_id}/plan/{what}")
def change_plan(
    request: Request,
    public_id: str,
    what: str,
    who: SignedIn,
    conn: Transaction,
    now: Now,
    form: Form,
    clinic: OwnClinic,
    engine: Judging,
) -> Response:
    """Change one thing of a patient's plan."""
    zone = reader_of(who).zone
    reason = {"reason": form.get("reason", "").strip()}
    match what:
        case "enrol":
            body = fill(programmes.NewEnrolment, {"programme": form.get("programme", ""), **reason})
            programmes.enrol(public_id, body, who, conn, now, clinic)
        case "end-programme":
            name = form.get("programme", "")
            programmes.end_enrolment(public_id, name, fill(programmes.Reason, reason), who, conn, now)
        case "limit":
            given = {"limit": _number(form, "limit"), "until": local_time(form.get("until", ""), zone), **reason}
            limits.set_limit(request, public_id, form.get("rule", ""), fill(limits.NewLimit, given), who, conn, now, clinic)
        case "end-limit":
            limits.end_limit(request, public_id, form.get("rule", ""), fill(programmes.Reason, reason), who, conn, now)
        case "reference":
            _set_reference(public_id, who, conn, now, form, reason)
        case "schedule":
            _set_schedule(public_id, who, conn, now, form, reason)
        case "pause":
            given = {"why": form.get("why", ""), "until": local_time(form.get("until", ""), zone), "note": form.get("note", "")}
            schedules.add_pause(public_id, fill(schedules.NewPause, given), who, conn, now)
        case "end-pause":
            schedules.end_pause(public_id, form.get("pause", ""), who, conn, now)
        case "status":
            body_ = fill(programmes.Standing, {"status": form.get("status", ""), **reason})
            programmes.set_status(public_id, body_, who, conn, now)
        case "answer":
            answers = {name.removeprefix("answer-"): int(value) for name, value in form.items() if name.startswith("answer-")}
            given_ = {"questionnaire": form.get("questionnaire", ""), "answers": answers}
            questionnaires.add_answer(public_id, fill(questionnaires.NewAnswer, given_), who, conn, now, clinic, engine)
        case _:
            raise Problem(404, "not_found", "there is no such form")
    return done(request, form, f"/patients/{public_id}/plan")


def load_summary(conn: Connection[Any], person: Patient, clinic: Clinic, now: datetime) -> dict[str, Any]:
    """Return what the patient's page and the plan both say: what is asked and kept, a pause, and what the readings come to."""
    zone = ZoneInfo(load_contact(conn, person.id).zone)
    scheduled, pauses = own.list_schedules(conn, person.id), own.list_pauses(conn, person.id)
    kept = summaries.adherences(conn, person.id, scheduled, pauses, zone, now)
    protocols = [clinic.programmes[name].pressure_protocol for name in person.programmes if name in clinic.programmes]
    protocol = next((one for one in protocols if one is not None), None)
    week = None if protocol is None else summaries.load_home_pressure(conn, person.id, protocol, zone, now)
    glucose = summaries.load_glucose_summary(conn, person.id, now)
    return {
        "asked": plan.asked_lines(in_force(scheduled, now), kept, clinic.programmes),
        "paused": pause_at(pauses, now),
        "pause_said": plan.pause_words,
        "week": week,
        "week_said": None if week is None else plan.pressure_words(week),
        "glucose": glucose,
        "bands": [] if glucose is None else plan.glucose_bands(glucose),
    }


def _set_reference(
    public_id: str, who: Viewer, conn: Transaction, now: datetime, form: Mapping[str, str], reason: dict[str, str]
) -> None:
    name, value = form.get("name", ""), _number(form, "value")
    if name not in ("dry_weight", "spo2_scale"):
        raise Problem(422, "invalid", "choose what is set")
    if name == "dry_weight" and value is not None and form.get("unit") == "lb":
        value = round(convert(VITALS[COLUMN["body_weight"]], value, "[lb_av]"), 1)
    limits.set_reference(public_id, name, fill(limits.NewReference, {"value": value, **reason}), who, conn, now)  # type: ignore[arg-type]


def _set_schedule(
    public_id: str, who: Viewer, conn: Transaction, now: datetime, form: Mapping[str, str], reason: dict[str, str]
) -> None:
    measure, minutes = form.get("measure", ""), form.get("every", "")
    if measure not in COLUMN:
        raise Problem(422, "invalid", "choose what is measured")
    given = {"every_minutes": int(minutes) if minutes.isdecimal() and int(minutes) else None, "at": form.get("at", "").split()}
    schedules.set_schedule(public_id, measure, fill(schedules.NewSchedule, given | reason), who, conn, now)  # type: ignore[arg-type]


def _number(form: Mapping[str, str], name: str) -> float | None:
    text = form.get(name, "").strip().replace(",", ".")
    try:
        return float(text) if text else None
    except ValueError:
        raise Problem(422, "invalid", f"{name} is not a number") from None


def _record(form: Mapping[str, str], clinic: Clinic) -> dict[str, Any]:
    """Return the record and contact that a form says."""
    given: dict[str, Any] = {
        name: form.get(name, "").strip()
        for name in ("record_number", "name", "sex", "emergency_number", "address", "access_note")
    }
    given["birth_date"] = form.get("birth_date") or None
    given["coordinator"] = form.get("coordinator") or None
    given["programmes"] = [name for name in clinic.programmes if form.get(f"programme-{name}")]
    contact = {name: form.get(name, "").strip() for name in ("language", "contact_mode", "zone")}
    given["contact"] = contact | {"phone": form.get("phone", "").replace(" ", "") or None}
    return given


def _record_form(
    request: Request, who: Viewer, conn: Transaction, now: datetime, clinic: Clinic, person: Patient | None
) -> Response:
    if person is None:
        record(conn, who, "new_patient_form", "patients", now)
    return show(
        request,
        conn,
        who,
        now,
        "patient_form.html",
        active="/patients",
        patient=person,
        contact=None if person is None else load_contact(conn, person.id),
        staff=[one for one in care.list_staff(conn) if one.disabled_at is None],
        templates=clinic.programmes.values(),
        languages=LANGUAGES,
        modes=CONTACT_MODES,
        zones=sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "posix", "right"))),
    )
