"""Enrolment: people with their devices, put into the house for a demonstration, a simulation or a replay.

Idempotent: whoever is there stays as they are, and what is missing is added. Real patients are enrolled by staff on the screen.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from psycopg import Connection

from care.patient import PatientFacts, Sex
from care.plan.queries import end_schedules, list_schedules
from care.programme import Programme
from care.queries import add_patient, find_patient_by_record_number
from devices.device import DeviceExists
from devices.queries import add_device, assign, list_assignments, load_device
from devices.simulator.people import Person
from messaging.contact import Contact, ContactMode
from messaging.queries import save_contact


@dataclass(frozen=True, slots=True)
class Instrumented:
    """One device and which of its users somebody is."""

    #: public id, its MQTT name
    device: str
    #: what it is, in a word
    kind: str
    #: maker and model
    model: str = ""
    #: how often a reading is due; None is never called silent
    expected_every: timedelta | None = None
    #: user slot on a shared device
    user_slot: int | None = None


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Somebody to be put into the house."""

    #: what staff would write about them
    facts: PatientFacts
    #: what measures them
    devices: Sequence[Instrumented]
    #: how they are reached, but for the key of the patient; None where nobody knows
    contact: Contact | None = None
    #: vitals that these devices measure
    measures: frozenset[str] = frozenset()


def enrol(
    conn: Connection[Any],
    people: Iterable[Enrolled],
    since: datetime,
    now: datetime,
    templates: Mapping[str, Programme] = MappingProxyType({}),
) -> dict[str, int]:
    """Add whoever is missing, with devices assigned from `since` on; return the keys of all of them by record number.

    With `templates` their programmes are laid out since then, as far as a device of theirs measures it.
    """
    keys = {}
    for person in people:
        patient = find_patient_by_record_number(conn, person.facts.record_number)
        if patient is None:
            patient = add_patient(conn, person.facts, since if templates else now, templates=templates)
            for asked in list_schedules(conn, patient.id):
                if asked.measure not in person.measures:
                    end_schedules(conn, patient.id, measure=asked.measure, by=None, reason="no device for it", now=since)
        keys[person.facts.record_number] = patient.id
        if person.contact is not None:
            save_contact(conn, _of(person.contact, patient.id))
        for one in person.devices:
            _add(conn, one, patient.id, since, now)
    return keys


def describe(person: Person, coordinator_id: int | None) -> Enrolled:
    """Return what enrolling a simulated person takes."""
    facts = PatientFacts(
        record_number=person.record_number,
        name=person.name,
        birth_date=person.birth_date,
        sex=cast("Sex", person.sex),
        programmes=person.programmes,
        coordinator_id=coordinator_id,
        emergency_number=person.emergency_number,
        address=person.address,
        access_note=person.access_note,
        is_synthetic=True,
    )
    devices = [
        Instrumented(person.device_of(one), one.kind, one.model, one.expected_every, one.user_slot)
        for one in person.instruments
    ]
    contact = Contact(0, person.phone, person.language, cast("ContactMode", person.contact_mode), person.zone)
    return Enrolled(facts, devices, contact, frozenset(vital for one in person.instruments for vital in one.vitals))


@dataclass(frozen=True, slots=True)
class DeviceSecrets:
    """The secrets of made-up devices, all derived from one key that the data folder keeps."""

    key: bytes

    @classmethod
    def of(cls, data_dir: Path) -> "DeviceSecrets":
        """Return those of a data folder, made the first time."""
        path = data_dir / "simulator.key"
        with contextlib.suppress(FileExistsError):
            data_dir.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
        return cls(bytes.fromhex(path.read_text()))

    def of_device(self, device_id: str) -> str:
        """Return the secret of one device, the same one every time."""
        return hmac.new(self.key, device_id.encode(), hashlib.sha256).hexdigest()[:32]


def _add(conn: Connection[Any], one: Instrumented, patient_id: int, since: datetime, now: datetime) -> None:
    try:
        device = add_device(conn, one.device, one.kind, model=one.model, expected_every=one.expected_every, now=now)
    except DeviceExists:
        device = load_device(conn, one.device)
    theirs = list_assignments(conn, device_id=device.id, patient_id=patient_id)
    if not any(found.user_slot == one.user_slot for found in theirs):
        assign(conn, device.id, patient_id, user_slot=one.user_slot, starts_at=since, now=now)


def _of(contact: Contact, patient_id: int) -> Contact:
    return Contact(patient_id, contact.phone, contact.language, contact.contact_mode, contact.zone)
