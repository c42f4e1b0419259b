"""Trial: a candidate against what is live, on one history: played, compared, and every explanation judged again.

Pure; the histories come from `alerts/backtest/stored.py` or from a recording.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from alerts.backtest.check import Disagreement, judge_again
from alerts.backtest.cohort import Cohort
from alerts.backtest.compare import Comparison, Effort, Side, Verdict, compare
from alerts.backtest.play import play
from alerts.backtest.played import Played, Practice
from alerts.rules import RuleSet
from devices.batch import Batch


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What rules are tried on."""

    cohort: Cohort
    history: Batch
    verdicts: Sequence[Verdict] = ()
    #: what began outside of this is not counted; None is open
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it."""

    comparison: Comparison
    measurements: int
    readings: int
    suspect: int
    #: explanations that were judged again, and those of them that came out otherwise
    explained: int
    disagreements: Sequence[Disagreement] = field(default_factory=tuple)
    #: whether there is a candidate beside what is live
    has_candidate: bool = True

    def as_json(self, public_id: Callable[[int], str], most: int | None = None, rule: str | None = None) -> dict[str, Any]:
        """Return it for a machine; patients by the id that `public_id` gives.

        Of the episodes at most so many, and where `rule` is given only those that change and those of that rule.
        """
        both = self.comparison
        episodes = [one for one in both.episodes if rule is None or one.change != "kept" or one.rule == rule]
        return {
            "measurements": self.measurements,
            "readings": self.readings,
            "suspect": self.suspect,
            "explanations_judged_again": self.explained,
            "explanations_that_differ": len(self.disagreements),
            "live": _side(both.live),
            "candidate": _side(both.candidate) if self.has_candidate else None,
            "rules": [asdict(row) for row in both.rules],
            "episode_count": len(episodes),
            "episodes": [
                {"patient": public_id(one.patient_id), "change": one.change} | _without_key(asdict(one))
                for one in episodes[:most]
            ],
        }


def run_trial(
    material: Material,
    live: RuleSet,
    candidate: RuleSet | None = None,
    *,
    cohort: Cohort | None = None,
    practice: Practice = Practice(),  # noqa: B008 - frozen
    effort: Effort = Effort(),  # noqa: B008 - frozen
    heard: Callable[[int], None] = lambda _: None,
) -> Trial:
    """Play what is live, and the candidate where there is one, and hold them against each other.

    `cohort` is the same patients as the candidate has them, where limits of their own are what differs.
    """
    explained, differing = 0, []
    sides: list[Played] = []
    both = ((live, material.cohort), (candidate or live, cohort or material.cohort))
    for rules, people in both[:1] if candidate is None else both:
        whole = play(rules, people, material.history, practice=practice, heard=heard)
        played = whole.within(material.since, material.until)
        count, wrong = judge_again(rules, people, material.history, played.alerts)
        explained += count
        differing += wrong
        sides.append(played)
    comparison = compare(sides[0], sides[-1], material.verdicts, effort)
    return Trial(
        comparison,
        len(material.history),
        int(np.count_nonzero(~np.isnan(material.history.values))),
        int(np.bitwise_count(material.history.suspect.astype(np.uint32)).sum()),
        explained,
        differing,
        has_candidate=candidate is not None,
    )


def _side(side: Side) -> dict[str, Any]:
    return asdict(side) | {
        "alerts_per_patient_day": round(side.per_patient_day(side.alerts), 4),
        "items_per_patient_day": round(side.per_patient_day(side.items), 4),
        "pages_per_patient_day": round(side.per_patient_day(side.pages), 4),
        "minutes_per_patient_day": round(side.per_patient_day(side.minutes), 3),
    }


def _without_key(episode: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in episode.items() if name != "patient_id"}
