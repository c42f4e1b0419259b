"""The life of an alert, without a database: what one step makes of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerts import lifecycle, notices
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


def test_ceasing_and_firing_within_one_batch_is_two_alerts_where_the_first_closes_itself() -> None:
    ((_, alert),) = after(None, MEDIUM, ongoing=lasting(5))
    (closed, opened) = after(replace(alert, id=7), MEDIUM, ceased_at=ago(2), ongoing=lasting(1))
    assert (closed[0], opened[0]) == (["resolved", "closed"], ["opened"])


def test_a_moments_dip_seen_at_once_is_listed_and_closed() -> None:
    ((events, alert),) = after(None, MEDIUM, past=[over(2, 1)])
    assert (events, alert.lateness) == (["opened", "resolved", "closed"], "live")


def test_an_episode_over_before_it_was_seen_waits_for_a_person() -> None:
    ((events, alert),) = after(None, MEDIUM, past=[over(120, 60)])
    assert (events, alert.lateness, alert.due_at) == (["opened", "resolved"], "retrospective", NOW + timedelta(hours=8))
    closed = lifecycle.acknowledge(replace(alert, id=7), 3, NOW).alert
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
    once = lifecycle.acknowledge(stored(), 3, NOW).alert
    assert not lifecycle.acknowledge(once, 4, NOW).events
    done = lifecycle.resolve(once, 4, "true_acted", "called", NOW, ago(1))
    assert done.events == (("closed", "true_acted: called"),)
    assert (done.alert.acknowledged_by, done.alert.closed_by, done.alert.reset_at) == (3, 4, ago(1))
    assert not lifecycle.resolve(done.alert, 5, "true_acted", "", NOW, None).events
    assert not lifecycle.unacknowledge(done.alert).events


@pytest.mark.parametrize(
    ("changes", "state", "says"),
    [
        ({}, "pending", "severity high"),
        ({"severity": "low"}, "withheld", "shown, not sent"),
        ({"lateness": "retrospective"}, "withheld", "this shift"),
        ({"condition": "resolved"}, "withheld", "over before"),
    ],
)
def test_i9_the_console_is_told_or_the_reason_why_not(changes: dict[str, object], state: str, says: str) -> None:
    in_app, console = notices.plan(stored(**changes), (("opened", ""),))
    assert (in_app.channel, in_app.state) == ("in_app", "delivered")
    assert (console.channel, console.state) == ("console", state)
    assert says in console.reason
    assert notices.plan(stored(), (("resolved", ""),)) == []
    assert Step(stored()).events == ()
