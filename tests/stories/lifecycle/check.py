"""Check: after every step, the rows of the real thing against the paper. Returns sentences; none is what must hold."""

from collections import defaultdict
from datetime import datetime
from typing import Any, Final

import numpy as np

from alerts.state import FIRING, INACTIVE, NEVER, PENDING, States, unpack
from tests.stories.lifecycle.house import House
from tests.stories.lifecycle.model import Model

_WORDS: Final = {INACTIVE: "inactive", PENDING: "pending", FIRING: "firing"}

_ALERTS: Final = "SELECT *, explanation ->> 'kind' AS kind FROM alert ORDER BY id"
_EVENTS: Final = (
    "SELECT alert_id, patient_id, rule, what, note FROM alert_event JOIN alert ON alert.id = alert_id"
    " WHERE at > %s ORDER BY alert_event.id"
)
_TOLD: Final = (
    "SELECT alert_id, max(at) AS at FROM (SELECT alert_id, at FROM page_alert UNION ALL"
    " SELECT alert_id, created_at FROM outbox WHERE channel = 'page' AND state = 'withheld') AS told GROUP BY alert_id"
)
_ENABLED: Final = (
    "SELECT page_alert.alert_id, bool_or(staff.disabled_at IS NULL) AS reachable FROM page_alert JOIN page ON page.id = page_id"
    " JOIN staff ON staff.id = staff_id GROUP BY page_alert.alert_id"
)


def violations(house: House, model: Model, now: datetime, checked: datetime, *, worked: bool) -> list[str]:
    """Return what is wrong now; `worked` says that `work` has just done what is due, `checked` when this was asked last."""
    model.follow()
    alerts, events = house.rows(_ALERTS), house.rows(_EVENTS, checked)
    wrong = model.note(alerts, now, checked)
    wrong += model.missed(alerts, events, now)
    wrong += _counts(house, model)
    wrong += _states(house, model)
    wrong += _rows(house)
    if worked:
        wrong += _timers(house, now)
        wrong += _standings(house, model, alerts, now, checked)
    return wrong


def _counts(house: House, model: Model) -> list[str]:
    """I2, I3, I8: as many rows as measurements, each judged once; what cannot be read is kept."""
    wrong = []
    stored = dict(house.rows("SELECT patient_id, count(*) FROM measurement GROUP BY patient_id"))
    judged = dict(house.rows("SELECT patient_id, judged FROM patient_state"))
    for number, readings in model.readings.items():
        if stored.get(number, 0) != len(readings):
            wrong.append(f"I2 {stored.get(number, 0)} rows stored of {len(readings)} measurements")
        if judged.get(number, 0) != len(readings):
            wrong.append(f"I2 {judged.get(number, 0)} judged of {len(readings)} measurements")
    (kept,) = house.rows("SELECT count(*) FROM quarantine")[0]
    if kept != model.quarantined:
        wrong.append(f"I8 {kept} kept of {model.quarantined} messages that cannot be read")
    return wrong


def load_states(house: House) -> dict[int, States]:
    """Return the state of each patient as it is stored."""
    return {
        row.patient_id: unpacked(house, bytes(row.state)) for row in house.rows("SELECT patient_id, state FROM patient_state")
    }


def _states(house: House, model: Model) -> list[str]:
    """I5, I6: conditions follow from the readings as they were measured, whatever came when and whatever was restarted."""
    wrong = []
    names = [rule.name for rule in judged_rules(house)]
    for patient, state in load_states(house).items():
        for column, name in enumerate(names):
            course = model.courses.get((patient, name))
            if course is None:
                continue
            condition, since = _WORDS[int(state.status[0, column])], int(state.since[0, column])
            if condition != course.condition:
                wrong.append(f"I6 {name} is {condition}; its readings make it {course.condition}")
            elif since != (NEVER if course.since is None else course.since):
                wrong.append(f"I6 {name} is {condition} since another reading than its readings say")
    return wrong


def _rows(house: House) -> list[str]:
    """I9: whatever was sent or withheld says why; whatever was suppressed says why and who answers."""
    silent = house.rows("SELECT id, channel, state FROM outbox WHERE trim(reason) = ''")
    wrong = [f"I9 row {row.id} of the outbox, {row.channel} {row.state}, says no reason" for row in silent]
    nameless = house.rows("SELECT id, kind FROM suppression WHERE trim(reason) = '' OR trim(owner) = ''")
    wrong += [f"I9 row {row.id} of the ledger, {row.kind}, has no reason or owner" for row in nameless]
    unheard = house.rows(
        "SELECT id, rule FROM alert WHERE NOT EXISTS (SELECT FROM outbox WHERE alert_id = alert.id)"
        " AND NOT EXISTS (SELECT FROM suppression WHERE alert_id = alert.id)"
        " AND NOT EXISTS (SELECT FROM escalation WHERE alert_id = alert.id)"
    )
    return wrong + [f"I9 alert {row.id} of {row.rule} was neither sent nor withheld" for row in unheard]


def _timers(house: House, now: datetime) -> list[str]:
    """I10: what was due is done, whoever was restarted meanwhile."""
    due = {
        "escalation": "SELECT count(*) FROM escalation WHERE ended_at IS NULL AND due_at <= %s",
        "recheck": "SELECT count(*) FROM recheck WHERE ended_at IS NULL AND due_at <= %s",
        "silence": "SELECT count(*) FROM silence WHERE ended_at IS NULL AND ends_at <= %s",
        "doubt": "SELECT count(*) FROM doubt WHERE due_at <= %s",
        "page": "SELECT count(*) FROM outbox WHERE state = 'pending' AND channel IN ('webhook', 'console') AND due_at <= %s",
    }
    found = {name: house.rows(statement, now)[0][0] for name, statement in due.items()}
    return [f"I10 {count} timers of {name} are overdue" for name, count in found.items() if count]


def _standings(house: House, model: Model, alerts: list[Any], now: datetime, checked: datetime) -> list[str]:
    """I9, I11, I13: what nothing covers is told to somebody, what is covered says by what, and worse is new."""
    wrong: list[str] = []
    holds = {row.alert_id: row for row in house.rows("SELECT * FROM recheck WHERE ended_at IS NULL")}
    ledger: dict[int, list[Any]] = defaultdict(list)
    for row in house.rows("SELECT * FROM suppression WHERE ended_at IS NULL"):
        ledger[row.alert_id].append(row)
    ladders = {row.alert_id: row for row in house.rows("SELECT * FROM escalation WHERE ended_at IS NULL")}
    told = {row.alert_id: row.at for row in house.rows(_TOLD)}
    reachable = {row.alert_id: row.reachable for row in house.rows(_ENABLED)}
    loud = {row.alert_id for row in house.rows("SELECT DISTINCT alert_id FROM outbox WHERE channel = 'console'")}
    for alert in alerts:
        if alert.closed_at is not None:
            if alert.id in ladders:
                wrong.append(f"I9 alert {alert.id} is closed and its ladder goes on")
            continue
        note, cover = model.noted[alert.id], model.cover(alert, alerts, holds, now)
        name = f"alert {alert.id} ({alert.rule}, {alert.severity})"
        if cover is not None:
            note.due_since = None
            wrong += _covered(alert, name, cover, ledger[alert.id])
            continue
        if note.due_since is None:
            note.due_since = max(note.opened, checked) if note.opened < now else now
        if alert.standing != "sent":
            what = "worse" if note.worse is not None else "open"
            wrong.append(f"I13 {name} is {what} and nothing covers it, yet it stands as {alert.standing}")
            continue
        if ledger[alert.id]:
            wrong.append(f"I9 {name} is sent and the ledger says {ledger[alert.id][0].kind}")
        wrong += _climbs(alert, name, note.due_since, ladders.get(alert.id), told.get(alert.id), now)
        ladder = ladders.get(alert.id)
        if ladder is not None and ladder.exhausted_at is not None and alert.id not in loud:
            wrong.append(f"I11 the ladder of {name} is exhausted and says so to nobody")
        if alert.id in reachable and not reachable[alert.id]:
            wrong.append(f"I11 {name} was told only to people who cannot sign in")
    return wrong


def _covered(alert: Any, name: str, cover: str, ledger: list[Any]) -> list[str]:
    if alert.standing == "sent":
        return [f"I9 {name} stands as sent although it is {cover}"]
    if len(ledger) != 1 or ledger[0].kind != alert.standing:
        return [f"I9 {name} stands as {alert.standing}, and the ledger says {[row.kind for row in ledger]}"]
    if alert.acknowledged_at is not None and alert.acknowledged_by is None:
        return [f"I11 {name} is taken on by nobody"]
    return []


def _climbs(alert: Any, name: str, since: datetime, ladder: Any, told: datetime | None, now: datetime) -> list[str]:
    """Every open alert has somebody who was told, or a named time in which nobody is there, and a ladder that goes on."""
    if ladder is None or ladder.due_at is None:
        return [f"I11 {name} has no ladder that goes on"]
    if ladder.due_at <= now:
        return [f"I10 the ladder of {name} is overdue"]
    if told is None or told < since:
        return [f"I13 {name} had to be told since {since:%d %H:%M:%S}; nobody was"]
    return []


def judged_rules(house: House) -> tuple[Any, ...]:
    """Return the rules that a state has a column for, in their order."""
    return house.rules.reading_rules


def unpacked(house: House, packed: bytes) -> States:
    """Return a stored state."""
    return unpack([packed], house.rules.layout)


def comparable(state: States) -> tuple[bytes, ...]:
    """Return a state in a form that can be compared, the memories of signals among it."""
    return tuple(np.ascontiguousarray(array).tobytes() for array in (*state.columns(), *state.memory))


def measured(house: House) -> list[Any]:
    """Return every stored reading, in the order of identity."""
    return house.rows("SELECT device_id, seq, measured_at, spo2, heart_rate, suspect FROM measurement ORDER BY device_id, seq")
