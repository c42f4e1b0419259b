"""Rejudge: an alert's stored rule set over its patient's stored readings once more, which must give the same answer.

Pure, by the very functions that judge live readings. Told twice: by what had come in when the alert opened, which must give
the same answer, and by what is known now, which may differ where readings came late or were marked wrong since.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from alerts.moments import to_datetime, to_us
from alerts.people import People
from alerts.rebuild import Resets, Stretch, rebuild
from alerts.rule import READING_KINDS
from alerts.rules import RuleSet
from devices.batch import Batch


@dataclass(frozen=True, slots=True)
class Answer:
    """What a rule says of some readings."""

    #: first reading of the stretch, and the one that made it fire
    since: datetime
    fired_at: datetime
    #: what was judged of that one
    value: float | None


@dataclass(frozen=True, slots=True)
class Rejudged:
    """What judging an alert again came to."""

    #: the rule set that it was judged with, by its digest
    ruleset: str
    #: what the alert says
    said: Answer
    #: what the readings say that had come in when it opened, None where they fire nothing then
    then: Answer | None
    #: what they say with all that came in and was corrected since
    now: Answer | None
    #: whether the first two are the same
    is_same: bool
    #: whether what came since leaves it so
    is_same_now: bool


def can_rejudge(why: Mapping[str, Any]) -> bool:
    """Say by its explanation whether an alert rests on readings alone; what a clock judged cannot be judged again from them."""
    return why.get("kind") in READING_KINDS and "fired_at" in why


def rejudge(
    why: Mapping[str, Any], rule: str, rules: RuleSet, people: People, resets: Resets, then: Batch, now: Batch
) -> Rejudged:
    """Judge one patient's readings again; `why` is the alert's explanation, `resets` what staff had told its rules by then.

    `then` are the readings that had come in when it opened, `now` all of them.
    """
    said = Answer(datetime.fromisoformat(why["since"]), datetime.fromisoformat(why["fired_at"]), _value(why))
    answers = [_answer(rule, rules, people, resets, history, said) for history in (then, now)]
    first, last = answers
    return Rejudged(str(why.get("ruleset", {}).get("digest", "")), said, first, last, _alike(said, first), _alike(said, last))


def tell(found: Rejudged | None, when: Callable[[datetime], str]) -> list[str]:
    """Return what judging again came to in plain words; `when` turns a time into words."""
    if found is None:
        return ["It was judged by the clock, not from readings: there is nothing to judge again."]
    lines = []
    if found.is_same:
        lines.append(f"By rule set {found.ruleset[:12]} and the readings that had come in: the same answer.")
    else:
        lines.append(f"By rule set {found.ruleset[:12]} and the readings that had come in: {_said(found.then, when)}.")
        lines.append(f"The alert says: {_said(found.said, when)}. Report this: it must be the same.")
    if found.is_same_now:
        lines.append("With what came in or was marked wrong since: still the same answer.")
    else:
        lines.append(f"With what came in or was marked wrong since: {_said(found.now, when)}.")
    return lines


def _said(answer: Answer | None, when: Callable[[datetime], str]) -> str:
    if answer is None:
        return "it does not fire"
    value = "" if answer.value is None else f", on {answer.value:g}"
    return f"it fires {when(answer.fired_at)}{value}, held since {when(answer.since)}"


def _answer(rule: str, rules: RuleSet, people: People, resets: Resets, history: Batch, said: Answer) -> Answer | None:
    """Return the episode that is the alert's, else the one that holds at its time, else None."""
    rows = len(history)
    mask = people.mask.copy()
    mask[0, rules.column[rule]] = True
    found = rebuild(rules, replace(people, mask=mask), resets, np.zeros(rows, np.intp), history, np.zeros(rows, bool))
    mine = [one for one in found.stretches if one.rule == rules.column[rule]]
    at = to_us(said.fired_at)
    exact = [one for one in mine if (one.since, one.fired_at) == (to_us(said.since), at)]
    holding = [one for one in mine if one.fired_at <= at and (one.ended_at is None or one.ended_at > at)]
    return _as_answer(next(iter(exact or holding), None))


def _as_answer(stretch: Stretch | None) -> Answer | None:
    if stretch is None:
        return None
    return Answer(to_datetime(stretch.since), to_datetime(stretch.fired_at), stretch.value)


def _value(why: Mapping[str, Any]) -> float | None:
    if why.get("value") is not None:
        return float(why["value"])
    return next((float(one["value"]) for one in why.get("readings", ()) if one["measured_at"] == why["fired_at"]), None)


def _alike(said: Answer, answer: Answer | None) -> bool:
    if answer is None or (said.since, said.fired_at) != (answer.since, answer.fired_at):
        return False
    return said.value is None or answer.value is None or abs(said.value - answer.value) < 1e-6
