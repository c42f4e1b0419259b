"""Who needs a person, in which order, and what each row says.

Pure: rows are built from facts with `now` passed in. One row per patient; the worst open alert decides its word, the
soonest deadline its place. Never touches the database and never decides whether an alert exists.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from api.pages.facts import OpenAlert, Person, Reader, Series
from api.pages.reasons import Part, Reason, describe, shown_limit
from api.pages.sparkline import Sparkline, draw
from devices.vitals import COLUMN, VITALS

Queue = Literal["clinical", "adherence", "technical", "mine", "unowned"]

QUEUES: Final[tuple[tuple[Queue, str], ...]] = (
    ("clinical", "Clinical"),
    ("adherence", "Adherence"),
    ("technical", "Technical"),
    ("mine", "Mine"),
    ("unowned", "Unowned"),
)
_WORST: Final = {"emergency": 0, "high": 1, "medium": 2, "low": 3, "technical": 4}
#: how many other alerts of a patient a row names before it only counts them
_OTHERS: Final = 2


@dataclass(frozen=True, slots=True)
class Case:
    """A patient with open alerts, and what has lately come in of the vitals those are about."""

    person: Person
    alerts: tuple[OpenAlert, ...]
    series: tuple[Series, ...] = ()

    def of(self, vital: str | None) -> Series | None:
        """Return the series of a vital."""
        return next((series for series in self.series if series.vital == vital), None)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the worklist."""

    person: Person
    #: "emergency", "high", "medium", "low" or "technical"
    word: str
    #: when the response target of the most urgent alert ends, and how long it was
    due_at: datetime
    target_seconds: float
    #: the alert that decides the row, in words
    reason: Reason
    #: its public id, for "why this alert?"
    alert: str
    #: other open alerts of the patient in this queue, named shortly
    others: tuple[str, ...]
    spark: Sparkline | None
    #: "You", a colleague's name, or "Unowned"
    owner: str
    #: what stands under the owner: since when, or what happens if nobody acts
    note: tuple[Part, ...]
    #: public ids of all its alerts, and of those nobody has acknowledged
    alerts: tuple[str, ...]
    waiting: tuple[str, ...]
    #: the reader acknowledged something here that can be taken back
    undo: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lead:
    """The first line: who needs the reader."""

    #: patients in the queue, and all patients
    need: int
    total: int
    #: patients in the queue whose row is in the emergency band
    emergencies: int
    #: patients per queue
    counts: dict[Queue, int]


def belongs(alert: OpenAlert, queue: Queue, reader: Reader) -> bool:
    """Say whether an alert is in a queue."""
    if queue == "mine":
        return alert.acknowledged_by == reader.staff
    if queue == "unowned":
        return alert.acknowledged_at is None
    return alert.category == queue


def order(alerts: Iterable[OpenAlert], name: str) -> tuple[bool, datetime, str]:
    """Return what rows are sorted by: the emergency band first, then the time left to the response target."""
    all_of_them = tuple(alerts)
    return (not any(alert.emergency for alert in all_of_them), _most_urgent(all_of_them).due_at, name)


def lead(cases: Iterable[Case], queue: Queue, total: int, reader: Reader) -> Lead:
    """Count who needs somebody."""
    counts: dict[Queue, int] = {name: 0 for name, _ in QUEUES}
    emergencies = 0
    for case in cases:
        for name in counts:
            counts[name] += any(belongs(alert, name, reader) for alert in case.alerts)
        emergencies += any(alert.emergency and belongs(alert, queue, reader) for alert in case.alerts)
    return Lead(counts[queue], total, emergencies, counts)


def sort(cases: Iterable[Case], queue: Queue, reader: Reader) -> list[tuple[Case, tuple[OpenAlert, ...]]]:
    """Return the patients of a queue with their alerts in it, in the order they should be looked at."""
    chosen = [(case, tuple(alert for alert in case.alerts if belongs(alert, queue, reader))) for case in cases]
    return sorted(((case, own) for case, own in chosen if own), key=lambda pair: order(pair[1], pair[0].person.name))


def build_row(case: Case, alerts: Sequence[OpenAlert], reader: Reader, now: datetime) -> Row:
    """Put one patient's open alerts into a row; `alerts` are those of the queue, at least one."""
    ranked = sorted(alerts, key=lambda alert: (_WORST[alert.word], alert.acknowledged_at is not None, alert.due_at))
    worst, urgent = ranked[0], _most_urgent(alerts)
    # a milder alert on the same vital says nothing new
    named = {alert.subject: alert for alert in reversed(ranked)}
    others = [describe(alert, reader, case.of(alert.subject)).plain for alert in ranked[1:] if named[alert.subject] is alert]
    if len(others) > _OTHERS:
        others = [*others[: _OTHERS - 1], f"and {len(others) - _OTHERS + 1} more"]
    owner, note = _owner(case.person, alerts, urgent, reader)
    return Row(
        person=case.person,
        word=worst.word,
        due_at=urgent.due_at,
        target_seconds=(urgent.due_at - urgent.opened_at).total_seconds(),
        reason=describe(worst, reader, case.of(worst.subject)),
        alert=worst.public_id,
        others=tuple(others),
        spark=_spark(case, worst, reader, now),
        owner=owner,
        note=note,
        alerts=tuple(alert.public_id for alert in ranked),
        waiting=tuple(alert.public_id for alert in ranked if alert.acknowledged_at is None),
        undo=tuple(alert.public_id for alert in ranked if alert.acknowledged_by == reader.staff),
    )


def _most_urgent(alerts: Sequence[OpenAlert]) -> OpenAlert:
    """Return the alert whose deadline counts: the soonest of those nobody answered, else the soonest."""
    return min(alerts, key=lambda alert: (alert.acknowledged_at is not None, alert.due_at))


def _owner(person: Person, alerts: Sequence[OpenAlert], urgent: OpenAlert, reader: Reader) -> tuple[str, tuple[Part, ...]]:
    waiting = [alert for alert in alerts if alert.acknowledged_at is None]
    if waiting:
        seen = len(alerts) - len(waiting)
        whose = "yours" if person.coordinator == reader.staff else person.coordinator_name
        notes = [Part("due ", urgent.due_at, "when"), Part(whose or "no coordinator")]
        if seen:
            notes.append(Part(f"{seen} of {len(alerts)} seen"))
        return "Unowned", tuple(notes)
    last = max(alerts, key=lambda alert: alert.acknowledged_at or alert.opened_at)
    owner = "You" if last.acknowledged_by == reader.staff else last.acknowledged_name or "Someone"
    assert last.acknowledged_at is not None
    return owner, (Part("since ", last.acknowledged_at, "when"),)


def _spark(case: Case, alert: OpenAlert, reader: Reader, now: datetime) -> Sparkline | None:
    series = case.of(alert.subject) or (case.series[0] if case.series and alert.vital is None else None)
    if series is None:
        return None
    vital = VITALS[COLUMN[series.vital]]
    how = reader.display(vital)
    limit = shown_limit(alert, reader)
    values = [how.number(value) for value in series.values]
    return draw(series.at, values, [limit] if limit else [], now.timestamp(), vital.title, how.unit, how.decimals)
