"""Sweep: the minute tick, the net under everything that no reading sets off.

Judges silence of devices and of what was prescribed, doubts whose time is up, adherence, devices at fault, and patients who
wait for a rebuild. An edge: it opens its own transactions, at most
500 patients in each, under one advisory lock, so that any number of processes may call it.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
from psycopg import Connection
from psycopg.pq import TransactionStatus

from alerts import lifecycle, queries
from alerts.engine import Engine
from alerts.explanation import explain_threshold
from alerts.findings import Changes, load_evidence, write_steps
from alerts.lifecycle import Episode
from alerts.silence import open_silences
from alerts.swept.adherence import judge_adherence
from alerts.swept.measures import open_silent_measures, settle_silences
from alerts.swept.technical import judge_devices
from devices.vitals import VITALS

#: patients or devices in one transaction
AT_ONCE: Final = 500
#: patients rebuilt in one transaction: each reads its whole history
REBUILT_AT_ONCE: Final = 50
#: patients whose days are counted in one transaction: each reads a week or two
READ_AT_ONCE: Final = 50


@dataclass(slots=True)
class Swept:
    """What one sweep did."""

    #: alerts opened for silent devices
    silent: int = 0
    #: alerts opened for what was prescribed and did not come
    missing: int = 0
    #: notes about too few days, and alerts about devices at fault
    adherence: int = 0
    technical: int = 0
    #: alerts opened for suspect readings that nobody repeated
    doubts: int = 0
    #: patients judged again
    rebuilt: int = 0
    #: patients who still cannot be judged
    unjudged: int = 0
    #: somebody else was sweeping, so nothing or not everything was done here
    was_busy: bool = False


def sweep(conn: Connection[Any], engine: Engine, now: datetime) -> Swept:
    """Sweep once, in transactions of its own; `conn` must not be inside one."""
    if conn.info.transaction_status != TransactionStatus.IDLE:
        raise ValueError("the sweep opens its own transactions: commit or roll back before calling it")
    swept = Swept()
    for part in _PARTS:
        place: int | None = 0
        while place is not None:
            try:
                with conn.transaction():
                    if not queries.try_sweep_lock(conn):
                        swept.was_busy = True
                        return swept
                    engine.refresh(conn)
                    place = part(conn, engine, swept, now, place)
            except BaseException:
                engine.rolled_back()
                raise
            engine.committed()
    return swept


def _sweep_silence(conn: Connection[Any], engine: Engine, swept: Swept, now: datetime, after: int) -> int | None:
    changes, place = open_silences(conn, engine.rules, engine.ruleset_id(conn), now, after, AT_ONCE)
    swept.silent += len(changes.opened)
    queries.notify(conn, changes.changed)
    return place


def _sweep_measures(conn: Connection[Any], engine: Engine, swept: Swept, now: datetime, after: int) -> int | None:
    changes, place = open_silent_measures(conn, engine.rules, engine.ruleset_id(conn), now, after, AT_ONCE)
    swept.missing += len(changes.opened)
    queries.notify(conn, changes.changed)
    return place


def _sweep_settled(conn: Connection[Any], engine: Engine, swept: Swept, now: datetime, _: int) -> None:
    queries.notify(conn, settle_silences(conn, now).changed)


def _sweep_adherence(conn: Connection[Any], engine: Engine, swept: Swept, now: datetime, after: int) -> int | None:
    changes, place = judge_adherence(conn, engine.rules, engine.ruleset_id(conn), now, after, READ_AT_ONCE)
    swept.adherence += len(changes.opened)
    queries.notify(conn, changes.changed)
    return place


def _sweep_technical(conn: Connection[Any], engine: Engine, swept: Swept, now: datetime, after: int) -> int | None:
    changes, place = judge_devices(conn, engine.rules, engine.ruleset_id(conn), now, after, AT_ONCE)
    swept.technical += len(changes.opened)
    queries.notify(conn, changes.changed)
    return place


def _sweep_doubts(conn: Connection[Any], engine: Engine, swept: Swept, now: datetime, _: int) -> int | None:
    """Open alerts for suspect readings that no clean one followed in time; each timer is taken once."""
    patients = queries.list_due_doubts(conn, now, AT_ONCE)
    rule = next(iter(engine.rules.of_kind("doubt")), None)
    if not patients or rule is None:
        return None
    ids = np.array(patients, np.int32)
    queries.lock_states(conn, ids)
    programmes = queries.load_programmes(conn, patients)
    known = {(alert.patient_id, alert.subject) for alert in queries.lock_open(conn, patients, [rule.name])}
    steps, changes = [], Changes()
    for patient_id, vital, measured_at in queries.take_due_doubts(conn, ids, now):
        subject = VITALS[vital].name
        if (patient_id, subject) not in known and rule.applies_to(programmes[patient_id]):
            episode = Episode(measured_at, measured_at, measured_at)
            steps.append(lifecycle.open_alert(rule, patient_id, subject, episode, "live", now, engine.ruleset_id(conn)))
    evidence = load_evidence(conn, [step.alert for step in steps], is_doubt=True)
    for place, step in enumerate(steps):
        told = explain_threshold(rule, step.alert, evidence[place], engine.rules.digest)
        steps[place] = replace(step, alert=replace(step.alert, explanation=told))
    write_steps(conn, steps, now, changes)
    queries.notify(conn, changes.changed)
    swept.doubts += len(changes.opened)
    return 0 if len(patients) == AT_ONCE else None


def _sweep_waiting(conn: Connection[Any], engine: Engine, swept: Swept, now: datetime, after: int) -> int | None:
    """Judge patients again who could not be judged, or whose rules or programmes changed."""
    patients = queries.list_waiting(conn, engine.ruleset_id(conn), after, REBUILT_AT_ONCE)
    if not patients:
        return None
    judged = engine.rejudge(conn, patients, now)
    swept.rebuilt += judged.rebuilt
    swept.unjudged += judged.unjudged
    return patients[-1]


#: what a sweep does, in order: pauses and silences that are over go before new ones
_PARTS: Final = (
    _sweep_settled, _sweep_silence, _sweep_measures, _sweep_doubts, _sweep_adherence, _sweep_technical, _sweep_waiting,
)  # fmt: skip
