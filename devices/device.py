"""Devices and assignments: what measures, and for whom from when to when."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Device:
    """One thing that measures, and what is known of it by now."""

    #: key inside the database; the outside sees public_id
    id: int
    #: MQTT username and client id of a native device, "theengs-<address>" of one that a gateway hears
    public_id: str
    #: what it is, in a word: "cuff", "scale", "oximeter", "gateway"
    kind: str
    #: maker and model
    model: str
    #: name in devices.codecs.CODECS
    codec: str
    #: how often a reading is due; None is never called silent
    expected_every: timedelta | None
    #: when it was added
    created_at: datetime
    #: since when nothing is taken from it any more
    revoked_at: datetime | None
    #: None where it never said
    online: bool | None
    #: percent, None where it never said
    battery: int | None
    #: version of what runs on it
    software: str | None
    #: seconds its clock is ahead of ours, None where it never said
    clock_offset: float | None
    #: whether it is late by its own schedule
    silent: bool
    #: when the newest message came
    last_received_at: datetime | None
    #: when the newest measurement was made
    last_measured_at: datetime | None
    #: readings that are stored, of which suspect, that came again, and that are in quarantine
    readings_stored: int
    readings_suspect: int
    readings_duplicate: int
    readings_quarantined: int
    #: public id of the gateway it is heard through, None where it is heard by itself
    gateway: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """This device, and this of its users, measures this patient, from–to."""

    #: key inside the database
    id: int
    #: random id that the outside sees
    public_id: str
    device_id: int
    #: public id of the device
    device: str
    #: which of a shared device's users, None where any
    user_slot: int | None
    patient_id: int
    #: public id of the patient
    patient: str
    #: None since ever
    starts_at: datetime | None
    #: None while it lasts; the first moment after it
    ends_at: datetime | None
    #: staff id, None where a command did it
    assigned_by: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Reassigned:
    """What a change of assignments did to stored measurements."""

    assignment: Assignment
    #: measurements that changed hands
    measurements: int
    #: patients that gained or lost one, ascending: to be judged again
    patients: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unattributed:
    """Measurements of one device and slot that belong to nobody: "whose is this?"."""

    device_id: int
    #: public id of the device
    device: str
    kind: str
    model: str
    #: None where the payload named none
    user_slot: int | None
    #: how many
    measurements: int
    first_at: datetime
    last_at: datetime
    #: patients who ever had this device, most recent first; only a suggestion
    candidates: tuple[int, ...]


class DeviceExists(ValueError):
    """Another device already has this public id."""


class AssignmentOverlaps(ValueError):
    """Somebody already has this device and slot in a part of that time."""
