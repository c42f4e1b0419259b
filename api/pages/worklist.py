"""Who needs a person, in which order, and what each row says.

Pure: rows are built from facts with `now` passed in. One row per patient; the worst open alert decides its word, the
soonest deadline its place. Never touches the database and never decides whether an alert exists.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from alerts.triage.scene import Silence
from api.pages.facts import OpenAlert, Person, Reader, Series
from api.pages.reasons import Part, Reason, describe, name_of, shown_limit
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
#: so many patients who all came to need somebody within this time are told of in one line first
SURGE_PATIENTS: Final = 20
SURGE_WITHIN: Final = timedelta(minutes=10)
#: how many other alerts of a patient a row names before it only counts them
_OTHERS: Final = 2


@dataclass(frozen=True, slots=True)
class Case:
    """A patient with open alerts, and what has lately come in of the vitals those are about."""

    person: Person
    alerts: tuple[OpenAlert, ...]
    series: tuple[Series, ...] = ()
    #: what a person has silenced
    silences: tuple[Silence, ...] = ()

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
    #: what else stands about them: rechecking, flapping, silenced until when
    marks: tuple[Part, ...]
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
    #: the alert whose vital and direction may be silenced from the row, and what it is called; "" where none may
    silenceable: str
    silenceable_name: str
    #: the reader was given what the row shows
    is_own: bool


@dataclass(frozen=True, slots=True)
class Surge:
    """Many patients who came to need somebody within minutes: most likely one cause."""

    patients: int
    #: when the first of them did
    since: datetime
    #: the most frequent titles with how many patients each, at most three
    titles: tuple[tuple[str, int], ...]


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
    #: alerts of the queue whose page waits for a second measurement
    rechecking: int = 0
    #: patients with an alert that somebody silenced, or that is muted
    silenced: int = 0
    surge: Surge | None = None


def belongs(alert: OpenAlert, queue: Queue, reader: Reader) -> bool:
    """Say whether an alert is in a queue; what is silenced or muted is in none."""
    if not alert.is_shown:
        return False
    if queue == "mine":
        return reader.staff in (alert.acknowledged_by, alert.assigned_to)
    if queue == "unowned":
        return alert.acknowledged_at is None and alert.assigned_to is None
    return alert.category == queue


def order(alerts: Iterable[OpenAlert], name: str) -> tuple[bool, datetime, str]:
    """Return what rows are sorted by: the emergency band first, then the time left to the response target."""
    all_of_them = tuple(alerts)
    return (not any(alert.emergency for alert in all_of_them), _most_urgent(all_of_them).due_at, name)


def lead(cases: Collection[Case], queue: Queue, total: int, reader: Reader, now: datetime) -> Lead:
    """Count who needs somebody."""
    counts: dict[Queue, int] = {name: 0 for name, _ in QUEUES}
    emergencies = rechecking = silenced = 0
    for case in cases:
        rechecking += sum(alert.standing == "recheck" and belongs(alert, queue, reader) for alert in case.alerts)
        silenced += any(alert.standing == "silenced" for alert in case.alerts)
        for name in counts:
            counts[name] += any(belongs(alert, name, reader) for alert in case.alerts)
        emergencies += any(alert.emergency and belongs(alert, queue, reader) for alert in case.alerts)
    return Lead(counts[queue], total, emergencies, counts, rechecking, silenced, _surge(cases, queue, reader, now))


def _surge(cases: Iterable[Case], queue: Queue, reader: Reader, now: datetime) -> Surge | None:
    """Return what many patients came to need somebody for within minutes, None on an ordinary day."""
    titles: Counter[str] = Counter()
    opened = []
    for case in cases:
        new = [alert for alert in case.alerts if belongs(alert, queue, reader) and now - alert.opened_at <= SURGE_WITHIN]
        if new and len(new) == sum(belongs(alert, queue, reader) for alert in case.alerts):
            worst = min(new, key=lambda alert: (_WORST[alert.word], alert.opened_at))
            titles[str(worst.explanation.get("title") or worst.rule)] += 1
            opened.append(min(alert.opened_at for alert in new))
    return Surge(len(opened), min(opened), tuple(titles.most_common(3))) if len(opened) >= SURGE_PATIENTS else None


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
    muted = [alert for alert in case.alerts if alert.is_muted]
    quiet = next((alert for alert in ranked if may_silence(alert)), None)
    return Row(
        person=case.person,
        word=worst.word,
        due_at=urgent.due_at,
        target_seconds=urgent.target_seconds,
        reason=describe(worst, reader, case.of(worst.subject)),
        alert=worst.public_id,
        others=tuple(others),
        marks=tuple(marks(ranked, muted, case.silences, now)),
        spark=_spark(case, worst, reader, now),
        owner=owner,
        note=note,
        alerts=tuple(alert.public_id for alert in (*ranked, *muted)),
        waiting=tuple(alert.public_id for alert in (*ranked, *muted) if alert.acknowledged_at is None),
        undo=tuple(alert.public_id for alert in (*ranked, *muted) if alert.acknowledged_by == reader.staff),
        silenceable="" if quiet is None else quiet.public_id,
        silenceable_name="" if quiet is None else quiet_name(quiet),
        is_own=all(alert.assigned_to == reader.staff for alert in ranked),
    )


def may_silence(alert: OpenAlert) -> bool:
    """Say whether a person may silence the vital and direction of an alert (alerts/triage/silences.py refuses the others)."""
    return alert.direction is not None and alert.vital is not None and not alert.emergency


def quiet_name(alert: OpenAlert) -> str:
    """Return what a silence set at an alert would be over, "low SpO₂"; "" where none may be."""
    return f"{alert.direction} {name_of(alert.vital)}" if may_silence(alert) and alert.is_shown and alert.vital else ""


def marks(
    alerts: Sequence[OpenAlert], muted: Sequence[OpenAlert], silences: Iterable[Silence], now: datetime
) -> Iterator[Part]:
    """Return what stands about some alerts of a patient besides what they are."""
    waits = [alert.standing_until for alert in alerts if alert.standing == "recheck" and alert.standing_until]
    if waits:
        yield Part("asked to measure again, paged if nothing comes by ", min(waits), "when")
    if any(alert.standing == "cleared" for alert in alerts):
        yield Part("cleared by a second measurement, not paged")
    if worse := [alert.news_at for alert in alerts if alert.news_at]:
        yield Part("worse since ", max(worse), "when")
    if any(alert.flapping_at for alert in alerts):
        yield Part("comes and goes, held open as one")
    elif again := max((alert.regressed for alert in alerts), default=0):
        yield Part("came back after it was closed" if again == 1 else f"came back {again} times after it was closed")
    if muted:
        yield Part("1 milder alert goes with it" if len(muted) == 1 else f"{len(muted)} milder alerts go with it")
    for silence in silences:
        yield Part(
            f"{silence.direction} {name_of(VITALS[COLUMN[silence.vital]])} silenced by {silence.name} until ",
            silence.ends_at,
            "when",
        )


def _most_urgent(alerts: Sequence[OpenAlert]) -> OpenAlert:
    """Return the alert whose deadline counts: the soonest of those nobody answered, else the soonest."""
    return min(alerts, key=lambda alert: (alert.acknowledged_at is not None, alert.due_at))


def _owner(person: Person, alerts: Sequence[OpenAlert], urgent: OpenAlert, reader: Reader) -> tuple[str, tuple[Part, ...]]:
    waiting = [alert for alert in alerts if alert.acknowledged_at is None]
    if waiting:
        seen = len(alerts) - len(waiting)
        whose = "yours" if person.coordinator == reader.staff else person.coordinator_name
        given = next((alert for alert in (urgent, *waiting) if alert.assigned_to), None)
        notes = [Part("due ", urgent.due_at, "when"), Part("not answered yet" if given else whose or "no coordinator")]
        if seen:
            notes.append(Part(f"{seen} of {len(alerts)} seen"))
        if given is None:
            return "Unowned", tuple(notes)
        return "You" if given.assigned_to == reader.staff else given.assigned_name or "Someone", tuple(notes)
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
