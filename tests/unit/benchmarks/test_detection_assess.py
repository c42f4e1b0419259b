"""What counts as found, missed, false and a review, on cases made by hand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from alerts.alert import Alert
from alerts.backtest.played import Item, Played, Rechecked, Sent
from alerts.lateness import Lateness
from alerts.moments import to_datetime
from alerts.rules import RuleSet, load_rules
from benchmarks.detection.assess import Assessed, assess
from benchmarks.detection.befalls import Episode
from benchmarks.detection.catalogue import DAY, HOUR, SECOND, load_catalogue
from benchmarks.detection.document import drawing
from benchmarks.detection.judge import fixed, scaled, shipped
from benchmarks.detection.summary import Counted, Estimate, Figures
from benchmarks.detection.tables import as_json, is_reached
from benchmarks.detection.truth import Known

T0 = 20_000 * DAY
HEART = load_catalogue().scenario("hf_fluid_gain")
HYPOXIA = load_catalogue().scenario("hypoxia")


def gradual(patient: int = 0) -> Known:
    """Return a heart failure episode of ten days; it is of use to know before the eighth."""
    episode = Episode(patient, HEART, 1, T0, T0 + 10 * DAY, T0 + 16 * DAY, T0 + 15 * DAY)
    return Known(episode, None, None, is_measured=True)


def emergency(arrived: int | None = T0 + HOUR, patient: int = 0) -> Known:
    episode = Episode(patient, HYPOXIA, 1, T0, T0 + 6 * HOUR, T0 + 2 * DAY, T0 + DAY)
    return Known(episode, arrived, arrived, is_measured=arrived is not None)


def alert(key: int, fired: int, opened: int | None = None, **other: Any) -> Alert:
    now = to_datetime(fired if opened is None else opened)
    given: dict[str, Any] = {
        "subject": "body_weight", "severity": "medium", "emergency": False, "lateness": "live", "patient_id": 1, "rule": "gain",
    } | other  # fmt: skip
    lateness: Lateness = given.pop("lateness")
    due = given.pop("due", timedelta(hours=8))
    return Alert(
        id=key, public_id=str(key), rule_version=1, ruleset_id=0, category="clinical", condition="firing", lateness=lateness,
        since=to_datetime(fired), fired_at=to_datetime(fired), opened_at=now, due_at=now + due, **given,
    )  # fmt: skip


def held(known: Sequence[Known], alerts: Sequence[Alert], *, shown: bool = True, **other: Any) -> Assessed:
    """Assess alerts that each make an item of their own, unless they were never shown."""
    items = [Item(one.patient_id, one.opened_at, None, (one.id,)) for one in alerts] if shown else []
    ends = np.full(2, T0 - 20 * DAY), np.full(2, T0 + 70 * DAY)
    played = Played(np.array([1, 2], np.int32), *ends, alerts=list(alerts), items=items)
    for name, value in other.items():
        setattr(played, name, value)
    return assess(known, played)


def test_an_alert_before_the_lead_finds_an_episode() -> None:
    found = held([gradual()], [alert(1, T0 + 5 * DAY)])
    assert found.found[0].is_seen
    assert found.found[0].after == 5 * DAY + 8 * HOUR
    assert (len(found.true_items), len(found.false_items)) == (1, 0)


def test_an_alert_after_the_lead_finds_nothing_and_is_not_false() -> None:
    found = held([gradual()], [alert(1, T0 + 8 * DAY + HOUR)])
    assert not found.found[0].is_seen
    assert (len(found.true_items), len(found.false_items)) == (1, 0)


def test_who_looks_only_after_the_lead_has_seen_nothing_in_time() -> None:
    late = alert(1, T0 + 8 * DAY - HOUR)
    found = held([gradual()], [late])
    assert found.found[0].is_opened
    assert not found.found[0].is_seen
    paged = held([gradual()], [late], pages=[Sent(1, 1, late.opened_at, "opened")])
    assert paged.found[0].is_seen


def test_who_looks_at_the_patient_earlier_has_seen_it() -> None:
    taken = replace(alert(1, T0 + 8 * DAY - 3 * HOUR), acknowledged_at=to_datetime(T0 + 8 * DAY - HOUR))
    assert held([gradual()], [taken]).found[0].is_seen


def test_a_suppressed_episode_counts_as_missed() -> None:
    assert not held([gradual()], [alert(1, T0 + 5 * DAY)], shown=False).found[0].is_seen


def test_a_retrospective_episode_counts_as_missed() -> None:
    found = held([gradual()], [alert(1, T0 + 5 * DAY, T0 + 6 * DAY, lateness="retrospective")])
    assert not found.found[0].is_seen
    assert found.false_items == []


def test_an_episode_gathered_by_an_older_alert_counts_as_missed() -> None:
    older = replace(alert(1, T0 - 3 * DAY), times=2)
    found = held([gradual()], [older])
    assert not found.found[0].is_seen
    assert len(found.false_items) == 1


def test_an_alert_on_another_vital_finds_nothing_and_is_false() -> None:
    found = held([gradual()], [alert(1, T0 + 5 * DAY, subject="body_temperature")])
    assert not found.found[0].is_seen
    assert len(found.false_items) == 1


def test_a_score_may_be_about_any_vital() -> None:
    assert held([gradual()], [alert(1, T0 + 5 * DAY, subject=None)]).found[0].is_seen


def test_somebody_elses_alert_finds_nothing() -> None:
    found = held([gradual(patient=1)], [alert(1, T0 + 5 * DAY)])
    assert not found.found[0].is_seen
    assert found.false_items == [(1, ("gain",))]


def test_an_item_with_one_true_alert_is_true() -> None:
    alerts = [alert(1, T0 + 5 * DAY), alert(2, T0 + 5 * DAY, subject="body_temperature", rule="fever")]
    item = Item(1, alerts[0].opened_at, None, (1, 2))
    found = held([gradual()], alerts, items=[item])
    assert found.true_items == [(1, ("fever", "gain"))]
    assert found.false_items == []


def test_windows_without_an_episode_tell_what_chance_finds() -> None:
    there = Known(replace(gradual().episode, onset=T0 - 20 * DAY, turning=T0 - 10 * DAY, until=T0 - 12 * DAY), None, None,
                  is_measured=True)  # fmt: skip
    wrong = alert(1, T0 - 15 * DAY)
    items = [Item(1, wrong.opened_at, None, (1,))]
    ends = np.full(1, T0 - 20 * DAY), np.full(1, T0 + 70 * DAY)
    found = assess([gradual()], Played(np.array([1], np.int32), *ends, alerts=[wrong], items=items), [there])
    assert ([one.is_seen for one in found.found], [one.is_seen for one in found.chance]) == ([False], [True])
    assert len(found.false_items) == 1


def test_pages_and_texts_are_counted() -> None:
    wrong, right = alert(1, T0 - 9 * DAY), alert(2, T0 + 2 * DAY)
    pages = [Sent(1, one.id, one.opened_at, "opened") for one in (wrong, right)]
    asked = Rechecked(1, 1, wrong.opened_at, wrong.due_at, wrong.due_at, "no reply")
    found = held([gradual()], [wrong, right], pages=pages, rechecks=[asked])
    assert (len(found.false_pages), len(found.true_pages), found.texts) == (1, 1, [1])


@pytest.mark.parametrize(("after", "is_opened"), [(0, True), (60, True), (61, False)])
def test_an_emergency_must_be_open_within_a_minute_of_arrival(after: int, is_opened: bool) -> None:
    urgent = alert(1, T0 + HOUR, T0 + HOUR + after * SECOND, severity="high", subject="spo2")
    pages = [Sent(1, 1, urgent.opened_at, "opened")]
    found = held([emergency()], [urgent], pages=pages).found[0]
    assert (found.is_opened, found.is_seen) == (is_opened, is_opened)


def test_an_emergency_whose_page_is_held_is_open_and_unseen() -> None:
    urgent = alert(1, T0 + HOUR, severity="high", subject="spo2")
    pages = [Sent(1, 1, urgent.opened_at + timedelta(minutes=5), "no reply")]
    found = held([emergency()], [urgent], pages=pages).found[0]
    assert (found.is_opened, found.is_seen) == (True, False)


def test_an_emergency_that_only_makes_a_medium_alert_is_not_opened() -> None:
    assert not held([emergency()], [alert(1, T0 + HOUR, subject="spo2")]).found[0].is_opened


def test_an_emergency_that_is_announced_again_on_an_open_alert_is_opened() -> None:
    older = alert(1, T0 - 5 * HOUR, severity="high", subject="spo2")
    assert not held([emergency()], [older]).found[0].is_opened
    pages = [Sent(1, 1, to_datetime(T0 + HOUR + 2 * SECOND), "worse")]
    assert held([emergency()], [older], pages=pages).found[0].is_opened


def test_an_emergency_that_was_never_measured_is_counted_apart() -> None:
    counted = Counted(
        days=[np.ones(1)], false_items=[np.zeros(1)], true_items=[np.zeros(1)], false_pages=[np.zeros(1)], texts=[np.zeros(1)],
        found=[(0, one) for one in held([emergency(arrived=None), emergency()], []).found], patients=1,
    )  # fmt: skip
    figures = Figures(counted).detection()
    assert figures["emergencies_opened_within_60_s"].over == 1
    assert figures["emergencies_never_measured"].value == 0.5


def test_figures_and_their_intervals_by_patient() -> None:
    days = np.full(100, 90.0)
    items = np.zeros(100)
    items[:10] = 9.0
    counted = Counted(
        days=[days], false_items=[items], true_items=[np.zeros(100)], false_pages=[np.zeros(100)], texts=[np.zeros(100)],
        found=[(row, one) for row, one in enumerate(held([gradual()] * 10, [alert(1, T0 + 5 * DAY)]).found)], patients=100,
    )  # fmt: skip
    burden = Figures(counted).burden()
    rate = burden["false_items_per_patient_day"]
    assert rate.value == pytest.approx(90 / 9000)
    assert rate.low < 0.006
    assert rate.high > 0.014
    assert burden["reviews_per_true_episode"].value == pytest.approx(9.0)
    assert burden["false_items_per_day_of_the_95th_percentile_patient"] == pytest.approx(0.1)
    assert burden["patients_without_a_false_item"] == 0.9


def test_counts_of_two_runs_keep_their_patients_apart() -> None:
    def one() -> Counted:
        found = [(1, held([gradual()], []).found[0])]
        return Counted([np.ones(2)], [np.ones(2)], [np.zeros(2)], [np.zeros(2)], [np.zeros(2)], found, patients=2)

    both = one()
    both.join(one())
    assert both.patients == 4
    assert [row for row, _ in both.found] == [1, 3]


def test_the_knob_moves_limits_from_normal_and_leaves_emergencies() -> None:
    rules = fixed()
    moved = scaled(rules, 2.0).by_name
    known = rules.by_name
    assert moved["fixed_spo2_low"].limit == 97 + 2 * (90 - 97)
    assert moved["fixed_pulse_high"].limit == 72 + 2 * (120 - 72)
    for rule in rules.rules:
        if rule.emergency:
            assert moved[rule.name] == known[rule.name]
    assert scaled(rules, 1.0) is rules


def test_the_peer_has_the_same_emergency_band() -> None:
    def band(rules: RuleSet) -> set[str]:
        return {rule.name for rule in rules.rules if rule.emergency}

    assert band(fixed()) == band(shipped()) == {rule.name for rule in load_rules().rules if rule.emergency}


def test_expectations() -> None:
    assert is_reached("others_seen_before_the_lead", Estimate(0.91, 0.8, 0.95, 100))
    assert is_reached("false_pages_per_patient_day", Estimate(0.02, 0.01, 0.03, 100)) is False
    assert is_reached("patient_days", Estimate(1.0, 1.0, 1.0, 1)) is None
    assert as_json({"x": Estimate(0.123456, None, 1.0, 3.0)}) == {"x": [0.1235, None, 1.0, 3.0]}


def test_the_drawing_is_a_picture_with_a_line_for_each_set_of_rules() -> None:
    point = {"factor": 1.0, "seen": Estimate(0.5, 0.4, 0.6, 9), "false_items": Estimate(0.02, 0.01, 0.03, 9)}
    picture = drawing({"shipped": [point, {**point, "factor": 2.0}], "fixed limits": [point]})
    assert picture.startswith("<svg")
    assert picture.count("<polyline") == 2
    assert picture.count("<circle") == 3
