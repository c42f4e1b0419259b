"""What a patient's plan asks the database.

Every function takes the caller's connection first and never commits. Rows are ended, never rewritten.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import class_row, kwargs_row

from care.plan.own import Enrolment, OwnLimit, OwnReference, Pause, Prescribed
from care.pressure import Pressure
from care.programme import Prescription
from database.sql import load_sql
from devices.vitals import COLUMN, VITALS

SQL: Final = load_sql(__file__)

#: how far back the usual value of a patient is looked for, and of how many readings it takes
USUAL_SPAN: Final = timedelta(days=14)
USUAL_FROM: Final = 5


def list_enrolments(conn: Connection[Any], patient_id: int) -> list[Enrolment]:
    """Return a patient's programmes, those that last first."""
    with conn.cursor(row_factory=class_row(Enrolment)) as cursor:
        return cursor.execute(SQL["enrolments"], {"patient_id": patient_id}).fetchall()


def lasting_programmes(conn: Connection[Any], patient_id: int) -> set[str]:
    """Return the programmes a patient is in."""
    return {row[0] for row in conn.execute(SQL["lasting_programmes"], {"patient_id": patient_id})}


def add_enrolment(
    conn: Connection[Any], patient_id: int, programme: str, template: int, *, by: int | None, reason: str, now: datetime
) -> str | None:
    """Add a patient to a programme, and its name to their record, which rules select by.

    Return the enrolment's random id, None where they are in it already.
    """
    given = {"patient_id": patient_id, "programme": programme, "template": template, "by": by, "reason": reason, "now": now}
    row = conn.execute(SQL["add_enrolment"], given).fetchone()
    conn.execute(SQL["name_programme"], given)
    return None if row is None else row[0]


def end_enrolment(
    conn: Connection[Any], patient_id: int, programme: str, *, by: int | None, reason: str, now: datetime
) -> bool:
    """End a patient's time in a programme and take its name off their record; say whether they were in it."""
    given = {"patient_id": patient_id, "programme": programme, "by": by, "reason": reason, "now": now}
    had_row = conn.execute(SQL["end_enrolment"], given).fetchone() is not None
    return conn.execute(SQL["unname_programme"], given).fetchone() is not None or had_row


def list_limits(conn: Connection[Any], patient_id: int) -> list[OwnLimit]:
    """Return a patient's own limits, past ones too, the newest first."""
    with conn.cursor(row_factory=class_row(OwnLimit)) as cursor:
        return cursor.execute(SQL["limits"], {"patient_id": patient_id}).fetchall()


def add_limit(
    conn: Connection[Any],
    patient_id: int,
    rule: str,
    limit: float,
    *,
    until: datetime | None,
    is_loosening: bool,
    by: int,
    reason: str,
    now: datetime,
) -> str:
    """Set a limit from now on; one without an end takes the place of those before it."""
    given = {"patient_id": patient_id, "rule": rule, "limit": limit, "until": until, "is_loosening": is_loosening}
    row = conn.execute(SQL["add_limit"], given | {"by": by, "reason": reason, "now": now}).fetchone()
    assert row is not None
    if until is None:
        end_limits(conn, patient_id, rule, by=by, reason="another limit took its place", now=now, but=row[0])
    return str(row[0])


def end_limits(
    conn: Connection[Any], patient_id: int, rule: str, *, by: int, reason: str, now: datetime, but: str = ""
) -> bool:
    """End a patient's own limits of a rule, but for one; say whether there were any."""
    given = {"patient_id": patient_id, "rule": rule, "by": by, "reason": reason, "now": now, "but": but}
    return bool(conn.execute(SQL["end_limits"], given).fetchall())


def list_references(conn: Connection[Any], patient_id: int) -> list[OwnReference]:
    """Return a patient's references, past ones too, the newest first."""
    with conn.cursor(row_factory=class_row(OwnReference)) as cursor:
        return cursor.execute(SQL["references"], {"patient_id": patient_id}).fetchall()


def set_reference(
    conn: Connection[Any], patient_id: int, name: str, value: float, *, by: int, reason: str, now: datetime
) -> str:
    """Set a reference from now on, in the place of the one before."""
    given = {"patient_id": patient_id, "name": name, "value": value, "by": by, "reason": reason, "now": now}
    row = conn.execute(SQL["add_reference"], given).fetchone()
    assert row is not None
    conn.execute(SQL["end_references"], given | {"reason": "another value took its place", "but": row[0]})
    return str(row[0])


def end_reference(conn: Connection[Any], patient_id: int, name: str, *, by: int, reason: str, now: datetime) -> bool:
    """End a reference; say whether there was one."""
    given = {"patient_id": patient_id, "name": name, "by": by, "reason": reason, "now": now, "but": ""}
    return bool(conn.execute(SQL["end_references"], given).fetchall())


def list_schedules(conn: Connection[Any], patient_id: int) -> list[Prescribed]:
    """Return what a patient is and was asked to measure, by measure."""
    with conn.cursor(row_factory=kwargs_row(_prescribed)) as cursor:
        return cursor.execute(SQL["schedules"], {"patient_id": patient_id}).fetchall()


def add_schedules(
    conn: Connection[Any],
    patient_id: int,
    programme: str,
    schedule: Sequence[Prescription],
    *,
    by: int | None,
    reason: str,
    now: datetime,
) -> None:
    """Lay out the schedule of a programme; what was agreed with the patient stays as it is."""
    given = {
        "measure": [one.measure for one in schedule],
        "every": [one.every for one in schedule],
        "times": ["{" + ",".join(one.at) + "}" for one in schedule],
    }
    known = {"patient_id": patient_id, "programme": programme, "by": by, "reason": reason, "now": now}
    conn.execute(SQL["add_schedules"], given | known)


def set_own_schedule(
    conn: Connection[Any],
    patient_id: int,
    measure: str,
    every: timedelta | None,
    at: Sequence[str],
    *,
    by: int,
    reason: str,
    now: datetime,
) -> None:
    """Agree with a patient how often they measure something, in the place of any template; None is not at all."""
    end_schedules(conn, patient_id, measure=measure, by=by, reason=reason, now=now)
    if every is not None:
        given = {"patient_id": patient_id, "measure": measure, "every": every, "times": list(at)}
        conn.execute(SQL["add_own_schedule"], given | {"by": by, "reason": reason, "now": now})


def end_schedules(
    conn: Connection[Any],
    patient_id: int,
    *,
    by: int | None,
    reason: str,
    now: datetime,
    measure: str | None = None,
    programme: str | None = None,
) -> None:
    """End what a patient is asked to measure: of a measure, of a programme, or all of it."""
    given = {"patient_id": patient_id, "by": by, "reason": reason, "now": now, "measure": measure, "programme": programme}
    conn.execute(SQL["end_schedules"], given)


def list_pauses(conn: Connection[Any], patient_id: int) -> list[Pause]:
    """Return a patient's pauses, the newest first."""
    with conn.cursor(row_factory=class_row(Pause)) as cursor:
        return cursor.execute(SQL["pauses"], {"patient_id": patient_id}).fetchall()


def add_pause(
    conn: Connection[Any],
    patient_id: int,
    why: str,
    starts_at: datetime,
    until: datetime,
    *,
    by: int | None,
    note: str,
    now: datetime,
) -> str:
    """Expect nothing of a patient for a time."""
    given = {"patient_id": patient_id, "why": why, "starts_at": starts_at, "until": until, "by": by, "note": note, "now": now}
    row = conn.execute(SQL["add_pause"], given).fetchone()
    assert row is not None
    return str(row[0])


def end_pause(conn: Connection[Any], patient_id: int, public_id: str, *, by: int, now: datetime) -> bool:
    """End a pause early; say whether it lasted."""
    given = {"patient_id": patient_id, "public_id": public_id, "by": by, "now": now}
    return conn.execute(SQL["end_pause"], given).fetchone() is not None


def end_pauses_by_readings(conn: Connection[Any], now: datetime) -> list[int]:
    """End pauses of patients who measured since they began; return the patients."""
    return [row[0] for row in conn.execute(SQL["end_pauses_by_readings"], {"now": now})]


def end_pauses(conn: Connection[Any], patient_id: int, *, by: int | None, now: datetime) -> None:
    """End all pauses of a patient."""
    conn.execute(SQL["end_pauses"], {"patient_id": patient_id, "by": by, "now": now})


def set_status(conn: Connection[Any], patient_id: int, status: str, *, by: int | None, reason: str, now: datetime) -> bool:
    """Write whether a patient is looked after; say whether that is new."""
    given = {"patient_id": patient_id, "status": status, "by": by, "reason": reason, "now": now}
    if conn.execute(SQL["set_status"], given).fetchone() is None:
        return False
    conn.execute(SQL["add_status"], given)
    return True


def find_usual(conn: Connection[Any], patient_id: int, vital: str, now: datetime) -> float | None:
    """Return what is usual for a patient: the median of the last two weeks, None where too little was measured."""
    given = {"patient_id": patient_id, "vital": COLUMN[vital], "since": now - USUAL_SPAN}
    row = conn.execute(SQL["usual"], given).fetchone()
    return None if row is None or row[1] < USUAL_FROM else float(row[0])


def _prescribed(*, at: list[str], **columns: Any) -> Prescribed:
    return Prescribed(at=tuple(at), **columns)


def measured_days(
    conn: Connection[Any], patient_id: int, measures: Sequence[str], since: datetime, zone: str
) -> dict[str, set[date]]:
    """Return the patient-local days with an accepted device reading, by measure."""
    given = {"patient_id": patient_id, "vitals": [COLUMN[name] for name in measures], "since": since, "zone": zone}
    found: dict[str, set[date]] = {name: set() for name in measures}
    for vital, day in conn.execute(SQL["measured_days"], given):
        found[VITALS[vital].name].add(day)
    return found


def list_pressures(conn: Connection[Any], patient_id: int, since: datetime) -> list[Pressure]:
    """Return clean readings of both pressures, in order of time."""
    with conn.cursor(row_factory=class_row(Pressure)) as cursor:
        return cursor.execute(SQL["pressures"], {"patient_id": patient_id, "since": since}).fetchall()


def load_sensor_glucose(
    conn: Connection[Any], patient_id: int, since: datetime, now: datetime
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return clean sensor glucose (n,) mg/dL and its times (n,) µs, in any order."""
    given = {"patient_id": patient_id, "since": since, "now": now}
    rows = conn.execute(SQL["sensor_glucose"], given, binary=True).fetchall()
    return np.array([row[1] for row in rows], np.float64), np.array([row[0] for row in rows], np.int64)
