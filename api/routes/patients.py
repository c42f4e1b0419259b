"""Patients: who they are and how they are reached. Reading a patient's record is audited like writing it.

A search travels in a body, since a name in an address ends up in logs and histories.
"""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.access import SignedIn, Viewer, record
from api.clinic import OwnClinic
from api.documented import Line, PathId, RandomId, Text, Word, Zone, problems
from api.outside import OUTSIDE
from api.problems import Problem, not_found
from api.transaction import Now, Transaction
from care import queries
from care.patient import Patient, PatientFacts, RecordNumberTaken, Sex
from messaging import queries as messaging
from messaging.contact import Contact, ContactMode

router = APIRouter(prefix="/patients", tags=["patients"])

PatientOut = Annotated[Patient, OUTSIDE]
Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
BirthDate = Annotated[date, Field(ge=date(1880, 1, 1), le=date(2200, 1, 1))]

_EXAMPLE: Any = {
    "record_number": "MRN-20418",
    "name": "Ruth Adeyemi",
    "birth_date": "1948-03-02",
    "sex": "female",
    "programmes": ["heart_failure"],
    "emergency_number": "911",
    "address": "12 Example Street, Springfield",
    "contact": {"phone": "+15555550142", "language": "en", "contact_mode": "call", "zone": "America/Chicago"},
}


class ContactBody(BaseModel):
    """How the patient is reached."""

    model_config = ConfigDict(extra="forbid")
    phone: Phone | None = None
    language: Language = "en"
    contact_mode: ContactMode = "call"
    zone: Zone = "UTC"


class PatientChange(BaseModel):
    """What to write about a patient; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"address": "14 Example Street, Springfield"}})
    record_number: Line = ""
    name: Line = ""
    birth_date: BirthDate | None = None
    sex: Sex = "unknown"
    programmes: list[Word] = Field(default=[], max_length=20)
    coordinator: RandomId | None = Field(None, description="the primary coordinator, one of /api/v1/staff")
    emergency_number: Annotated[str, StringConstraints(pattern=r"^[0-9+ ]{0,20}$")] = ""
    address: Text = ""
    access_note: Text = ""
    contact: ContactBody = ContactBody()


class NewPatient(PatientChange):
    """A patient to add."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _EXAMPLE})
    record_number: Line
    name: Line


class Search(BaseModel):
    """What to look for."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"text": "adey"}})
    text: Line = Field(description="part of a name, start of a record number, or a birth date as YYYY-MM-DD")
    limit: int = Field(20, ge=1, le=100)


@dataclass(frozen=True, slots=True)
class Record:
    """A patient with all that the header of their page says."""

    #: who it is
    patient: PatientOut
    #: how they are reached
    contact: Annotated[Contact, OUTSIDE]
    #: random ids of other patients with the same name: take care not to mix them up
    namesakes: tuple[str, ...]


@router.get("", responses=problems())
def list_patients(
    who: SignedIn,
    conn: Transaction,
    now: Now,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> list[PatientOut]:
    """List patients by name."""
    patients = queries.list_patients(conn, limit=limit, offset=offset)
    record(conn, who, "list_patients", "patients", now, count=len(patients))
    return patients


@router.post("/search", responses=problems())
def search_patients(body: Search, who: SignedIn, conn: Transaction, now: Now) -> list[PatientOut]:
    """Find patients by a part of the name, the start of the record number, or the birth date."""
    patients = queries.search_patients(conn, body.text, limit=body.limit)
    record(conn, who, "search_patients", "patients", now, found=[patient.public_id for patient in patients])
    return patients


@router.post("", status_code=201, responses=problems(409))
def add_patient(body: NewPatient, who: SignedIn, conn: Transaction, now: Now, clinic: OwnClinic) -> Record:
    """Add a patient; they are enrolled in the programmes named, whose templates are laid out."""
    given = body.model_dump(exclude={"contact", "coordinator"})
    facts = PatientFacts(
        **given | {"programmes": tuple(body.programmes), "coordinator_id": _coordinator(conn, body.coordinator)}
    )
    try:
        patient = queries.add_patient(conn, facts, now, by=who.staff_id, templates=clinic.programmes)
    except RecordNumberTaken as error:
        raise Problem(409, "record_number_taken", str(error)) from None
    messaging.save_contact(conn, Contact(patient.id, **body.contact.model_dump()))
    record(conn, who, "add_patient", f"patient/{patient.public_id}", now)
    return _record(conn, patient)


@router.get("/{public_id}", responses=problems(404))
def get_patient(public_id: PathId, who: SignedIn, conn: Transaction, now: Now) -> Record:
    """Return one patient."""
    patient = load_patient(conn, public_id)
    record(conn, who, "read_patient", f"patient/{public_id}", now)
    return _record(conn, patient)


@router.patch("/{public_id}", responses=problems(404, 409))
def edit_patient(
    public_id: PathId, body: PatientChange, who: SignedIn, conn: Transaction, now: Now, clinic: OwnClinic
) -> Record:
    """Change what is written about a patient; what is left out stays as it is.

    Programmes that are new are enrolled in, those that are gone are ended.
    """
    patient = load_patient(conn, public_id)
    given = body.model_dump(exclude_unset=True)
    contact = given.pop("contact", None)
    if "coordinator" in given:
        given["coordinator_id"] = _coordinator(conn, given.pop("coordinator"))
    if "programmes" in given:
        given["programmes"] = tuple(given["programmes"])
    kept = {name: value for name, value in asdict(patient).items() if name in PatientFacts.__dataclass_fields__}
    try:
        patient = queries.edit_patient(
            conn, public_id, PatientFacts(**kept | given), now, by=who.staff_id, templates=clinic.programmes
        )
    except RecordNumberTaken as error:
        raise Problem(409, "record_number_taken", str(error)) from None
    if contact is not None:
        known = asdict(messaging.load_contact(conn, patient.id))
        messaging.save_contact(conn, Contact(**known | contact))
    record(conn, who, "edit_patient", f"patient/{public_id}", now, fields=sorted(body.model_fields_set))
    return _record(conn, patient)


def load_patient(conn: Transaction, public_id: str) -> Patient:
    """Return the patient of an address. Raises a 404 problem."""
    if (patient := queries.find_patient(conn, public_id)) is None:
        raise not_found("patient")
    return patient


def read_patient(conn: Transaction, public_id: str, who: Viewer, now: Any, what: str) -> Patient:
    """Return the patient of an address, and write down that the viewer reads `what` of theirs. Raises a 404 problem."""
    patient = load_patient(conn, public_id)
    record(conn, who, f"read_{what}", f"patient/{public_id}", now)
    return patient


def _record(conn: Transaction, patient: Patient) -> Record:
    namesakes = queries.list_namesakes(conn, patient.id)
    return Record(patient, messaging.load_contact(conn, patient.id), tuple(namesakes))


def _coordinator(conn: Transaction, public_id: str | None) -> int | None:
    if public_id is None:
        return None
    if (staff := queries.find_staff(conn, public_id)) is None:
        raise Problem(409, "unknown_staff", "the coordinator is no member of staff; /api/v1/staff lists them")
    return staff.id
