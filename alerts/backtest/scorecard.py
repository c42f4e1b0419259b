"""Scorecard: how a rule has done with people: how often it was right, how soon it was answered, how often it spoke.

Pure, on the alerts of a time; the made-up patients are left out before. Precision comes from dispositions, with its
numerator, its denominator and a 95 % interval (Wilson 1927), so that three alerts do not look like a proof.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from alerts.backtest.compare import FALSE, TRUE
from alerts.rule import Rule

#: everybody, whatever their programme
ALL: Final = "all"
#: 97.5th percentile of the normal distribution, for 95 % intervals
_Z: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Scored:
    """What counts of one alert."""

    rule: str
    patient_id: int
    #: the patient's programmes when it opened
    programmes: Sequence[str]
    disposition: str | None
    #: seconds from opening until somebody took it on, None where nobody has
    acknowledged_after: float | None
    #: its page was held for a second measurement
    rechecked: bool
    #: it was not shown or not sent when it opened
    suppressed: bool


@dataclass(frozen=True, slots=True)
class Precision:
    """Of the alerts that people judged, how many were true."""

    true: int
    judged: int

    @property
    def share(self) -> float | None:
        """The share, None where nobody judged any."""
        return self.true / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval by Wilson's score, None where nobody judged any.

        >>> [round(end, 3) for end in Precision(8, 10).interval or ()]
        [0.49, 0.943]
        """
        if not self.judged:
            return None
        share, spread = self.true / self.judged, _Z * _Z / self.judged
        middle = (share + spread / 2) / (1 + spread)
        half = _Z * math.sqrt(share * (1 - share) / self.judged + spread / (4 * self.judged)) / (1 + spread)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Scorecard:
    """One rule over the patients of one programme."""

    rule: str
    #: a programme, or "all"
    programme: str
    alerts: int
    patients: int
    patient_days: float
    precision: Precision
    acknowledged: int
    #: seconds until it was taken on, None where none was
    median_seconds: float | None
    p90_seconds: float | None
    rechecked: int
    suppressed: int

    @property
    def per_patient_day(self) -> float:
        """Alerts per patient-day."""
        return self.alerts / self.patient_days if self.patient_days else 0.0

    def share(self, count: int) -> float:
        """Return a count as a share of the alerts."""
        return count / self.alerts if self.alerts else 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """A personal baseline beside the fixed limit on the same vital, on the patients whom both judge."""

    baseline: Scorecard
    fixed: Scorecard


@dataclass(frozen=True, slots=True)
class Watched:
    """A patient and for how long."""

    programmes: Sequence[str]
    days: float


def scorecards(alerts: Sequence[Scored], watched: Mapping[int, Watched]) -> list[Scorecard]:
    """Return a card for every rule that spoke: over everybody first, then by programme."""
    groups: dict[tuple[str, str], list[Scored]] = defaultdict(list)
    for alert in alerts:
        for programme in (ALL, *dict.fromkeys(alert.programmes)):
            groups[alert.rule, programme].append(alert)
    days: dict[str, float] = defaultdict(float)
    for patient in watched.values():
        for programme in (ALL, *dict.fromkeys(patient.programmes)):
            days[programme] += patient.days
    cards = [card(rule, programme, some, days[programme]) for (rule, programme), some in groups.items()]
    return sorted(cards, key=lambda one: (one.rule, one.programme != ALL, one.programme))


def card(rule: str, programme: str, alerts: Sequence[Scored], patient_days: float) -> Scorecard:
    """Return the card of one rule over these alerts of its own."""
    waited = sorted(alert.acknowledged_after for alert in alerts if alert.acknowledged_after is not None)
    judged = [alert.disposition in TRUE for alert in alerts if alert.disposition in TRUE | FALSE]
    return Scorecard(
        rule=rule,
        programme=programme,
        alerts=len(alerts),
        patients=len({alert.patient_id for alert in alerts}),
        patient_days=patient_days,
        precision=Precision(sum(judged), len(judged)),
        acknowledged=len(waited),
        median_seconds=median(waited) if waited else None,
        p90_seconds=waited[math.ceil(0.9 * len(waited)) - 1] if waited else None,
        rechecked=sum(alert.rechecked for alert in alerts),
        suppressed=sum(alert.suppressed for alert in alerts),
    )


def pairs(rules: Iterable[Rule], alerts: Sequence[Scored], watched: Mapping[int, Watched]) -> list[Pair]:
    """Return each personal baseline beside each fixed limit of its vital and direction, on the patients whom both judge.

    The emergency band is a guard and no rival, and what neither spoke of is left out.
    """
    known = list(rules)
    found: list[Pair] = []
    for baseline in known:
        for fixed in known:
            if baseline.kind != "baseline" or fixed.kind != "threshold" or _side(baseline) != _side(fixed):
                continue
            if baseline.emergency or fixed.emergency:
                continue
            both = {
                key: one
                for key, one in watched.items()
                if baseline.applies_to(one.programmes) and fixed.applies_to(one.programmes)
            }
            days = sum(one.days for one in both.values())
            cards = [
                card(rule.name, ALL, [one for one in alerts if one.rule == rule.name and one.patient_id in both], days)
                for rule in (baseline, fixed)
            ]
            if cards[0].alerts or cards[1].alerts:
                found.append(Pair(cards[0], cards[1]))
    return found


def _side(rule: Rule) -> tuple[str | None, str | None]:
    return rule.vital, rule.direction
