"""Two sides of a history: what is gained and lost, what people's verdicts say of it, and what it costs."""

from dataclasses import replace
from datetime import timedelta

from alerts.backtest.check import judge_again
from alerts.backtest.cohort import Cohort
from alerts.backtest.compare import Effort, Verdict, compare
from alerts.backtest.play import play
from alerts.backtest.trial import Material, run_trial
from alerts.moments import to_datetime
from alerts.overlay import overlay
from alerts.rules import RuleSet, load_rules
from tests.unit.alerts.readings import EIGHT, MINUTE, make_batch

LIVE = RuleSet((replace(load_rules().by_name["spo2_low"], unless=()),))
STRICTER = overlay(LIVE, [replace(LIVE.rules[0], limit=93.0, version=2)])
#: further apart than an episode may be to count as the same once more
HOUR = 6 * 60 * MINUTE
HISTORY = make_batch(
    [(1, EIGHT + hour * HOUR, {"spo2": value}) for hour, value in enumerate([96.0, 88.0, 96.0, 92.0, 96.0, 87.0, 96.0])],
    delay=0,
)


def verdict(hour: int, disposition: str) -> Verdict:
    """Return what people said of the episode at this hour."""
    at = to_datetime(EIGHT + hour * HOUR)
    return Verdict(1, "spo2_low", "spo2", at, at + timedelta(minutes=1), disposition)


def test_a_stricter_limit_gains_episodes_and_keeps_the_others() -> None:
    live, candidate = (play(rules, Cohort.of(HISTORY), HISTORY) for rules in (LIVE, STRICTER))
    both = compare(live, candidate, effort=Effort(review_minutes=10, page_minutes=1))
    assert (both.live.alerts, both.candidate.alerts) == (2, 3)
    assert [one.change for one in both.episodes] == ["gained", "kept", "kept"]
    assert both.episodes[0].since == to_datetime(EIGHT + 3 * HOUR)
    assert (both.live.minutes, both.candidate.minutes) == (22, 33)
    assert both.live.patient_days == 1.5
    back = compare(candidate, live)
    assert [one.change for one in back.episodes] == ["lost", "kept", "kept"]


def test_verdicts_tell_what_is_found_missed_and_raised_again() -> None:
    looser = overlay(LIVE, [replace(LIVE.rules[0], limit=88.0)])
    said = [verdict(1, "false_artefact"), verdict(5, "true_acted"), verdict(3, "true_no_action"), verdict(1, "duplicate")]
    material = Material(Cohort.of(HISTORY), HISTORY, said)
    trial = run_trial(material, LIVE, looser)
    live, candidate = trial.comparison.live, trial.comparison.candidate
    assert (live.found, live.missed, live.false) == (1, 1, 1)
    assert (candidate.found, candidate.missed, candidate.false) == (1, 1, 0)
    assert trial.comparison.episodes[0].disposition == "false_artefact"
    assert (trial.explained, list(trial.disagreements)) == (3, [])
    told = trial.as_json(lambda key: f"p{key}", most=1)
    assert told["episodes"][0]["patient"] == "p1" and "patient_id" not in told["episodes"][0]
    assert (told["live"]["alerts_per_patient_day"], told["episode_count"]) == (round(2 / 1.5, 4), 2)


def test_an_alert_that_the_readings_do_not_bear_out_is_found() -> None:
    played = play(LIVE, Cohort.of(HISTORY), HISTORY)
    wrong = replace(played.alerts[0], since=to_datetime(EIGHT), fired_at=to_datetime(EIGHT))
    checked, differing = judge_again(LIVE, Cohort.of(HISTORY), HISTORY, [*played.alerts, wrong])
    assert checked == 3
    assert [one.why for one in differing] == ["a reading that it names does not breach"]
