"""What `alerts` asks the database.

Every function takes the caller's connection first and never commits.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from alerts.alert import Alert, AlertEvent
from alerts.cache import Locked
from alerts.explain import Story
from alerts.lifecycle import Episode
from alerts.moments import to_us
from alerts.people import FOREVER, Dated
from alerts.rule import READING_KINDS, REFERENCES
from alerts.rules import RuleSet
from alerts.state import pack
from database.sql import load_sql
from messaging.queries import list_notices

SQL: Final = load_sql(__file__)

#: bytes of a NOTIFY payload; PostgreSQL refuses 8000
_PAYLOAD: Final = 7900

# rule sets ---------------------------------------------------------------------------------------------------------


def find_ruleset(conn: Connection[Any], rules: RuleSet) -> int:
    """Return the key of a rule set, storing it when it was never judged with."""
    found = conn.execute(SQL["find_ruleset"], {"digest": rules.digest}).fetchone()
    if found is None:
        conn.execute(SQL["ensure_ruleset"], {"digest": rules.digest, "rules": Jsonb(rules.as_json())})
        found = conn.execute(SQL["find_ruleset"], {"digest": rules.digest}).fetchone()
    assert found is not None
    return int(found[0])


# states ------------------------------------------------------------------------------------------------------------


def lock_states(conn: Connection[Any], patient_ids: NDArray[np.int32]) -> NDArray[np.int64]:
    """Lock the state rows of these patients (ascending, unique), creating missing ones; return (P, 3) id, version, rule set."""
    wanted = {"patient_ids": patient_ids}
    rows = conn.execute(SQL["lock_states"], wanted, binary=True).fetchall()
    if len(rows) < len(patient_ids):
        conn.execute(SQL["ensure_states"], wanted)
        rows = conn.execute(SQL["lock_states"], wanted, binary=True).fetchall()
    return np.array(rows, np.int64).reshape(-1, 3)


def load_states(conn: Connection[Any], patient_ids: NDArray[np.int32]) -> tuple[list[bytes], list[list[str]], list[str]]:
    """Return the packed states, programmes and zones of these patients (ascending, unique), in their order."""
    rows = conn.execute(SQL["load_states"], {"patient_ids": patient_ids}, binary=True).fetchall()
    return [row[1] for row in rows], [row[2] for row in rows], [row[3] for row in rows]


def load_own(
    conn: Connection[Any], patient_ids: NDArray[np.int32], among: NDArray[np.int32], columns: Mapping[str, int]
) -> tuple[Dated, Dated]:
    """Return the limits and references of some patients, whose rows are their places in `among` (ascending, unique).

    `columns` says which column the rule of a name is; limits of other rules are left out.
    """
    rows = conn.execute(SQL["load_own"], {"patient_ids": patient_ids}).fetchall()
    found: tuple[list[tuple[int, int, int, int, float]], ...] = ([], [])
    for patient, is_limit, name, since, until, value in rows:
        what = columns.get(name) if is_limit else REFERENCES.index(name)
        if what is not None:
            row = int(np.searchsorted(among, patient))
            starts = -FOREVER if since is None else to_us(since)
            ends = FOREVER if until is None else to_us(until)
            found[0 if is_limit else 1].append((row, what, starts, ends, value))
    return Dated.of(found[0]), Dated.of(found[1])


def save_states(
    conn: Connection[Any], saved: Locked, ruleset_id: int, judged: NDArray[np.int64], is_whole: NDArray[np.bool_]
) -> None:
    """Write back locked states; `judged` is added to their counts, or replaces them where the whole history was judged."""
    packed, lengths = pack(saved.states)
    conn.execute(
        SQL["save_states"],
        {
            "patient_id": saved.patient_id,
            "ruleset_id": np.where(saved.is_stale, -1, ruleset_id).astype(np.int32),
            "judged": judged,
            "is_whole": is_whole,
            "state": packed,
            "length": lengths,
        },
    )


def load_resets(conn: Connection[Any], patient_ids: NDArray[np.int32]) -> list[tuple[int, str, str | None, datetime]]:
    """Return (patient, rule, subject, time of the last reset)."""
    return conn.execute(SQL["load_resets"], {"patient_ids": patient_ids}).fetchall()


def load_programmes(conn: Connection[Any], patient_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the programmes of these patients, by key."""
    return dict(conn.execute(SQL["load_programmes"], {"patient_ids": list(patient_ids)}).fetchall())


def load_state(conn: Connection[Any], patient_id: int) -> tuple[bytes, list[str]]:
    """Return one patient's packed state and the names of the rules that judge readings it is laid out by."""
    row = conn.execute(SQL["load_state"], {"patient_id": patient_id, "kinds": list(READING_KINDS)}).fetchone()
    return (b"", []) if row is None else (bytes(row[0]), row[1])


def replace_state(conn: Connection[Any], patient_id: int, packed: bytes) -> None:
    """Write back one patient's locked state."""
    conn.execute(SQL["replace_state"], {"patient_id": patient_id, "state": packed})


def find_newest(conn: Connection[Any], patient_id: int, vital: int, *, is_suspect: bool) -> datetime | None:
    """Return when a vital was last measured, clean or suspect, among what nobody marked wrong."""
    wanted = {"patient_id": patient_id, "vital": vital, "is_suspect": is_suspect}
    row = conn.execute(SQL["find_newest"], wanted).fetchone()
    return None if row is None else row[0]


# patients whose judgement failed -----------------------------------------------------------------------------------


def list_unjudged(conn: Connection[Any], patient_ids: NDArray[np.int32]) -> set[int]:
    """Return which of these patients wait for the sweep."""
    return {row[0] for row in conn.execute(SQL["list_unjudged"], {"patient_ids": patient_ids})}


def add_unjudged(conn: Connection[Any], patient_ids: NDArray[np.int32], reason: str, now: datetime) -> None:
    """Leave patients to the sweep."""
    conn.execute(SQL["add_unjudged"], {"patient_ids": patient_ids, "reason": reason, "now": now})


def drop_unjudged(conn: Connection[Any], patient_ids: NDArray[np.int32]) -> set[int]:
    """Take patients off that list; return those who were on it."""
    return {row[0] for row in conn.execute(SQL["drop_unjudged"], {"patient_ids": patient_ids})}


def list_waiting(conn: Connection[Any], ruleset_id: int, after: int, limit: int) -> list[int]:
    """Return patients above a key who wait for a rebuild: unjudged ones, and those of another rule set."""
    rows = conn.execute(SQL["list_waiting"], {"ruleset_id": ruleset_id, "after": after, "limit": limit})
    return [row[0] for row in rows]


# alerts ------------------------------------------------------------------------------------------------------------


def list_open(conn: Connection[Any]) -> list[Alert]:
    """Return the open alerts, emergency band first, then by due time."""
    return _alerts(conn, "alerts_open", {})


def list_closed(conn: Connection[Any], since: datetime, limit: int) -> list[Alert]:
    """Return alerts that closed since then, latest first."""
    return _alerts(conn, "alerts_closed", {"since": since, "limit": limit})


def find_synthetic(conn: Connection[Any]) -> int | None:
    """Return the key of the synthetic patient, whose alerts go to nobody; None where there is none."""
    row = conn.execute(SQL["find_synthetic"]).fetchone()
    return None if row is None else int(row[0])


def list_synthetic(conn: Connection[Any], limit: int = 3) -> list[Alert]:
    """Return the newest alerts of the synthetic patient, the newest first."""
    return _alerts(conn, "alerts_synthetic", {"limit": limit})


def find_alert(conn: Connection[Any], public_id: str) -> Alert | None:
    """Return one alert."""
    return next(iter(_alerts(conn, "alert_by_public_id", {"public_id": public_id})), None)


def lock_alert(conn: Connection[Any], public_id: str) -> Alert | None:
    """Return one alert, locked; like all that are locked, with no more of its explanation than the kind."""
    return next(iter(_alerts(conn, "alert_by_public_id_locked", {"public_id": public_id})), None)


def lock_alerts(conn: Connection[Any], ids: Sequence[int]) -> list[Alert]:
    """Return these alerts, locked ascending."""
    return _alerts(conn, "alerts_by_key_locked", {"ids": list(ids)})


def lock_open(conn: Connection[Any], patient_ids: Iterable[int], rules: Iterable[str]) -> list[Alert]:
    """Return the open alerts of these patients by these rules, locked ascending."""
    return _alerts(conn, "alerts_open_locked", {"patient_ids": sorted(set(patient_ids)), "rules": sorted(set(rules))})


def lock_current(conn: Connection[Any], patient_ids: Iterable[int], rules: Iterable[str], since: datetime) -> list[Alert]:
    """Return the open alert of each of their conditions, locked ascending; where none is open, the last closed since then."""
    wanted = {"patient_ids": sorted(set(patient_ids)), "rules": sorted(set(rules)), "since": since}
    return _alerts(conn, "alerts_current_locked", wanted)


def lock_open_of_patients(conn: Connection[Any], patient_ids: NDArray[np.int32]) -> list[Alert]:
    """Return all open alerts of these patients, locked ascending."""
    return _alerts(conn, "alerts_open_of_patients_locked", {"patient_ids": patient_ids})


def lock_open_silences(conn: Connection[Any], device_ids: Sequence[int]) -> list[Alert]:
    """Return the open silence alerts about these devices, locked ascending."""
    return _alerts(conn, "silences_open_locked", {"device_ids": list(device_ids)})


def list_promotable(conn: Connection[Any], patient_ids: NDArray[np.int32]) -> set[int]:
    """Return which of these patients have a firing alert that opened late."""
    return {row[0] for row in conn.execute(SQL["list_promotable"], {"patient_ids": patient_ids})}


def list_covering(conn: Connection[Any], wanted: Sequence[tuple[int, str, str | None, Episode]]) -> set[int]:
    """Return which of these episodes of (patient, rule, subject), by place, an alert has told of already."""
    given: dict[str, Any] = {
        name: [one[place] for one in wanted] for place, name in enumerate(("patient_id", "rule", "subject"))
    }
    given |= {"since": [one[3].since for one in wanted], "until": [one[3].ended_at or one[3].held_at for one in wanted]}
    return {row[0] for row in conn.execute(SQL["list_covering"], {"number": list(range(len(wanted))), **given})}


def insert_alerts(conn: Connection[Any], alerts: Sequence[Alert]) -> dict[str, int]:
    """Insert new alerts; return key by public id of those for which no other was open."""
    return dict(conn.execute(SQL["insert_alerts"], {"alerts": _as_json(alerts)}).fetchall())


def update_alerts(conn: Connection[Any], alerts: Sequence[Alert]) -> None:
    """Write what changed of these alerts; their explanation never does."""
    if alerts:
        conn.execute(SQL["update_alerts"], {"alerts": _as_json(alerts)})


def add_events(
    conn: Connection[Any], events: Sequence[tuple[int, str, str]], now: datetime, staff_id: int | None = None
) -> None:
    """Write (alert, what, note)."""
    if events:
        rows = [{"alert_id": alert, "what": what, "note": note} for alert, what, note in events]
        conn.execute(SQL["add_events"], {"events": _as_json(rows), "now": now, "staff_id": staff_id})


def notify(conn: Connection[Any], alert_ids: Iterable[int]) -> None:
    """Tell whoever listens which alerts changed, ids only."""
    payload = ""
    for alert_id in map(str, sorted(set(alert_ids))):
        if payload and len(payload) + 1 + len(alert_id) > _PAYLOAD:
            conn.execute(SQL["notify"], {"payload": payload})
            payload = ""
        payload = f"{payload},{alert_id}" if payload else alert_id
    if payload:
        conn.execute(SQL["notify"], {"payload": payload})


def list_events(conn: Connection[Any], alert_id: int) -> list[AlertEvent]:
    """Return what happened to an alert, oldest first."""
    with conn.cursor(row_factory=class_row(AlertEvent)) as cursor:
        return cursor.execute(SQL["list_events"], {"alert_id": alert_id}).fetchall()


def find_story(conn: Connection[Any], public_id: str) -> Story | None:
    """Return an alert with all that happened to it, for `alerts.explain`."""
    alert = find_alert(conn, public_id)
    return None if alert is None else Story(alert, tuple(list_events(conn, alert.id)), tuple(list_notices(conn, alert.id)))


def list_evidence(
    conn: Connection[Any], wanted: Sequence[tuple[int, int, datetime, datetime, bool]]
) -> list[tuple[int, datetime, datetime, float, str, int]]:
    """Return the newest readings of each (patient, vital, since, until, whether suspect ones).

    As (place, measured_at, received_at, value, device, source).
    """
    columns = ("patient_id", "vital", "since", "until", "suspect")
    given: dict[str, Any] = {name: [one[place] for one in wanted] for place, name in enumerate(columns)}
    return conn.execute(SQL["list_evidence"], {"number": list(range(len(wanted))), **given}).fetchall()


def list_followed_resets(
    conn: Connection[Any], wanted: Sequence[tuple[int, str, int, datetime]]
) -> list[tuple[int, str, datetime, str | None]]:
    """Return (place, alert, when, who) of each (patient, rule, vital, since) that is the next reading after a reset."""
    columns = ("patient_id", "rule", "vital", "since")
    given: dict[str, Any] = {name: [one[place] for one in wanted] for place, name in enumerate(columns)}
    return conn.execute(SQL["list_followed_resets"], {"number": list(range(len(wanted))), **given}).fetchall()


# doubts ------------------------------------------------------------------------------------------------------------


def add_doubts(
    conn: Connection[Any], patient_id: NDArray[np.int32], vital: NDArray[np.int32], measured_at: NDArray[Any], due_at: datetime
) -> None:
    """Start the timers of suspect readings."""
    wanted = {"patient_id": patient_id, "vital": vital, "measured_at": measured_at, "due_at": due_at}
    conn.execute(SQL["add_doubts"], wanted)


def drop_doubts(conn: Connection[Any], patient_id: NDArray[np.int32], vital: NDArray[np.int32]) -> None:
    """End the timers of readings that a clean one followed."""
    conn.execute(SQL["drop_doubts"], {"patient_id": patient_id, "vital": vital})


def list_due_doubts(conn: Connection[Any], now: datetime, limit: int) -> list[int]:
    """Return patients with a suspect reading that nothing clean followed in time."""
    return [row[0] for row in conn.execute(SQL["list_due_doubts"], {"now": now, "limit": limit})]


def take_due_doubts(conn: Connection[Any], patient_ids: NDArray[np.int32], now: datetime) -> list[tuple[int, int, datetime]]:
    """End the due timers of locked patients; return (patient, vital, measured_at)."""
    return conn.execute(SQL["take_due_doubts"], {"patient_ids": patient_ids, "now": now}).fetchall()


# silence -----------------------------------------------------------------------------------------------------------


def try_sweep_lock(conn: Connection[Any]) -> bool:
    """Say whether this transaction may sweep; no other can until it ends."""
    row = conn.execute(SQL["try_sweep_lock"]).fetchone()
    return row is not None and bool(row[0])


def lock_overdue_devices(conn: Connection[Any], now: datetime, least: float, after: int, limit: int) -> list[int]:
    """Lock the state of devices above a key that may be silent by the clock alone; return their keys."""
    conn.execute(SQL["ensure_expected_devices"], {"now": now})
    rows = conn.execute(SQL["lock_overdue_devices"], {"now": now, "least": least, "after": after, "limit": limit})
    return [row[0] for row in rows]


def list_silences(conn: Connection[Any], device_ids: Sequence[int], now: datetime, least: float) -> list[tuple[Any, ...]]:
    """Return what is silent and has no alert open yet; `counted` is the time in which our own path was up.

    As (device key, public id, kind, expected every, patient, last received, counted from, counted).
    """
    return conn.execute(SQL["list_silences"], {"device_ids": list(device_ids), "now": now, "least": least}).fetchall()


def list_silent_patients(conn: Connection[Any], device_ids: Sequence[int]) -> list[int]:
    """Return the patients, ascending, with an open silence alert about one of these devices."""
    return [row[0] for row in conn.execute(SQL["list_silent_patients"], {"device_ids": list(device_ids)})]


def mark_silent(conn: Connection[Any], device_ids: Sequence[int], *, is_silent: bool) -> None:
    """Note on the state of devices whether they are called silent, so that ingest knows when one is heard again."""
    conn.execute(SQL["mark_silent"], {"device_ids": list(device_ids), "is_silent": is_silent})


def _alerts(conn: Connection[Any], which: str, given: dict[str, Any]) -> list[Alert]:
    start = SQL["alerts_to_change" if which.endswith("locked") else "alerts"]
    with conn.cursor(row_factory=class_row(Alert)) as cursor:
        return cursor.execute(start + " " + SQL[which], given).fetchall()


def _as_json(rows: Sequence[Any]) -> str:
    """Return rows as one JSON text, many times cheaper than an array of texts each."""
    return msgspec.json.encode(rows).decode()
