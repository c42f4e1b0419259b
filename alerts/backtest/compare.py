"""Compare: what is live beside a candidate on the same history: how many alerts, how much work, what is found and missed.

Pure. Truth is what people said of past alerts when they resolved them (`alerts.alert.DISPOSITIONS`): nothing else is known of
what really was, so an episode that no rule has ever found is missed by both sides alike (docs/backtest.md).
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from alerts.alert import Alert
from alerts.backtest.played import Played

#: dispositions that say an alert was right, and those that say it was wrong; the others say neither
TRUE: Final = frozenset({"true_acted", "true_no_action"})
FALSE: Final = frozenset({"false_artefact", "false_limit", "false_device"})


@dataclass(frozen=True, slots=True)
class Effort:
    """What people's time is taken to be; a clinic measures its own."""

    #: minutes for one look at a patient on the worklist; engineering default: opening the chart, reading it, a note
    review_minutes: float = 5.0
    #: minutes more where somebody was paged; engineering default: being called away and back
    page_minutes: float = 2.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person said of a past alert."""

    patient_id: int
    rule: str
    subject: str | None
    #: measured_at of its first reading, and of the one that ended it or made it fire
    since: datetime
    until: datetime
    disposition: str

    @property
    def is_true(self) -> bool | None:
        """Whether it was right; None where the disposition says neither."""
        return True if self.disposition in TRUE else False if self.disposition in FALSE else None


@dataclass(frozen=True, slots=True)
class Side:
    """What one set of rules came to."""

    patient_days: float
    alerts: int
    emergency: int
    retrospective: int
    items: int
    pages: int
    rechecks: int
    minutes: float
    #: true episodes found and missed; false ones raised again
    found: int
    missed: int
    false: int

    def per_patient_day(self, count: float) -> float:
        """Return a count over the patient-days; 0 where there are none."""
        return count / self.patient_days if self.patient_days else 0.0


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule on both sides."""

    rule: str
    live: int
    candidate: int


Change = Literal["gained", "lost", "kept"]


@dataclass(frozen=True, slots=True)
class Compared:
    """One episode, and who saw it."""

    patient_id: int
    rule: str
    subject: str | None
    severity: str
    since: datetime
    fired_at: datetime
    #: when it opened on each side, None where it did not
    live: datetime | None
    candidate: datetime | None
    #: what people said of it when it was live, None where nobody did
    disposition: str | None

    @property
    def change(self) -> Change:
        """What the candidate makes of it."""
        return "lost" if self.candidate is None else "gained" if self.live is None else "kept"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both sides of a backtest."""

    live: Side
    candidate: Side
    rules: tuple[RuleRow, ...]
    #: what differs first, then the rest, each in time
    episodes: tuple[Compared, ...]


def compare(live: Played, candidate: Played, verdicts: Sequence[Verdict] = (), effort: Effort = Effort()) -> Comparison:
    """Return both sides of one history."""
    counts = [Counter(alert.rule for alert in side.alerts) for side in (live, candidate)]
    names = sorted(counts[0] | counts[1], key=lambda name: (-max(counts[0][name], counts[1][name]), name))
    return Comparison(
        side_of(live, verdicts, effort),
        side_of(candidate, verdicts, effort),
        tuple(RuleRow(name, counts[0][name], counts[1][name]) for name in names),
        tuple(_episodes(live, candidate, verdicts)),
    )


def side_of(played: Played, verdicts: Sequence[Verdict] = (), effort: Effort = Effort()) -> Side:
    """Return what one set of rules came to."""
    by_patient = _by_patient(played.alerts)
    seen = [(verdict.is_true, any(is_same(alert, verdict) for alert in by_patient[verdict.patient_id])) for verdict in verdicts]
    return Side(
        patient_days=played.patient_days,
        alerts=len(played.alerts),
        emergency=sum(alert.emergency for alert in played.alerts),
        retrospective=sum(alert.lateness == "retrospective" for alert in played.alerts),
        items=len(played.items),
        pages=len(played.pages),
        rechecks=len(played.rechecks),
        minutes=len(played.items) * effort.review_minutes + len(played.pages) * effort.page_minutes,
        found=sum(is_true is True and found for is_true, found in seen),
        missed=sum(is_true is True and not found for is_true, found in seen),
        false=sum(is_true is False and found for is_true, found in seen),
    )


def is_same(alert: Alert, verdict: Verdict) -> bool:
    """Say whether an alert is about the episode of a verdict: the same rule or vital, and their times overlap."""
    about = alert.rule == verdict.rule or (alert.subject is not None and alert.subject == verdict.subject)
    if not about or alert.patient_id != verdict.patient_id:
        return False
    ended = alert.resolved_at
    return alert.since <= verdict.until and (ended is None or ended >= verdict.since)


def _episodes(live: Played, candidate: Played, verdicts: Sequence[Verdict]) -> list[Compared]:
    """Pair the alerts of both sides, each with at most one of the other: the same patient, rule and subject, overlapping."""
    waiting: dict[tuple[int, str, str | None], list[Alert]] = defaultdict(list)
    for alert in candidate.alerts:
        waiting[alert.patient_id, alert.rule, alert.subject].append(alert)
    said: dict[int, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        said[verdict.patient_id].append(verdict)
    found = []
    for alert in live.alerts:
        others = waiting[alert.patient_id, alert.rule, alert.subject]
        other = next((one for one in others if _overlap(alert, one)), None)
        if other is not None:
            others.remove(other)
        found.append(_compared(alert, alert.opened_at, None if other is None else other.opened_at, said))
    found += [_compared(alert, None, alert.opened_at, said) for rest in waiting.values() for alert in rest]
    return sorted(found, key=lambda one: (one.change == "kept", one.since, one.patient_id, one.rule))


def _compared(alert: Alert, live: datetime | None, candidate: datetime | None, said: dict[int, list[Verdict]]) -> Compared:
    verdict = next((one.disposition for one in said[alert.patient_id] if is_same(alert, one)), None)
    return Compared(
        alert.patient_id, alert.rule, alert.subject, alert.severity, alert.since, alert.fired_at, live, candidate, verdict
    )


def _overlap(one: Alert, other: Alert) -> bool:
    before = one.resolved_at is not None and one.resolved_at < other.since
    after = other.resolved_at is not None and other.resolved_at < one.since
    return not (before or after)


def _by_patient(alerts: Sequence[Alert]) -> dict[int, list[Alert]]:
    found: dict[int, list[Alert]] = defaultdict(list)
    for alert in alerts:
        found[alert.patient_id].append(alert)
    return found
