"""Enrol: laying a programme out for one patient, ending it, and leaving somebody in peace; each in the caller's transaction.

Who, why and when are kept; `patient.programmes` always holds the programmes that last, since rules select by it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from psycopg import Connection

from care.plan import queries
from care.plan.own import AlreadyEnrolled, NotEnrolled, PatientStatus
from care.programme import Programme


def enrol(conn: Connection[Any], patient_id: int, programme: Programme, *, by: int | None, reason: str, now: datetime) -> None:
    """Take a patient into a programme and lay out its schedule. Raises AlreadyEnrolled."""
    added = queries.add_enrolment(conn, patient_id, programme.name, programme.version, by=by, reason=reason, now=now)
    if added is None:
        raise AlreadyEnrolled(f"the patient is in {programme.name!r} already")
    queries.add_schedules(conn, patient_id, programme.name, programme.schedule, by=by, reason=reason, now=now)


def end(conn: Connection[Any], patient_id: int, name: str, *, by: int | None, reason: str, now: datetime) -> None:
    """End a patient's time in a programme and what it asks them to measure. Raises NotEnrolled."""
    if not queries.end_enrolment(conn, patient_id, name, by=by, reason=reason, now=now):
        raise NotEnrolled(f"the patient is not in {name!r}")
    queries.end_schedules(conn, patient_id, programme=name, by=by, reason=reason, now=now)


def follow(
    conn: Connection[Any],
    patient_id: int,
    wanted: Iterable[str],
    templates: Mapping[str, Programme],
    *,
    by: int | None,
    reason: str,
    now: datetime,
) -> None:
    """Make a patient's programmes those of their record: enrol in what is new, end what is gone.

    A name without a template is a programme of the clinic's own rules: enrolled with template 0, and nothing is laid out.
    """
    wanted = list(dict.fromkeys(wanted))
    lasting = queries.lasting_programmes(conn, patient_id)
    for name in sorted(lasting - set(wanted)):
        end(conn, patient_id, name, by=by, reason=reason, now=now)
    for name in wanted:
        if name in lasting:
            continue
        if (programme := templates.get(name)) is not None:
            enrol(conn, patient_id, programme, by=by, reason=reason, now=now)
        else:
            queries.add_enrolment(conn, patient_id, name, 0, by=by, reason=reason, now=now)


def leave_in_peace(
    conn: Connection[Any], patient_id: int, status: PatientStatus, *, by: int, reason: str, now: datetime
) -> bool:
    """Stop everything that a programme asks of a patient who died or whose care turned to comfort; say whether that is new.

    Programmes, schedules and pauses end. Texts, calls and devices belong to other rooms: the caller stops those beside it.
    """
    if not queries.set_status(conn, patient_id, status, by=by, reason=reason, now=now):
        return False
    if status != "active":
        for name in sorted(queries.lasting_programmes(conn, patient_id)):
            end(conn, patient_id, name, by=by, reason=reason, now=now)
        queries.end_schedules(conn, patient_id, by=by, reason=reason, now=now)
        queries.end_pauses(conn, patient_id, by=by, now=now)
    return True
