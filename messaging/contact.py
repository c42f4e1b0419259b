"""How a patient is reached: the one place that holds a phone number.

Patients are known here by key only. Deciding whether and when to write or call is the work of the outbox, not of this noun.
"""

from dataclasses import dataclass
from typing import Literal

ContactMode = Literal["call", "text", "call_or_text", "none"]


@dataclass(frozen=True, slots=True)
class Contact:
    """How one patient is reached."""

    #: key of the patient
    patient_id: int
    #: number in E.164 form such as "+15550100", None where there is none
    phone: str | None = None
    #: BCP 47 language the patient is spoken to in
    language: str = "en"
    #: what the patient agreed to
    contact_mode: ContactMode = "call"
    #: IANA time zone the patient lives in: quiet hours and days are counted in it
    zone: str = "UTC"
