"""Who runs, hangs, is gone, or was replaced, by heartbeats alone."""

from datetime import UTC, datetime, timedelta

from api.watch.beats import find_faults, find_restarts, judge_beats
from api.watch.pace import Pace
from database.instance import Heartbeat

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PACE = Pace()


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def beat(
    process: str = "work",
    name: str = "a",
    age: float = 2,
    began: float = 3600,
    ended: float | None = None,
    *,
    is_connected: bool = True,
) -> Heartbeat:
    return Heartbeat(process, name, ago(began), ago(age), None if ended is None else ago(ended), {}, is_connected)


def states(*beats: Heartbeat) -> list[str]:
    return [one.state for one in judge_beats(beats, PACE, NOW)]


def faults(*beats: Heartbeat) -> list[tuple[str, str]]:
    return [(fault.kind, fault.detail) for fault in find_faults(judge_beats(beats, PACE, NOW), PACE, NOW, ["work"])]


def test_a_silent_process_hangs_while_it_is_connected_and_is_gone_without() -> None:
    assert states(beat(age=29), beat(age=31), beat(age=31, is_connected=False)) == ["runs", "hangs", "gone"]


def test_who_said_goodbye_is_not_silent_but_is_missed_after_a_while() -> None:
    assert states(beat(age=10, ended=10), beat(age=900, ended=900)) == ["stopped", "stopped"]
    assert faults(beat(age=10, ended=10)) == []
    assert faults(beat(age=40, ended=40)) == [("work", "a was stopped and none was started since")]


def test_what_was_never_heard_of_is_missed() -> None:
    assert faults() == [("work", "has never run")]
    assert faults(beat()) == []


def test_a_death_is_replaced_by_one_later_start_and_by_no_more() -> None:
    dead = beat(name="old", age=100, is_connected=False)
    assert states(dead, beat(name="new", began=90)) == ["replaced", "runs"]
    assert states(dead, beat(name="before", began=200)) == ["gone", "runs"]
    other = beat(name="old too", age=95, is_connected=False)
    assert states(dead, other, beat(name="new", began=90)) == ["replaced", "gone", "runs"]
    (restart,) = find_restarts(judge_beats([dead, beat(name="new", began=90)], PACE, NOW))
    assert (restart.kind, restart.since, restart.ended_at) == ("restarted", ago(100), ago(90))


def test_a_process_that_hangs_is_not_replaced_since_it_may_wake_up() -> None:
    assert states(beat(name="old", age=100), beat(name="new", began=90)) == ["hangs", "runs"]


def test_one_of_several_is_told_apart_from_all_of_them() -> None:
    gone = beat(name="b", age=100, is_connected=False)
    assert faults(beat(), gone) == [("instance", "is gone without a word")]
    assert faults(beat(), beat(name="b", age=1000, is_connected=False)) == [], "scaled down by force: forgotten after a while"
    assert faults(gone, beat(age=50)) == [("work", "a hangs: it is connected and says nothing")]


def test_i14_nobody_is_silent_for_a_time_in_which_the_database_could_not_hear() -> None:
    beats = [beat(age=300, is_connected=False)]
    assert judge_beats(beats, PACE, NOW, ago(20))[0].state == "runs"
    assert judge_beats(beats, PACE, NOW, ago(31))[0].state == "gone"
