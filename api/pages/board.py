"""The worklist as this process last saw it, so that twenty screens that ask at once cost one look at the database.

A look compares the marks of open alerts with those it holds and loads only what changed; every change takes a new number,
and a screen that says which number it has gets the rows that are newer. A cache and nothing more: it can be thrown away
at any time, and a screen that knows another process's numbers is simply given everything.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, Final

from psycopg import Connection

from alerts.triage.queries import list_silences
from alerts.triage.scene import Silence
from api.pages import queries
from api.pages.facts import OpenAlert, Person
from api.pages.worklist import Case
from api.watch.house import House, Pulse

#: how far back the day's list of what cleared by itself reaches
DAY: Final = timedelta(hours=24)
#: patients' names and programmes are read again after this long
_PEOPLE_AGE: Final = timedelta(seconds=60)
#: sparklines are read again after this long, and so many patients in one look
_SERIES_AGE: Final = timedelta(seconds=15)
_SERIES_AT_ONCE: Final = 12
#: how long a closed row's fate is remembered for screens that still show it
_GONE_AGE: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Look:
    """The worklist at one time; immutable, so that it is read without a lock."""

    #: which process and which change: "3f2a9c.42"
    epoch: str
    number: int
    #: patients with open alerts by key, and the number at which each last changed
    cases: dict[int, Case]
    changed: dict[int, int]
    #: public id of patients that left the list → the number at which, when, and what is said of it
    gone: dict[str, tuple[int, datetime, str]]
    #: all patients
    total: int
    pulse: Pulse
    #: silences in force, by key of the patient
    silences: dict[int, tuple[Silence, ...]] = field(default_factory=dict)
    #: clinical alerts that went away by themselves within a day
    cleared: int = 0

    @property
    def mark(self) -> str:
        """Return what a screen repeats to be told what is new."""
        return f"{self.epoch}.{self.number}"

    def since(self, mark: str) -> int | None:
        """Return the number a screen has; None where it must be given everything."""
        epoch, _, number = mark.partition(".")
        if epoch != self.epoch or not number.isdecimal() or int(number) > self.number:
            return None
        return int(number)


@dataclass
class Board:
    """One per process; `look` may be called from any thread."""

    house: House
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _epoch: str = field(default_factory=lambda: token_hex(6))
    _number: int = 0
    _marks: dict[int, str] = field(default_factory=dict)
    _alerts: dict[int, OpenAlert] = field(default_factory=dict)
    _people: dict[int, Person] = field(default_factory=dict)
    _people_at: datetime | None = None
    _series_at: dict[int, datetime] = field(default_factory=dict)
    _silences: dict[int, tuple[Silence, ...]] = field(default_factory=dict)
    _last: Look | None = None
    _began: float = 0.0

    def look(self, conn: Connection[Any], now: datetime) -> Look:
        """Return the worklist as of now, or as of a look that began after this call did."""
        arrived = time.monotonic()
        with self._lock:
            if self._last is None or self._began < arrived:
                self._began = time.monotonic()
                self._last = self._take(conn, now)
            return self._last

    def _take(self, conn: Connection[Any], now: datetime) -> Look:
        before = self._last.cases if self._last else {}
        marks = queries.list_open_marks(conn)
        touched = [key for key, mark in marks.items() if self._marks.get(key) != mark]
        closed = [key for key in self._marks if key not in marks]
        patients = {self._alerts[key].patient_id for key in closed if key in self._alerts}
        ended = queries.load_alerts(conn, closed)
        for key in closed:
            self._alerts.pop(key, None)
        for alert in queries.load_alerts(conn, touched):
            self._alerts[alert.id] = alert
            patients.add(alert.patient_id)
        self._marks = marks
        self._load_people(conn, now)
        by_patient: dict[int, list[OpenAlert]] = {}
        for alert in self._alerts.values():
            by_patient.setdefault(alert.patient_id, []).append(alert)
        stale = self._stale(by_patient, patients, now)
        wanted = {key: [alert.subject for alert in by_patient[key]] for key in stale}
        series = queries.load_series(conn, wanted, now) if wanted else {}
        silences: dict[int, list[Silence]] = {}
        for row in list_silences(conn, now):
            silences.setdefault(row.patient_id, []).append(row.silence)
        self._silences = {key: tuple(own) for key, own in silences.items()}
        self._series_at = {key: now if key in series else self._series_at[key] for key in by_patient}
        cases: dict[int, Case] = {}
        for key, alerts in by_patient.items():
            old = before.get(key)
            fresh = series.get(key, old.series if old else ())
            own = tuple(sorted(alerts, key=lambda alert: alert.id))
            cases[key] = Case(self._people[key], own, fresh, self._silences.get(key, ()))
        return self._publish(conn, cases, ended, now)

    def _load_people(self, conn: Connection[Any], now: datetime) -> None:
        needed = {alert.patient_id for alert in self._alerts.values()}
        if self._people_at is None or now - self._people_at > _PEOPLE_AGE:
            self._people, self._people_at = {}, now
        if missing := needed - self._people.keys():
            self._people |= queries.load_people(conn, sorted(missing))

    def _stale(self, by_patient: dict[int, list[OpenAlert]], touched: set[int], now: datetime) -> Sequence[int]:
        """Return whose sparklines are read in this look: those just touched, and else the oldest few."""
        new = [key for key in by_patient if key in touched or key not in self._series_at]
        if new:
            return new
        old = [key for key in by_patient if now - self._series_at[key] > _SERIES_AGE]
        return sorted(old, key=lambda key: self._series_at[key])[:_SERIES_AT_ONCE]

    def _publish(self, conn: Connection[Any], cases: dict[int, Case], ended: Sequence[OpenAlert], now: datetime) -> Look:
        before = self._last.cases if self._last else {}
        changed = dict(self._last.changed) if self._last else {}
        gone = {key: fate for key, fate in (self._last.gone if self._last else {}).items() if now - fate[1] < _GONE_AGE}
        different = [key for key, case in cases.items() if before.get(key) != case]
        left = [key for key in before if key not in cases]
        if different or left:
            self._number += 1
        for key in different:
            changed[key] = self._number
            gone.pop(cases[key].person.public_id, None)
        for key in left:
            changed.pop(key, None)
            fates = [alert for alert in ended if alert.patient_id == key]
            gone[before[key].person.public_id] = (self._number, now, _fate(fates))
        pulse, cleared = self.house.look(conn, now), queries.count_cleared(conn, now - DAY)
        total = queries.count_patients(conn)
        return Look(self._epoch, self._number, cases, changed, gone, total, pulse, self._silences, cleared)


def _fate(ended: Sequence[OpenAlert]) -> str:
    last = max(ended, key=lambda alert: alert.closed_at or alert.opened_at, default=None)
    if last is None:
        return "closed"
    if last.closed_by is None:
        return "cleared by itself" if last.acknowledged_name is None else f"over, seen by {last.acknowledged_name}"
    return f"resolved by {last.closed_by}"
