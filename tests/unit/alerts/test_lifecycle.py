"""The life of an alert, without a database: what one step makes of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerts import notices, taking
from alerts.alert import Alert
from alerts.lateness import lateness_of
from alerts.lifecycle import Episode, Step, follow
from alerts.rules import load_rules

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
HIGH, MEDIUM = load_rules().by_name["spo2_emergency"], load_rules().by_name["spo2_low"]


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def lasting(minutes: float, held: float = 0) -> Episode:
    return Episode(ago(minutes), ago(minutes), ago(held))


def over(start: float, end: float) -> Episode:
    return Episode(ago(start), ago(start), ago(start), ago(end))


def after(alert: Alert | None, rule: object = HIGH, **what: object) -> list[tuple[list[str], Alert]]:
    """Return (events, alert) of each step."""
    steps = follow(alert, rule, 1, "spo2", NOW, 1, **what)  # type: ignore[arg-type]
    return [([name for name, _ in step.events], step.alert) for step in steps]


def stored(**what: object) -> Alert:
    """Return an open high alert as the database has it."""
    ((_, alert),) = after(None, ongoing=lasting(5))
    return replace(alert, id=7, **what)  # type: ignore[arg-type]


def test_an_episode_that_lasts_opens_an_alert() -> None:
    ((events, alert),) = after(None, ongoing=lasting(0))
    assert events == ["opened"]
    assert (alert.condition, alert.lateness, alert.emergency, alert.due_at) == ("firing", "live", True, NOW + HIGH.response)


def test_a_condition_that_goes_on_changes_nothing() -> None:
    assert after(stored(), ongoing=lasting(0)) == []


@pytest.mark.parametrize(
    ("rule", "acknowledged", "closed"), [(HIGH, False, False), (HIGH, True, True), (MEDIUM, False, True), (MEDIUM, True, True)]
)
def test_only_an_unacknowledged_high_alert_outlives_its_condition(rule: object, acknowledged: bool, closed: bool) -> None:
    ((_, alert),) = after(None, rule, ongoing=lasting(5))
    alert = replace(alert, id=7, acknowledged_at=NOW if acknowledged else None)
    ((events, ended),) = after(alert, rule, ceased_at=ago(1))
    assert events == (["resolved", "closed"] if closed else ["resolved"])
    assert (ended.resolved_at, ended.closed_at) == (ago(1), NOW if closed else None)


def test_a_firing_again_joins_the_open_alert() -> None:
    ((events, alert),) = after(stored(condition="resolved", resolved_at=ago(2)), ongoing=lasting(1))
    assert (events, alert.times, alert.condition, alert.resolved_at) == (["fired again"], 2, "firing", None)


def test_what_fires_again_soon_after_it_closed_is_the_same_episode_opened_again() -> None:
    ((_, alert),) = after(None, MEDIUM, ongoing=lasting(5))
    ((events, again),) = after(replace(alert, id=7), MEDIUM, ceased_at=ago(2), ongoing=lasting(1))
    assert events == ["resolved", "closed", "regressed"]
    assert (again.id, again.condition, again.closed_at, again.regressed, again.times) == (7, "firing", None, 1, 2)
    done = taking.resolve(replace(alert, id=7), 3, "false_artefact", "", ago(30), ago(30)).alert
    ((_, resolved_again),) = after(done, MEDIUM, ongoing=lasting(1))
    assert (resolved_again.disposition, resolved_again.closed_by, resolved_again.acknowledged_at) == (None, None, None)
    assert resolved_again.due_at == NOW + MEDIUM.response


@pytest.mark.parametrize(
    "changes", [{"closed_at": NOW - timedelta(hours=4, minutes=1)}, {"rule_version": 9}, {"lateness": "retrospective"}]
)
def test_what_closed_long_ago_or_by_another_rule_stays_closed(changes: dict[str, object]) -> None:
    closed = replace(stored(condition="resolved", resolved_at=ago(9), closed_at=ago(9)), **changes)  # type: ignore[arg-type]
    ((events, alert),) = after(closed, ongoing=lasting(0))
    assert events == ["opened"] and alert.id != closed.id


@pytest.mark.parametrize(("firings", "flaps"), [([300, 200, 100], False), ([50, 30], False), ([50, 30, 10], True)])
def test_i13_flapping_holds_an_alert_open_until_a_person_resolves_it(firings: list[int], flaps: bool) -> None:
    ((_, opened),) = after(None, MEDIUM, ongoing=lasting(400))
    alert = replace(opened, id=7, closed_at=ago(5), condition="resolved", firings=tuple(ago(minutes) for minutes in firings))
    ((events, again),) = after(alert, MEDIUM, ongoing=lasting(1))
    assert ("flapping" in events) == flaps == (again.flapping_at == NOW)
    ((events, over_again),) = after(replace(again, acknowledged_at=NOW), MEDIUM, ceased_at=ago(0))
    assert (over_again.closed_at is None) == flaps
    assert taking.resolve(over_again, 3, "false_limit", "", NOW, None).alert.closed_at == NOW


STEPPED = replace(MEDIUM, step=2.0)


@pytest.mark.parametrize(("worst", "is_news"), [(88.0, False), (86.5, False), (86.0, True), (80.0, True), (90.0, False)])
def test_i13_what_worsens_by_its_step_is_announced_again_as_if_nobody_had_answered(worst: float, is_news: bool) -> None:
    ((_, alert),) = after(None, STEPPED, ongoing=replace(lasting(5), value=88.0))
    taken = replace(alert, id=7, acknowledged_at=ago(4), acknowledged_by=3, due_at=ago(2))
    found = after(taken, STEPPED, ongoing=replace(lasting(5), value=88.0, worst=worst))
    assert bool(found) == is_news
    for events, worse in found:
        assert events == ["worsened"]
        assert (worse.worst, worse.news_at, worse.acknowledged_at, worse.due_at) == (worst, NOW, None, NOW + MEDIUM.response)


def test_a_rule_without_steps_never_worsens() -> None:
    rule = replace(HIGH, step=0.0)
    assert after(replace(stored(), worst=85.0), rule, ongoing=replace(lasting(5), worst=60.0)) == []


def test_i13_what_is_there_still_after_a_gap_is_announced_again_whatever_its_value() -> None:
    taken = replace(stored(), worst=84.0, acknowledged_at=ago(4), acknowledged_by=3)
    ((events, told),) = after(taken, ongoing=replace(lasting(5), worst=85.0, again=True))
    assert events == ["worsened"]
    assert (told.worst, told.news_at, told.acknowledged_at) == (85.0, NOW, None)


@pytest.mark.parametrize("kind", ["composite", "score", "red_flag"])
def test_composites_scores_and_red_flags_latch_whatever_their_severity(kind: str) -> None:
    rule = replace(MEDIUM, kind=kind)  # type: ignore[arg-type]
    ((_, alert),) = after(None, rule, ongoing=lasting(5))
    ((events, ended),) = after(replace(alert, id=7), rule, ceased_at=ago(1))
    assert events == ["resolved"] and ended.closed_at is None


def test_a_recheck_keeps_a_medium_alert_open() -> None:
    ((_, alert),) = after(None, MEDIUM, ongoing=lasting(5))
    ((events, _),) = after(replace(alert, id=7, standing="recheck"), MEDIUM, ceased_at=ago(1))
    assert events == ["resolved"]


def test_given_commented_and_taken_back() -> None:
    given = taking.assign(stored(), 4, "Kim")
    assert (given.alert.assigned_to, given.events) == (4, (("assigned", "to Kim"),))
    assert not taking.assign(given.alert, 4, "Kim").events
    assert taking.unassign(given.alert).alert.assigned_to is None and not taking.unassign(stored()).events
    said = taking.comment(replace(given.alert, closed_at=NOW), "sleeps on two pillows")
    assert said.events == (("commented", "sleeps on two pillows"),)
    assert not taking.assign(said.alert, 5, "Lee").events


def test_a_moments_dip_seen_at_once_is_listed_and_closed() -> None:
    ((events, alert),) = after(None, MEDIUM, past=[over(2, 1)])
    assert (events, alert.lateness) == (["opened", "resolved", "closed"], "live")


def test_an_episode_over_before_it_was_seen_waits_for_a_person() -> None:
    ((events, alert),) = after(None, MEDIUM, past=[over(120, 60)])
    assert (events, alert.lateness, alert.due_at) == (["opened", "resolved"], "retrospective", NOW + timedelta(hours=8))
    closed = taking.acknowledge(replace(alert, id=7), 3, NOW).alert
    assert (closed.closed_at, closed.closed_by) == (NOW, 3)


def test_several_past_episodes_are_gathered_in_one_item_which_a_lasting_one_joins() -> None:
    ((events, alert),) = after(None, MEDIUM, past=[over(300, 280), over(200, 180)], ongoing=lasting(1))
    assert events == ["opened", "resolved", "earlier episode", "fired again", "promoted"]
    assert (alert.times, alert.lateness) == (3, "live")


def test_promotion_never_moves_the_due_time_later() -> None:
    old = stored(lateness="retrospective", emergency=False, due_at=ago(1))
    ((events, alert),) = after(old, ongoing=lasting(60))
    assert (events, alert.due_at, alert.emergency) == (["promoted"], ago(1), True)


@pytest.mark.parametrize(
    ("minutes", "expected"), [(15, "live"), (15.1, "late"), (12 * 60, "late"), (12 * 60 + 1, "retrospective"), (-5, "live")]
)
def test_lateness(minutes: float, expected: str) -> None:
    assert lateness_of(timedelta(minutes=minutes), timedelta(minutes=15)) == expected


def test_acknowledging_twice_keeps_the_first_and_resolving_records_who() -> None:
    once = taking.acknowledge(stored(), 3, NOW).alert
    assert not taking.acknowledge(once, 4, NOW).events
    done = taking.resolve(once, 4, "true_acted", "called", NOW, ago(1))
    assert done.events == (("closed", "true_acted: called"),)
    assert (done.alert.acknowledged_by, done.alert.closed_by, done.alert.reset_at) == (3, 4, ago(1))
    assert not taking.resolve(done.alert, 5, "true_acted", "", NOW, None).events
    assert not taking.unacknowledge(done.alert).events


@pytest.mark.parametrize(("is_shown", "state"), [(True, "delivered"), (False, "withheld")])
def test_i9_the_worklist_is_told_or_the_reason_why_not(is_shown: bool, state: str) -> None:
    (notice,) = notices.plan(stored(), (("opened", ""),), is_shown=is_shown, reason="silenced by Kim")
    assert (notice.channel, notice.state) == ("in_app", state) and "silenced by Kim" in notice.reason
    assert notices.plan(stored(), (("resolved", ""),), is_shown=True) == []
    assert Step(stored()).events == ()
