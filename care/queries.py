"""What `care` asks the database: patients and staff.

Every function takes the caller's connection first and never commits; keys inside, random ids outside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row, kwargs_row
from psycopg.types.json import Jsonb

from care.patient import Patient, PatientFacts, RecordNumberTaken
from care.plan.enrol import follow
from care.programme import Programme
from care.questionnaire import Answered, Questionnaire, score
from care.staff import EmailTaken, GlucoseUnit, LastAdministrator, Role, Staff, UnitSystem
from database.sql import load_sql

SQL: Final = load_sql(__file__)
_PATIENTS: Final = SQL["patients"] + "\n"


def add_patient(
    conn: Connection[Any],
    facts: PatientFacts,
    now: datetime,
    *,
    by: int | None = None,
    templates: Mapping[str, Programme] = MappingProxyType({}),
) -> Patient:
    """Add a patient and enrol them in their programmes. Raises RecordNumberTaken; the caller's transaction stays usable.

    Programmes of `templates` are laid out by them; one that has none is a name for the clinic's own rules.
    """
    try:
        with conn.transaction():
            row = conn.execute(SQL["add_patient"], asdict(facts) | {"now": now}).fetchone()
    except UniqueViolation:
        raise RecordNumberTaken("another patient already has this record number") from None
    assert row is not None
    patient = load_patient(conn, row[0])
    if not facts.programmes:
        return patient
    follow(conn, patient.id, facts.programmes, templates, by=by, reason="with their record", now=now)
    return load_patient(conn, patient.public_id)


def edit_patient(
    conn: Connection[Any],
    public_id: str,
    facts: PatientFacts,
    now: datetime,
    *,
    by: int | None = None,
    templates: Mapping[str, Programme] = MappingProxyType({}),
) -> Patient:
    """Write the facts over those of a patient, and enrol them in or end what programmes changed.

    Raises RecordNumberTaken, LookupError.
    """
    try:
        with conn.transaction():
            conn.execute(SQL["edit_patient"], asdict(facts) | {"public_id": public_id})
    except UniqueViolation:
        raise RecordNumberTaken("another patient already has this record number") from None
    patient = load_patient(conn, public_id)
    if set(patient.programmes) == set(facts.programmes):
        return patient
    follow(conn, patient.id, facts.programmes, templates, by=by, reason="their record was edited", now=now)
    return load_patient(conn, public_id)


def find_patient(conn: Connection[Any], public_id: str) -> Patient | None:
    """Return the patient with this random id."""
    with conn.cursor(row_factory=kwargs_row(_patient)) as cursor:
        return cursor.execute(_PATIENTS + SQL["patient_by_public_id"], {"public_id": public_id}).fetchone()


def find_patient_by_record_number(conn: Connection[Any], record_number: str) -> Patient | None:
    """Return the patient with this record number of the clinic."""
    with conn.cursor(row_factory=kwargs_row(_patient)) as cursor:
        return cursor.execute(_PATIENTS + SQL["patient_by_record_number"], {"record_number": record_number}).fetchone()


def load_patient(conn: Connection[Any], public_id: str) -> Patient:
    """Return the patient with this random id. Raises LookupError."""
    if (patient := find_patient(conn, public_id)) is None:
        raise LookupError(f"there is no patient {public_id}")
    return patient


def load_patients(conn: Connection[Any], ids: Sequence[int]) -> dict[int, Patient]:
    """Return the patients with these keys, by key."""
    with conn.cursor(row_factory=kwargs_row(_patient)) as cursor:
        return {patient.id: patient for patient in cursor.execute(_PATIENTS + SQL["patients_by_key"], {"ids": list(ids)})}


def list_patients(conn: Connection[Any], *, limit: int, offset: int = 0) -> list[Patient]:
    """Return patients by name."""
    with conn.cursor(row_factory=kwargs_row(_patient)) as cursor:
        return cursor.execute(_PATIENTS + SQL["patients_by_name"], {"limit": limit, "offset": offset}).fetchall()


def search_patients(conn: Connection[Any], text: str, *, limit: int) -> list[Patient]:
    """Return patients whose name holds the text, whose record number starts with it, or born on it (YYYY-MM-DD)."""
    with conn.cursor(row_factory=kwargs_row(_patient)) as cursor:
        return cursor.execute(_PATIENTS + SQL["patients_by_text"], {"text": text, "limit": limit}).fetchall()


def list_namesakes(conn: Connection[Any], patient_id: int) -> list[str]:
    """Return the random ids of other patients with the same name, for the warning in the header."""
    return [row[0] for row in conn.execute(SQL["list_namesakes"], {"patient_id": patient_id})]


def add_staff(conn: Connection[Any], *, email: str, name: str, role: Role, zone: str, now: datetime) -> Staff:
    """Add a member of staff who cannot sign in yet. Raises EmailTaken; the caller's transaction stays usable."""
    values = {"email": email, "name": name, "role": role, "zone": zone, "now": now}
    try:
        with conn.transaction(), conn.cursor(row_factory=class_row(Staff)) as cursor:
            staff = cursor.execute(SQL["add_staff"], values).fetchone()
    except UniqueViolation:
        raise EmailTaken("somebody already signs in with this e-mail address") from None
    assert staff is not None
    return staff


def find_staff(conn: Connection[Any], public_id: str) -> Staff | None:
    """Return the member of staff with this random id."""
    with conn.cursor(row_factory=class_row(Staff)) as cursor:
        return cursor.execute(SQL["find_staff"], {"public_id": public_id}).fetchone()


def find_staff_by_email(conn: Connection[Any], email: str) -> Staff | None:
    """Return the member of staff who signs in with this e-mail address, whatever its case."""
    with conn.cursor(row_factory=class_row(Staff)) as cursor:
        return cursor.execute(SQL["find_staff_by_email"], {"email": email}).fetchone()


def list_staff(conn: Connection[Any]) -> list[Staff]:
    """Return everybody, disabled accounts too, by name."""
    with conn.cursor(row_factory=class_row(Staff)) as cursor:
        return cursor.execute(SQL["list_staff"]).fetchall()


def disable_staff(conn: Connection[Any], staff_id: int, now: datetime) -> None:
    """Let somebody sign in no more. Raises LastAdministrator; ending their sessions is the caller's work."""
    administrators = [row[0] for row in conn.execute(SQL["lock_administrators"])]
    if administrators == [staff_id]:
        raise LastAdministrator("this is the last administrator who can sign in; add or enable another one first")
    conn.execute(SQL["disable_staff"], {"staff_id": staff_id, "now": now})


def enable_staff(conn: Connection[Any], staff_id: int) -> None:
    """Let somebody sign in again."""
    conn.execute(SQL["enable_staff"], {"staff_id": staff_id})


def save_preferences(conn: Connection[Any], staff_id: int, *, zone: str, units: UnitSystem, glucose_unit: GlucoseUnit) -> None:
    """Keep how somebody wants to see times and values."""
    conn.execute(SQL["save_preferences"], {"staff_id": staff_id, "zone": zone, "units": units, "glucose_unit": glucose_unit})


def _patient(*, programmes: list[str], **columns: Any) -> Patient:
    return Patient(programmes=tuple(programmes), **columns)


def add_answer(
    conn: Connection[Any],
    patient_id: int,
    questionnaire: Questionnaire,
    answers: Mapping[str, int],
    answered_at: datetime,
    *,
    by: int | None,
    now: datetime,
) -> Answered:
    """Keep a patient's answers with the score they come to. Raises AnswersRefused."""
    scored = score(questionnaire, answers)
    given = {
        "patient_id": patient_id,
        "questionnaire": questionnaire.name,
        "version": questionnaire.version,
        "answered_at": answered_at,
        "now": now,
        "score": scored.score,
        "red_flags": list(scored.red_flags),
        "answers": Jsonb(dict(answers)),
        "by": by,
    }
    row = conn.execute(SQL["add_answer"], given).fetchone()
    assert row is not None
    [kept] = list_answers(conn, patient_id, row[0])
    return kept


def list_answers(conn: Connection[Any], patient_id: int, public_id: str | None = None, *, limit: int = 20) -> list[Answered]:
    """Return what a patient answered, the newest first; or one answer."""
    given = {"patient_id": patient_id, "public_id": public_id, "limit": limit}
    with conn.cursor(row_factory=kwargs_row(_answered)) as cursor:
        return cursor.execute(SQL["answers"], given).fetchall()


def find_red_flag(conn: Connection[Any], patient_ids: Sequence[int], since: datetime) -> dict[int, datetime]:
    """Return when these patients last answered with a symptom that needs a person at once, by key; others are missing."""
    return dict(conn.execute(SQL["find_red_flag"], {"patient_ids": list(patient_ids), "since": since}).fetchall())


def _answered(*, red_flags: list[str], **columns: Any) -> Answered:
    return Answered(red_flags=tuple(red_flags), **columns)
