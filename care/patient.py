"""A patient: the person whom every reading, alert and call is about.

The header of the patient's page is made of this record, so that two people are never mixed up. How to reach the patient
(phone, language) belongs to `messaging`; what was measured belongs to `devices`.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

Sex = Literal["female", "male", "other", "unknown"]


@dataclass(frozen=True, slots=True)
class Patient:
    """One person looked after at home."""

    #: key inside the database; the outside sees public_id
    id: int
    #: random id that the outside sees
    public_id: str
    #: the clinic's own number for this person; unique
    record_number: str
    #: full name as the clinic writes it
    name: str
    #: None where the clinic does not know it
    birth_date: date | None
    #: as recorded by the clinic
    sex: Sex
    #: programmes the patient is enrolled in, such as ("copd",); rules select by them
    programmes: tuple[str, ...]
    #: key of the primary coordinator, None where nobody is named
    coordinator_id: int | None
    #: public id of the primary coordinator
    coordinator: str | None
    #: name of the primary coordinator
    coordinator_name: str | None
    #: emergency number where the patient lives, such as "911"
    emergency_number: str
    #: where an ambulance would go
    address: str
    #: how to get in: key safe, gate code, dog
    access_note: str
    #: made up: the patient that proves the whole path, or one of a demonstration
    is_synthetic: bool
    #: when the record was made
    created_at: datetime
    #: whether they are looked after: "active"; or nothing more is asked of them: "hospice", "deceased"
    status: Literal["active", "hospice", "deceased"] = "active"


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """What staff may write about a patient; the rest of the record is ours."""

    #: the clinic's own number for this person; unique
    record_number: str
    #: full name as the clinic writes it
    name: str
    #: None where the clinic does not know it
    birth_date: date | None = None
    #: as recorded by the clinic
    sex: Sex = "unknown"
    #: programmes the patient is enrolled in
    programmes: tuple[str, ...] = ()
    #: key of the primary coordinator
    coordinator_id: int | None = None
    #: emergency number where the patient lives
    emergency_number: str = ""
    #: where an ambulance would go
    address: str = ""
    #: how to get in
    access_note: str = ""
    #: made up
    is_synthetic: bool = False


class RecordNumberTaken(ValueError):
    """Another patient already has this record number."""
