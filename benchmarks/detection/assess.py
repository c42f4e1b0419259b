"""Assess: holds what was shown and sent against what was true. Pure; hand-made cases test it.

An episode is found when somebody saw an alert of it in time: an alert that opened after its onset, on a vital that it moves,
was shown, and was sent, or stood on the worklist until its response was due, before the lead had passed. What was withheld from
the worklist, retrospective, gathered by an older alert, or held back by a recheck until too late was seen by nobody. Whatever
waits for a person and belongs to no episode is a false item; a page of it, a false page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from alerts.alert import Alert
from alerts.backtest.played import Played
from alerts.moments import to_us
from benchmarks.detection.catalogue import MINUTE
from benchmarks.detection.truth import Known
from devices.vitals import COLUMN

#: an emergency is to be open so soon after its reading arrived
OPENED_WITHIN: Final = MINUTE


@dataclass(frozen=True, slots=True)
class Found:
    """What became of one episode."""

    known: Known
    #: an alert of it opened, or was announced again, in time: within a minute of arrival, or before the lead
    is_opened: bool
    #: somebody saw it in time: what the study counts
    is_seen: bool
    #: microseconds from onset until it was seen, None where it was not
    after: int | None = None
    #: names of the rules whose alerts were seen in time
    rules: tuple[str, ...] = ()


@dataclass(slots=True)
class Assessed:
    """One run, held against the truth."""

    found: list[Found] = field(default_factory=list)
    #: the same for windows in which nothing happened
    chance: list[Found] = field(default_factory=list)
    #: (patient id, rule names) of each item that waited for a person
    true_items: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    false_items: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    true_pages: list[tuple[int, str]] = field(default_factory=list)
    false_pages: list[tuple[int, str]] = field(default_factory=list)
    #: patient ids of the texts that asked to measure again
    texts: list[int] = field(default_factory=list)


def assess(known: Sequence[Known], played: Played, nothing: Sequence[Known] = ()) -> Assessed:
    """Hold what people saw of a run against its episodes; patient ids are rows plus one.

    `nothing` are windows in which nothing happened.
    """
    by_patient: dict[int, list[Known]] = {}
    for one in known:
        by_patient.setdefault(one.episode.patient + 1, []).append(one)
    true_alerts = {
        alert.id for alert in played.alerts if any(is_of(alert, one) for one in by_patient.get(alert.patient_id, ()))
    }
    alerts = {alert.id: alert for alert in played.alerts}
    result = Assessed(texts=[one.patient_id for one in played.rechecks])
    for item in played.items:
        rules = tuple(sorted({alerts[key].rule for key in item.alerts}))
        (result.true_items if true_alerts & set(item.alerts) else result.false_items).append((item.patient_id, rules))
    for page in played.pages:
        (result.true_pages if page.alert_id in true_alerts else result.false_pages).append(
            (page.patient_id, alerts[page.alert_id].rule)
        )
    seen = _Seen(played)
    result.found = [_found(one, seen) for one in known]
    result.chance = [_found(one, seen) for one in nothing]
    return result


def is_of(alert: Alert, known: Known) -> bool:
    """Whether an alert tells of an episode: its reading lies within it, recovery included, on a vital that it moves."""
    episode = known.episode
    return episode.onset <= to_us(alert.fired_at) <= episode.until and _is_about(alert, episode.scenario.vitals)


def _is_about(alert: Alert, vitals: Sequence[str]) -> bool:
    # what a device or nobody in particular is the subject of (scores, composites) may be about any vital
    return alert.subject not in COLUMN or alert.subject in vitals


class _Seen:
    """When alerts were seen: pages and worklist of one run by patient."""

    def __init__(self, played: Played) -> None:
        self.alerts: dict[int, list[Alert]] = {}
        for alert in played.alerts:
            self.alerts.setdefault(alert.patient_id, []).append(alert)
        self._shown = {key for item in played.items for key in item.alerts}
        self.pages: dict[int, list[datetime]] = {}
        for page in played.pages:
            self.pages.setdefault(page.alert_id, []).append(page.at)

    def at(self, alert: Alert) -> int | None:
        """Return when somebody first saw it: a page, or a look at the worklist; None where nobody did."""
        if alert.lateness == "retrospective" or alert.id not in self._shown:
            return None
        looked = alert.due_at if alert.acknowledged_at is None else min(alert.acknowledged_at, alert.due_at)
        return to_us(min([looked, *self.pages.get(alert.id, ())]))


def _found(known: Known, seen: _Seen) -> Found:
    alerts = seen.alerts.get(known.episode.patient + 1, [])
    if known.episode.scenario.band is not None:
        return _emergency(known, alerts, seen)
    deadline = known.episode.deadline
    assert deadline is not None
    own = [alert for alert in alerts if is_of(alert, known) and known.episode.onset <= to_us(alert.opened_at) <= deadline]
    times = [(at, alert.rule) for alert in own if (at := seen.at(alert)) is not None and at <= deadline]
    first = min(times)[0] - known.episode.onset if times else None
    return Found(known, bool(own), bool(times), first, tuple(sorted({rule for _, rule in times})))


def _emergency(known: Known, alerts: Sequence[Alert], seen: _Seen) -> Found:
    """Say whether an emergency was open, and sent, within a minute of the arrival of the reading that made it one."""
    if known.arrived is None:
        return Found(known, is_opened=False, is_seen=False)
    until, onset = known.arrived + OPENED_WITHIN, known.episode.onset
    own = [alert for alert in alerts if alert.severity == "high" and _is_about(alert, known.episode.scenario.vitals)]
    opened = {alert.rule for alert in own if onset <= to_us(alert.opened_at) <= until}
    paged = [(to_us(at), alert.rule) for alert in own for at in seen.pages.get(alert.id, ()) if onset <= to_us(at) <= until]
    rules = opened or {rule for _, rule in paged}
    return Found(known, bool(rules), bool(paged), min(paged)[0] - onset if paged else None, tuple(sorted(rules)))
