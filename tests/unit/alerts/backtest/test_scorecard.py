"""Scorecards: precision with its interval, waiting times, who is counted where, and baselines beside fixed limits."""

from dataclasses import replace

import pytest

from alerts.backtest.scorecard import ALL, Precision, Scored, Watched, pairs, scorecards
from alerts.rules import load_rules

WATCHED = {1: Watched(("copd",), 10.0), 2: Watched(("copd", "heart_failure"), 20.0), 3: Watched((), 30.0)}


def scored(patient: int, disposition: str | None = None, after: float | None = None, rule: str = "spo2_low") -> Scored:
    """Return an alert of a patient."""
    return Scored(
        rule, patient, WATCHED[patient].programmes, disposition, after, rechecked=after == 60.0, suppressed=after is None
    )


def test_a_rule_is_counted_over_everybody_and_by_programme() -> None:
    alerts = [scored(1, "true_acted", 60.0), scored(2, "false_limit", 120.0), scored(2, "unreachable", 600.0), scored(3)]
    cards = {card.programme: card for card in scorecards(alerts, WATCHED)}
    assert list(cards) == [ALL, "copd", "heart_failure"]
    everybody = cards[ALL]
    assert (everybody.alerts, everybody.patients, everybody.patient_days) == (4, 3, 60.0)
    assert (everybody.precision.true, everybody.precision.judged) == (1, 2)
    assert (everybody.acknowledged, everybody.median_seconds, everybody.p90_seconds) == (3, 120.0, 600.0)
    assert (everybody.rechecked, everybody.suppressed) == (1, 1)
    assert everybody.per_patient_day == pytest.approx(4 / 60)
    assert (cards["copd"].patient_days, cards["heart_failure"].patient_days) == (30.0, 20.0)
    assert cards["heart_failure"].precision.share == 0.0


@pytest.mark.parametrize(
    # R: binom::binom.wilson
    ("true", "judged", "low", "high"),
    [(0, 10, 0.0, 0.2775328), (10, 10, 0.7224672, 1.0), (8, 10, 0.4901625, 0.9433178), (50, 100, 0.4038315, 0.5961685)],
)
def test_the_interval_is_wilsons(true: int, judged: int, low: float, high: float) -> None:
    assert Precision(true, judged).interval == pytest.approx((low, high), abs=1e-6)


def test_what_nobody_judged_has_no_precision() -> None:
    (card,) = (one for one in scorecards([scored(3)], WATCHED) if one.programme == ALL)
    assert card.precision.share is None and card.precision.interval is None and card.median_seconds is None


def test_a_baseline_stands_beside_the_fixed_limit_on_the_same_patients() -> None:
    fixed = load_rules().by_name["spo2_low"]
    # judged like a baseline here by its name alone: which patients and alerts are compared does not hang on how it judges
    baseline = replace(fixed, name="spo2_below_usual", kind="baseline", programmes=("heart_failure",), unless=())  # type: ignore[arg-type]
    fixed = replace(fixed, unless=())
    alerts = [scored(1), scored(2, "true_acted"), scored(2, "true_acted", rule="spo2_below_usual")]
    (pair,) = pairs([fixed, baseline], alerts, WATCHED)
    assert (pair.baseline.rule, pair.fixed.rule) == ("spo2_below_usual", "spo2_low")
    assert (pair.baseline.alerts, pair.fixed.alerts, pair.fixed.patient_days) == (1, 1, 20.0)
    assert not pairs([fixed, replace(baseline, op=">")], alerts, WATCHED)
    assert not pairs([replace(fixed, emergency=True), baseline], alerts, WATCHED)
    assert not pairs([fixed, baseline], [], WATCHED)
