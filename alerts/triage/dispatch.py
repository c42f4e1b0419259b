"""Dispatch: after alerts were written, who is told now, later, or not, and the ledger of what nobody is told.

In the caller's transaction, which has written the alerts; locks the patients' states first, so that two of one patient never
decide at once. A storm costs a handful of statements. Decides nothing itself: `alerts/triage/orders.py` does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
from psycopg import Connection

from alerts import notices
from alerts import queries as alerts
from alerts.alert import Alert
from alerts.escalation import ladder
from alerts.lifecycle import Step
from alerts.notices import SYNTHETIC
from alerts.triage import queries
from alerts.triage.orders import Orders, plan
from alerts.triage.scene import Hold, Outcome, Scene, silent_device
from messaging.notice import Planned
from messaging.queries import DEVICE_COMMAND, add_notices


def dispatch(conn: Connection[Any], written: Sequence[tuple[int, Step]], now: datetime) -> set[int]:
    """Decide about alerts that something has just happened to, by key; return the keys of those whose standing changed."""
    written = _withhold_synthetic(conn, written, now)
    return settle(conn, {step.alert.patient_id for _, step in written}, now, news=dict(written))


def _withhold_synthetic(conn: Connection[Any], written: Sequence[tuple[int, Step]], now: datetime) -> list[tuple[int, Step]]:
    """Tell nobody of the synthetic patient's alerts, saying why; return what happened to everybody else's."""
    synthetic = alerts.find_synthetic(conn) if written else None
    tests = [(key, step) for key, step in written if step.alert.patient_id == synthetic]
    told = [
        (key, notice)
        for key, step in tests
        for notice in notices.plan(step.alert, step.events, is_shown=False, reason=SYNTHETIC)
    ]
    add_notices(conn, told, now)
    return [(key, step) for key, step in written if step.alert.patient_id != synthetic]


def settle(
    conn: Connection[Any],
    patient_ids: set[int],
    now: datetime,
    *,
    news: Mapping[int, Step] | None = None,
    answers: Mapping[int, Outcome] | None = None,
) -> set[int]:
    """Make what people are told agree with what is known of these patients; return the keys of alerts that stand otherwise.

    `news` has what happened just now by key of alert; `answers` the holds that readings or time have ended.
    """
    if not patient_ids:
        return set()
    ids = sorted(patient_ids)
    alerts.lock_states(conn, np.array(ids, np.int32))
    given = news or {}
    orders = Orders()
    by_patient: dict[int, dict[int, Step]] = {}
    for key, step in given.items():
        by_patient.setdefault(step.alert.patient_id, {})[key] = step
    for patient, scene in load_scenes(conn, ids, given, now).items():
        plan(scene, by_patient.get(patient, {}), now, answers or {}, orders)
    carry_out(conn, orders, now)
    return set(orders.standings)


def load_scenes(conn: Connection[Any], patient_ids: Sequence[int], news: Mapping[int, Step], now: datetime) -> dict[int, Scene]:
    """Return what is known of these patients, whose states are locked."""
    found = alerts.lock_open_of_patients(conn, np.array(patient_ids, np.int32))
    silences, holds = queries.load_silences(conn, patient_ids), queries.load_holds(conn, patient_ids)
    silent = [silent_device(alert) for alert in found if alert.explanation.get("kind") == "silence"]
    # a gateway explains something only where two things are silent at once
    gateways = queries.load_gateways(conn, silent) if len(silent) > 1 else {}
    wanted = [alert for alert in found if _may_wait(alert, news.get(alert.id))]
    asking = sorted({alert.patient_id for alert in wanted} | {patient for patient, held in holds.items() if held})
    devices = queries.load_devices(conn, wanted, now) if wanted else {}
    abnormal = queries.load_abnormal(conn, asking, now) if asking else {}
    flags = queries.load_red_flags(conn, asking, now) if asking else {}
    old = [alert.patient_id for alert in found if alert.lateness == "retrospective"]
    coordinators = queries.load_coordinators(conn, sorted(set(old))) if old else {}
    staff = queries.load_names(conn, [alert.acknowledged_by for alert in found if alert.acknowledged_by is not None])
    by_patient: dict[int, list[Alert]] = {patient: [] for patient in patient_ids}
    for alert in found:
        by_patient[alert.patient_id].append(alert)
    return {
        patient: Scene(
            alerts=tuple(own),
            silences=tuple(silences.get(patient, ())),
            holds=holds.get(patient, {}),
            gateways=gateways,
            abnormal=abnormal.get(patient, {}),
            red_flag_at=flags.get(patient),
            devices=devices,
            coordinator=coordinators.get(patient, (None, "no coordinator")),
            staff=staff,
        )
        for patient, own in by_patient.items()
    }


def carry_out(conn: Connection[Any], orders: Orders, now: datetime) -> None:
    """Write what was ordered."""
    queries.end_suppressed(conn, orders.ended, now)
    queries.add_suppressed(conn, orders.suppressed)
    queries.end_holds(conn, orders.answered, now)
    queries.add_holds(conn, orders.held, now)
    queries.set_standings(conn, orders.standings)
    for how in sorted(set(orders.stopped.values())):
        ladder.stop(conn, sorted(key for key, why in orders.stopped.items() if why == how), how, now)
    ladder.begin(conn, [ladder.Call(**asdict(call)) for call in sorted(orders.called, key=lambda call: call.alert_id)], now)
    asked: list[tuple[int, Planned]] = [(alert.id, _command(alert, hold)) for alert, hold in orders.held]
    add_notices(conn, [*orders.notices, *asked], now)


def _may_wait(alert: Alert, step: Step | None) -> bool:
    return step is not None and bool(step.recheck) and step.has("opened", "regressed")


def _command(alert: Alert, hold: Hold) -> Planned:
    """Return what tells a device to ask for another measurement."""
    body = msgspec.json.encode({"command": "measure", "vital": alert.subject}).decode()
    return Planned(DEVICE_COMMAND, hold.device, body, "pending", "recheck: rest, and measure again")
