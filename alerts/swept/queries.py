"""What the sweep asks the database about silence, adherence and devices.

Every function takes the caller's connection first and never commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from alerts.swept.why import HomeDevice
from database.sql import load_sql
from devices.vitals import VITALS

SQL: Final = load_sql(__file__)

#: how far back the last reading of something prescribed may lie; further back it never came
_OLDEST: Final = timedelta(days=400)
_NAMES: Final = [vital.name for vital in VITALS]


@dataclass(frozen=True, slots=True)
class SilentMeasure:
    """Something prescribed that did not come."""

    #: key of the patient
    patient_id: int
    #: a vital
    measure: str
    #: how often it is asked for
    every: timedelta
    #: when it last came, None where it never did
    last_at: datetime | None
    #: key of the device that it last came from
    device_id: int | None
    #: from when its silence is counted
    since: datetime
    #: how much of the time since then counts
    counted: timedelta


@dataclass(frozen=True, slots=True)
class LastAlert:
    """The newest alert of one rule about one subject of one patient."""

    #: key of the alert
    id: int
    #: key of the patient
    patient_id: int
    #: name of the rule
    rule: str
    subject: str | None
    opened_at: datetime
    #: None while it is open
    closed_at: datetime | None
    #: a person closed it
    is_settled: bool


@dataclass(frozen=True, slots=True)
class CheckedDevice:
    """One device that measures somebody, as far as a technician would ask."""

    #: key of the device
    id: int
    #: public id
    public_id: str
    #: what it is, in a word
    kind: str
    #: key of the patient who has it, of several the one who has it longest
    patient_id: int
    #: percent, None where it never said
    battery: int | None
    #: seconds its clock is ahead of ours, None where it never said
    clock_offset: float | None


def list_asked_patients(conn: Connection[Any], now: datetime, after: int, limit: int) -> list[int]:
    """Return patients above a key of whom something is expected."""
    return [row[0] for row in conn.execute(SQL["list_asked_patients"], {"now": now, "after": after, "limit": limit})]


def list_silent_measures(conn: Connection[Any], patient_ids: Sequence[int], now: datetime, least: float) -> list[SilentMeasure]:
    """Return what was prescribed to these patients, did not come for `least` of its intervals, and has no alert open yet."""
    given = {"patient_ids": list(patient_ids), "now": now, "least": least, "vitals": _NAMES, "oldest": now - _OLDEST}
    return [SilentMeasure(*row) for row in conn.execute(SQL["list_silent_measures"], given)]


def load_homes(conn: Connection[Any], patient_ids: Sequence[int], now: datetime) -> dict[int, list[HomeDevice]]:
    """Return what measures these patients now, by patient."""
    found: dict[int, list[HomeDevice]] = {}
    for patient_id, *device in conn.execute(SQL["list_home_devices"], {"patient_ids": list(patient_ids), "now": now}):
        found.setdefault(patient_id, []).append(HomeDevice(*device))
    return found


def list_settled_silences(conn: Connection[Any], now: datetime) -> list[tuple[int, int, str]]:
    """Return (alert, patient, why) of open alerts about a prescribed measure that are over."""
    return conn.execute(SQL["list_settled_silences"], {"now": now, "vitals": _NAMES}).fetchall()


def list_paused_device_silences(conn: Connection[Any], now: datetime) -> list[tuple[int, int, str]]:
    """Return (alert, patient, why) of open alerts about a silent device of whose patient nothing is expected."""
    return conn.execute(SQL["list_paused_device_silences"], {"now": now}).fetchall()


def lock_devices_of_alerts(conn: Connection[Any], alert_ids: Sequence[int]) -> list[int]:
    """Lock the state of the devices that alerts are about; return their keys."""
    return [row[0] for row in conn.execute(SQL["lock_devices_of_alerts"], {"alert_ids": list(alert_ids)})]


def list_adherence_due(conn: Connection[Any], now: datetime, after: int, limit: int) -> list[tuple[int, str]]:
    """Return (patient, zone) above a key whose own day has turned since they were last looked at."""
    return conn.execute(SQL["list_adherence_due"], {"now": now, "after": after, "limit": limit}).fetchall()


def note_adherence_judged(conn: Connection[Any], judged: Sequence[tuple[int, date]]) -> None:
    """Remember on which of their own days patients were looked at."""
    given = {"patient_id": [patient for patient, _ in judged], "judged_on": [day for _, day in judged]}
    conn.execute(SQL["note_adherence_judged"], given)


def list_unseen(conn: Connection[Any], since: datetime, now: datetime) -> list[tuple[datetime, datetime]]:
    """Return long stretches in which our own path was down."""
    return conn.execute(SQL["list_unseen"], {"since": since, "now": now}).fetchall()


def list_last_alerts(
    conn: Connection[Any], patient_ids: Sequence[int], rules: Sequence[str]
) -> dict[tuple[int, str, str | None], LastAlert]:
    """Return the newest alert of each (patient, rule, subject)."""
    rows = conn.execute(SQL["list_last_alerts"], {"patient_ids": list(patient_ids), "rules": list(rules)})
    return {(one.patient_id, one.rule, one.subject): one for one in (LastAlert(*row) for row in rows)}


def list_technical_due(conn: Connection[Any], now: datetime, before: datetime, after: int, limit: int) -> list[CheckedDevice]:
    """Return devices above a key that measure somebody and were last looked at before then."""
    rows = conn.execute(SQL["list_technical_due"], {"now": now, "before": before, "after": after, "limit": limit})
    return [CheckedDevice(*row) for row in rows]


def note_technical_judged(conn: Connection[Any], device_ids: Sequence[int], now: datetime) -> None:
    """Remember when devices were looked at."""
    conn.execute(SQL["note_technical_judged"], {"device_ids": list(device_ids), "now": now})


def count_lost(conn: Connection[Any], device_ids: Sequence[int], since: datetime) -> dict[int, float]:
    """Return how many measurements devices gave up on since then, by device; those that lost none are missing."""
    return dict(conn.execute(SQL["count_lost"], {"device_ids": list(device_ids), "since": since}).fetchall())


def count_suspect(conn: Connection[Any], device_ids: Sequence[int], since: datetime) -> dict[int, tuple[float, float]]:
    """Return how many measurements devices made since then, and how many held a suspect value, by device."""
    rows = conn.execute(SQL["count_suspect"], {"device_ids": list(device_ids), "since": since})
    return {device: (count, suspect) for device, count, suspect in rows}
