"""Ladders are data: the shipped one can be read, what is read can be written, and every refusal names the place."""

import copy
from typing import Any

import pytest

from alerts.escalation.crews import shipped_ladder
from alerts.escalation.ladder_data import WORDS, LadderError, read_ladder, write_ladder


def test_the_shipped_ladder_has_every_word_and_ends_with_everybody() -> None:
    ladder = shipped_ladder()
    assert tuple(ladder.climbs) == WORDS and ladder.source
    assert all("everyone" in ladder.climbs[word].steps[-1].who for word in ("emergency", "high", "medium"))
    assert ladder.layers == (1, 2)


def test_what_is_written_can_be_read() -> None:
    assert read_ladder(write_ladder(shipped_ladder())) == shipped_ladder()


@pytest.mark.parametrize(
    ("word", "change", "says"),
    [
        ("high", {"steps": []}, "high: at least one step"),
        ("low", {"again_minutes": 0}, "low: again_minutes"),
        ("medium", {"steps": [{"who": ["the boss"], "wait_minutes": 5}]}, "medium, step 1: 'the boss' is nobody"),
        ("medium", {"steps": [{"who": "lead", "wait_minutes": 5}]}, "medium, step 1: who is a list"),
        ("high", {"steps": [{"who": ["lead"], "wait_minutes": True}]}, "high, step 1: wait_minutes"),
        ("high", {"steps": [{"who": ["lead"], "wait_minutes": 5, "times": 0}]}, "high, step 1: times"),
        ("high", {"steps": [{"who": ["lead"], "wait_minutes": 5, "channels": ["pigeon"]}]}, "no channel is called 'pigeon'"),
        ("high", {"stairs": []}, "high: nobody knows 'stairs'"),
        ("high", {"steps": [{"who": ["lead"], "wait_minutes": 5}] * 21}, "high: more than 20"),
    ],
)
def test_a_ladder_that_cannot_be_meant_is_refused(word: str, change: dict[str, Any], says: str) -> None:
    given = copy.deepcopy(write_ladder(shipped_ladder()))
    given[word] |= change
    with pytest.raises(LadderError, match=says):
        read_ladder(given, ["webhook", "console"])


def test_a_ladder_without_a_word_is_refused() -> None:
    given = write_ladder(shipped_ladder())
    del given["medium"]
    with pytest.raises(LadderError, match="'medium'"):
        read_ladder(given)
