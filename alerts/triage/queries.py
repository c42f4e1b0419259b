"""What triage asks the database.

Every function takes the caller's connection first and never commits.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from psycopg import Connection

from alerts.alert import Alert
from alerts.rule import Direction, Severity
from alerts.triage.decide import RED_FLAG_WITHIN, SECOND_VITAL_WITHIN, Standing
from alerts.triage.orders import Suppressed
from alerts.triage.replies import Asked, Reply
from alerts.triage.scene import Hold, Outcome, Silence
from database.sql import load_sql
from devices.vitals import VITALS

SQL: Final = load_sql(__file__)
_VITALS: Final = [vital.name for vital in VITALS]


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """A silence as it is stored."""

    #: what it covers and who set it
    silence: Silence
    #: key of the patient
    patient_id: int
    #: key of the alert it was set at
    alert_id: int
    #: when it ended, None while it lasts
    ended_at: datetime | None


# what is known ------------------------------------------------------------------------------------------------------


def load_coordinators(conn: Connection[Any], patient_ids: Sequence[int]) -> dict[int, tuple[int | None, str]]:
    """Return key and name of the coordinator of each patient."""
    rows = conn.execute(SQL["load_people"], {"patient_ids": list(patient_ids)})
    return {patient: (staff, name) for patient, staff, name in rows}


def load_names(conn: Connection[Any], staff_ids: Iterable[int]) -> dict[int, str]:
    """Return the names of members of staff, by key."""
    wanted = sorted(set(staff_ids))
    return dict(conn.execute(SQL["load_names"], {"staff_ids": wanted}).fetchall()) if wanted else {}


def load_silences(conn: Connection[Any], patient_ids: Sequence[int]) -> dict[int, list[Silence]]:
    """Return the silences of these patients that nobody ended, by patient."""
    found: dict[int, list[Silence]] = defaultdict(list)
    for row in _silences(conn, "silences_of_patients", {"patient_ids": list(patient_ids)}):
        found[row.patient_id].append(row.silence)
    return found


def list_silences(conn: Connection[Any], now: datetime) -> list[SilenceRow]:
    """Return all silences in force, the soonest end first."""
    return _silences(conn, "silences_in_force", {"now": now})


def find_silence(conn: Connection[Any], public_id: str) -> SilenceRow | None:
    """Return one silence."""
    return next(iter(_silences(conn, "silence_by_public_id", {"public_id": public_id})), None)


def load_holds(conn: Connection[Any], patient_ids: Sequence[int]) -> dict[int, dict[int, Hold]]:
    """Return the pages that wait for a second measurement, by patient and alert."""
    found: dict[int, dict[int, Hold]] = defaultdict(dict)
    for patient, alert, device, asked_at, due_at in conn.execute(SQL["load_holds"], {"patient_ids": list(patient_ids)}):
        found[patient][alert] = Hold(alert, device, asked_at, due_at)
    return found


def load_gateways(conn: Connection[Any], devices: Sequence[str]) -> dict[str, str]:
    """Return the gateway that each of these devices is heard through, those without one left out."""
    return dict(conn.execute(SQL["load_gateways"], {"devices": sorted(set(devices))}).fetchall()) if devices else {}


def load_devices(conn: Connection[Any], alerts: Sequence[Alert], now: datetime) -> dict[int, str]:
    """Return, by key of alert, the device whose reading made it fire, where that is online and takes commands."""
    given = {
        "alert_id": [alert.id for alert in alerts],
        "patient_id": [alert.patient_id for alert in alerts],
        "fired_at": [alert.firings[-1] if alert.firings else alert.fired_at for alert in alerts],
        "now": now,
    }
    return dict(conn.execute(SQL["load_devices"], given).fetchall())


def load_abnormal(conn: Connection[Any], patient_ids: Sequence[int], now: datetime) -> dict[int, dict[str, datetime]]:
    """Return when each vital of these patients last breached a clinical rule, as far as that is recent."""
    found: dict[int, dict[str, datetime]] = defaultdict(dict)
    given = {"patient_ids": list(patient_ids), "since": now - SECOND_VITAL_WITHIN, "vitals": _VITALS}
    for patient, vital, at in conn.execute(SQL["load_abnormal"], given):
        found[patient][vital] = at
    return found


def load_red_flags(conn: Connection[Any], patient_ids: Sequence[int], now: datetime) -> dict[int, datetime]:
    """Return when these patients last said something that must not wait: an alert of kind red_flag was opened for it."""
    given = {"patient_ids": list(patient_ids), "since": now - RED_FLAG_WITHIN}
    return dict(conn.execute(SQL["load_red_flags"], given).fetchall())


# what is written ----------------------------------------------------------------------------------------------------


def add_suppressed(conn: Connection[Any], rows: Sequence[Suppressed]) -> None:
    """Enter rows in the ledger."""
    if rows:
        conn.execute(SQL["add_suppressed"], {"rows": _as_json(rows)})


def end_suppressed(conn: Connection[Any], ended: Mapping[int, str], now: datetime) -> None:
    """End the open rows of alerts, by key, each with how."""
    if ended:
        conn.execute(SQL["end_suppressed"], {"alert_ids": list(ended), "hows": list(ended.values()), "now": now})


def add_holds(conn: Connection[Any], held: Sequence[tuple[Alert, Hold]], now: datetime) -> None:
    """Note which pages wait, for what, and until when."""
    if held:
        rows = [
            {
                "alert_id": hold.alert_id,
                "patient_id": alert.patient_id,
                "vital": alert.subject,
                "device": hold.device,
                "fired_at": alert.firings[-1] if alert.firings else alert.fired_at,
                "due_at": hold.due_at,
            }
            for alert, hold in held
        ]
        conn.execute(SQL["add_holds"], {"rows": _as_json(rows), "now": now})


def end_holds(conn: Connection[Any], ended: Mapping[int, Outcome], now: datetime) -> None:
    """End the holds of alerts, by key, each with how."""
    if ended:
        conn.execute(SQL["end_holds"], {"alert_ids": list(ended), "outcomes": list(ended.values()), "now": now})


def set_standings(conn: Connection[Any], standings: Mapping[int, Standing]) -> None:
    """Write how alerts stand now, by key."""
    if standings:
        rows = [{"id": key, "standing": one.kind, "until": one.until} for key, one in standings.items()]
        conn.execute(SQL["set_standings"], {"rows": _as_json(rows)})


def add_silence(
    conn: Connection[Any],
    alert: Alert,
    *,
    vital: str,
    direction: Direction,
    severity: Severity,
    ends_at: datetime,
    staff_id: int,
    reason: str,
    now: datetime,
) -> str:
    """Store a silence set at an alert; return its public id."""
    row = conn.execute(
        SQL["add_silence"],
        {
            "patient_id": alert.patient_id,
            "alert_id": alert.id,
            "vital": vital,
            "direction": direction,
            "severity": severity,
            "ends_at": ends_at,
            "staff_id": staff_id,
            "reason": reason,
            "now": now,
        },
    ).fetchone()
    assert row is not None
    return str(row[0])


def end_silence(conn: Connection[Any], public_id: str, staff_id: int, now: datetime) -> bool:
    """End a silence before its time; say whether it lasted still."""
    return conn.execute(SQL["end_silence"], {"public_id": public_id, "staff_id": staff_id, "now": now}).rowcount > 0


# timers -------------------------------------------------------------------------------------------------------------


def next_due(conn: Connection[Any]) -> datetime | None:
    """Return when the next hold or silence is over, None where there is none."""
    row = conn.execute(SQL["next_due"]).fetchone()
    return None if row is None else row[0]


def list_due(conn: Connection[Any], now: datetime, limit: int) -> list[int]:
    """Return patients with a hold or silence whose time is up, ascending."""
    return [row[0] for row in conn.execute(SQL["list_due"], {"now": now, "limit": limit})]


def count_due(conn: Connection[Any], patient_ids: Sequence[int], now: datetime) -> int:
    """Return how many timers of these patients are up."""
    row = conn.execute(SQL["count_due"], {"patient_ids": list(patient_ids), "now": now}).fetchone()
    return 0 if row is None else int(row[0])


def end_silences(conn: Connection[Any], patient_ids: Sequence[int], now: datetime) -> None:
    """End the silences of these patients whose time is up."""
    conn.execute(SQL["end_silences"], {"patient_ids": list(patient_ids), "now": now})


def list_asked(conn: Connection[Any], patient_ids: Sequence[int]) -> list[Asked]:
    """Return the rechecks under way of these patients with what has come of them."""
    found: dict[int, Asked] = {}
    replies: dict[int, list[Reply]] = defaultdict(list)
    for row in conn.execute(SQL["list_replies"], {"patient_ids": list(patient_ids), "vitals": _VITALS}):
        key, asked_at, condition, resolved_at, operator, limit, kind, measured_at, value = row
        plain = kind == "threshold"
        found[key] = Asked(
            key, asked_at, condition == "firing", resolved_at, operator if plain else None, limit if plain else None, ()
        )
        if measured_at is not None:
            replies[key].append(Reply(measured_at, value))
    return [
        Asked(one.alert_id, one.asked_at, one.is_firing, one.resolved_at, one.operator, one.limit, tuple(replies[key]))
        for key, one in found.items()
    ]


def _silences(conn: Connection[Any], which: str, given: dict[str, Any]) -> list[SilenceRow]:
    rows = conn.execute(SQL["silences"] + " " + SQL[which], given)
    return [SilenceRow(Silence(*row[:9]), row[9], row[10], row[11]) for row in rows]


def _as_json(rows: Sequence[Any]) -> str:
    return msgspec.json.encode(rows).decode()
