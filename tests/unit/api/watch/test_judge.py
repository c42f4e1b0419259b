"""What is wrong, decided from what the database says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.watch.fault import KINDS, Fault, sort
from api.watch.judge import BREACH_EVERY, Seen, judge
from api.watch.notes import Notes
from api.watch.pace import Pace
from api.watch.synthetic import BREACH, Proof, value_of
from api.watch.tell import fail_url
from database.instance import Heartbeat
from devices.vitals import COLUMN

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PACE = Pace()
DOCS = Path(__file__).parents[4] / "docs/watchdog.md"


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def beats(**ages: float) -> tuple[Heartbeat, ...]:
    given = {"ingest": 2.0, "work": 2.0, "watchdog": 2.0} | ages
    details = {"work": {"swept_at": ago(30).isoformat()}, "watchdog": {"sends": True}}
    return tuple(
        Heartbeat(process, "a", ago(3600), ago(age), None, details.get(process, {}), is_connected=True)
        for process, age in given.items()
    )


WELL = Seen(beats=beats(), path_at=ago(3), last_reading_at=ago(90), synthetic_at=ago(20), synthetic_alert_at=ago(200))


def kinds(seen: Seen, **named: bool) -> list[str]:
    return [fault.kind for fault in judge(seen, PACE, NOW, **named)]


def test_nothing_is_wrong_when_nothing_is() -> None:
    assert kinds(WELL) == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"beats": beats(ingest=31)}, "ingest"),
        ({"beats": beats(work=31)}, "work"),
        ({"beats": beats(watchdog=31)}, "watchdog"),
        ({"path_at": ago(61)}, "path"),
        ({"path_at": None}, "path"),
        ({"synthetic_at": ago(61)}, "synthetic_reading"),
        ({"synthetic_at": None}, "synthetic_reading"),
        ({"synthetic_alert_at": ago(541)}, "synthetic_alert"),
        ({"unjudged": 2, "unjudged_since": ago(61)}, "unjudged"),
        ({"unrouted": 1, "unrouted_since": ago(61)}, "unrouted"),
        ({"due": 3, "due_since": ago(121)}, "outbox"),
        ({"clock_ahead": -6.0}, "clock"),
    ],
)
def test_i12_each_kind_is_found_alone(change: dict[str, object], kind: str) -> None:
    assert kinds(replace(WELL, **change)) == [kind]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"path_at": ago(59)},
        {"synthetic_at": ago(59)},
        {"synthetic_alert_at": ago(539)},
        {"unjudged": 2, "unjudged_since": ago(59)},
        {"due": 3, "due_since": ago(119)},
        {"clock_ahead": 4.0},
    ],
)
def test_what_is_in_time_is_not_said(change: dict[str, object]) -> None:
    assert kinds(replace(WELL, **change)) == []  # type: ignore[arg-type]


def test_a_sweep_that_does_not_end_is_missed() -> None:
    late = tuple(
        replace(beat, detail={"swept_at": ago(181).isoformat()}) if beat.process == "work" else beat for beat in WELL.beats
    )
    assert kinds(replace(WELL, beats=late)) == ["sweep"]


def test_the_watchdog_does_not_miss_itself_and_others_do_not_miss_its_readings_when_it_is_gone() -> None:
    blind = replace(WELL, beats=beats(watchdog=500), synthetic_at=ago(500))
    assert kinds(blind) == ["watchdog"]
    assert kinds(replace(WELL, beats=beats(watchdog=31)), watches=True) == []


def test_one_cause_is_said_once() -> None:
    assert kinds(replace(WELL, beats=beats(ingest=300), path_at=ago(300), synthetic_at=ago(300))) == ["ingest"]


def test_i14_nothing_is_missed_of_a_time_in_which_the_database_was_away() -> None:
    back = replace(WELL, path_at=ago(300), synthetic_at=ago(300), beats=beats(ingest=300, work=300), database_since=ago(20))
    assert kinds(back) == []


def test_every_kind_has_words_and_a_place_in_the_documentation() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for kind, words in KINDS.items():
        assert f"`{kind}`" in text, kind
        assert words.wrong.endswith(".") and words.works.endswith(".")


def test_the_most_dangerous_is_said_first() -> None:
    faults = [Fault(kind, "", NOW, "") for kind in ("disk", "work", "restarted", "ingest")]
    assert [fault.kind for fault in sort(faults)] == ["ingest", "work", "disk", "restarted"]


def test_a_fault_begins_once_ends_once_and_keeps_its_first_time() -> None:
    notes = Notes()
    first = Fault("work", "", ago(60), "gone")
    assert notes.follow([first], [], NOW, is_settling=True).began == ()
    assert notes.follow([first], [], NOW).began == (first,)
    again = replace(first, since=NOW, detail="hangs")
    assert not notes.follow([again], [], NOW)
    assert notes.lasting() == [replace(first, detail="hangs")]
    assert notes.follow([], [], NOW).ended == (replace(first, detail="hangs", ended_at=NOW),)
    death = Fault("restarted", "serve a", ago(9), "died", ago(5))
    assert notes.follow([], [death], NOW).past == (death,)
    assert not notes.follow([], [death], NOW)
    new = Notes()
    new.know([death])
    assert not new.follow([], [death], NOW), "a watchdog before told it"


def test_a_breach_comes_every_few_readings_and_is_plausible() -> None:
    values = [value_of(number) for number in range(10 * BREACH_EVERY)]
    assert values.count(BREACH) == 20
    assert "heart_rate" in COLUMN and 20 < BREACH < 150


def test_i12_a_breach_must_open_an_alert_that_a_screen_is_told_of_and_can_read_and_that_ends() -> None:
    proof = Proof(ago(61))
    assert [(fault.kind, fault.part) for fault in proof.faults(PACE, NOW)] == [("synthetic_alert", "")]
    assert Proof(ago(59)).faults(PACE, NOW) == []
    old = proof.seen(ago(100), is_resolved=True, announced_at=ago(100), is_readable=True)
    assert not (old.fired or old.announced or old.resolved), "what was before the breach proves nothing"
    fired = proof.seen(ago(50), is_resolved=False, announced_at=None, is_readable=False)
    assert [fault.kind for fault in fired.faults(PACE, NOW)] == ["screen"]
    told = fired.seen(ago(50), is_resolved=False, announced_at=ago(50), is_readable=True)
    assert told.faults(PACE, NOW) == []
    stuck = replace(told, breached_at=ago(300), ended_at=ago(200))
    assert [(fault.kind, fault.part) for fault in stuck.faults(PACE, NOW)] == [("synthetic_alert", "end")]
    assert stuck.seen(ago(50), is_resolved=True, announced_at=None, is_readable=False).faults(PACE, NOW) == []


def test_failure_is_told_where_the_service_expects_it() -> None:
    assert fail_url("https://hc.example/u/", "") == "https://hc.example/u/fail"
    assert fail_url("https://hc.example/u", "https://other.example") == "https://other.example"
    assert fail_url("", "") == fail_url("https://hc.example/u", "none") == ""
