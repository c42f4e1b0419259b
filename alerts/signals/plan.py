"""Plan: which signals a set of rules needs, and which column each rule is judged on.

Rules that can share a memory do: all that look at the same daily values, all that look at the same baseline. Made once with the
rule set; the order of the signals is part of the layout of a state.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from alerts.rule import READING_KINDS, Rule
from alerts.signals.baseline import Baseline, Distance
from alerts.signals.composite import Composite, Condition
from alerts.signals.days import Days, Measure
from alerts.signals.score import News2
from alerts.signals.signal import CONSCIOUSNESS, FIRST_DERIVED, IRREGULAR, Signal, minutes_of
from devices.vitals import COLUMN

_DAY = timedelta(days=1)


@dataclass(frozen=True, eq=False)
class Plan:
    """The signals of R rules in the order in which they are followed; R rules in the order of a state."""

    #: followed in this order: each reads only what comes before it
    signals: tuple[Signal, ...]
    #: (R,) column each rule is judged on
    column: NDArray[np.intp]
    #: (R,) signal that says it, −1 where it is a vital as it is
    signal: NDArray[np.intp]
    #: (S,) first column of each signal's outputs
    first: NDArray[np.intp]
    #: (R, S) bool: the signals that judging a rule needs, those behind them included
    needs: NDArray[np.bool_]
    #: (S, CONSCIOUSNESS + 1) bool: the columns that arrive with readings which each signal reads, in the end
    feeds: NDArray[np.bool_]
    #: columns of everything that is judged
    columns: int

    def needed(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return (P, S): the signals that judging needs where `mask` (P, R) says which rules judge."""
        needed: NDArray[np.bool_] = mask.astype(np.float32) @ self.needs.astype(np.float32) > 0
        return needed

    @cached_property
    def reads_flags(self) -> bool:
        """Whether any signal reads what devices flag."""
        return any(IRREGULAR in signal.inputs for signal in self.signals)

    @property
    def together(self) -> NDArray[np.bool_]:
        """Return (vitals, vitals): which of them some signal reads as one, each with itself."""
        vitals = self.feeds[:, :CONSCIOUSNESS].astype(np.int64)
        shared: NDArray[np.bool_] = (vitals.T @ vitals > 0) | np.eye(CONSCIOUSNESS, dtype=bool)
        return shared


def make_plan(rules: Sequence[Rule]) -> Plan:
    """Return the plan of rules that judge readings."""
    signals, place = _shared(rules)
    signals += [_composite(rule, rules, signals, place) for rule in rules if rule.kind == "composite"]
    first = FIRST_DERIVED + np.cumsum([0, *(signal.outputs for signal in signals)])
    composites = iter(range(len(signals) - sum(rule.kind == "composite" for rule in rules), len(signals)))
    for number, rule in enumerate(rules):
        if rule.kind == "composite":
            place[number] = (next(composites), 0)
    column = np.array(
        [
            COLUMN[rule.vital or ""] if rule.kind == "threshold" else first[place[n][0]] + place[n][1]
            for n, rule in enumerate(rules)
        ],
        np.intp,
    )
    signal = np.array([-1 if rule.kind == "threshold" else place[number][0] for number, rule in enumerate(rules)], np.intp)
    behind, feeds = _behind(signals, first)
    needs = np.zeros((len(rules), len(signals)), bool)
    needs[signal >= 0] = behind[signal[signal >= 0]]
    return Plan(tuple(signals), column, signal, first[:-1], needs, feeds, int(first[-1]))


def _shared(rules: Sequence[Rule]) -> tuple[list[Signal], dict[int, tuple[int, int]]]:
    """Return the signals but the composites, and of each rule's place (signal, output) by number."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for number, rule in enumerate(rules):
        if rule.kind not in ("threshold", "composite"):
            kind = READING_KINDS.index("change" if rule.kind == "slope" else rule.kind)
            groups[kind, *_shared_by(rule, rules)].append(number)
    signals: list[Signal] = []
    place: dict[int, tuple[int, int]] = {}
    for key in sorted(groups, key=str):
        members = groups[key]
        outputs = list(dict.fromkeys(_output(rules[number]) for number in members))
        signals.append(_signal(max((rules[number] for number in members), key=lambda one: one.allowance), outputs))
        place |= {number: (len(signals) - 1, outputs.index(_output(rules[number]))) for number in members}
    return signals, place


def _shared_by(rule: Rule, rules: Sequence[Rule]) -> tuple[Hashable, ...]:
    """Return what rules must have in common to share a memory."""
    if rule.kind == "score":
        return (rule.score, rule.within)
    if rule.kind != "baseline":
        return _part(rule)
    # a baseline follows one drift: of several allowances the least is with those who judge no drift
    alike = {one.allowance for one in rules if one.measure == "drift" and _learning(one) == _learning(rule)}
    return (*_learning(rule), rule.allowance if rule.measure == "drift" else min(alike, default=0.0))


def _part(rule: Rule) -> tuple[Hashable, ...]:
    return (rule.vital, rule.daily, rule.day_from, rule.day_until)


def _learning(rule: Rule) -> tuple[Hashable, ...]:
    return (*_part(rule), rule.half_life, rule.learn_days, rule.learn_readings, rule.least_spread, rule.parts)


def _output(rule: Rule) -> Measure | Distance | str:
    sign = 1.0 if rule.direction == "high" else -1.0
    if rule.kind == "score":
        return rule.measure or ""
    if rule.kind == "baseline":
        assert rule.limit is not None
        return Distance(rule.measure or "", sign, abs(rule.limit), rule.fallback, rule.op in ("<", ">"))
    window = rule.window // _DAY
    if rule.kind == "slope":
        return Measure(rule.method or "", window, rule.least_days)
    spread = rule.least_spread if rule.against == "deviation" else 0.0
    return Measure(rule.against or "", window, rule.least_days, spread)


def _signal(rule: Rule, outputs: Sequence[Measure | Distance | str]) -> Signal:
    if rule.kind == "score":
        return News2(_us(rule.within), tuple(one for one in outputs if isinstance(one, str)))
    vital, part = COLUMN[rule.vital or ""], (minutes_of(rule.day_from), minutes_of(rule.day_until))
    if rule.kind != "baseline":
        return Days(vital, rule.daily == "first", *part, tuple(one for one in outputs if isinstance(one, Measure)))
    return Baseline(
        vital, rule.daily == "first", *part, rule.half_life / _DAY, rule.learn_days, rule.learn_readings, rule.least_spread,
        rule.parts, rule.allowance, tuple(one for one in outputs if isinstance(one, Distance)),
    )  # fmt: skip


def _composite(rule: Rule, rules: Sequence[Rule], signals: Sequence[Signal], place: dict[int, tuple[int, int]]) -> Composite:
    named = {one.name: number for number, one in enumerate(rules)}
    first = FIRST_DERIVED + np.cumsum([0, *(signal.outputs for signal in signals)])
    conditions, behind = [], [0]
    for when in rule.when:
        if when.flag is not None:
            conditions.append(Condition(IRREGULAR, 1.0, 1.0, None))
        elif when.rule is None:
            sign = 1.0 if when.op in (">", ">=") else -1.0
            edge = sign * (when.limit or 0.0)
            edge = float(np.nextafter(edge, np.inf)) if when.op in ("<", ">") else edge
            conditions.append(Condition(COLUMN[when.vital or ""], sign, edge, None))
        else:
            number = named[when.rule]
            other = rules[number]
            sign = -1.0 if other.direction == "low" else 1.0
            column = COLUMN[other.vital or ""] if other.kind == "threshold" else int(first[place[number][0]]) + place[number][1]
            conditions.append(Condition(column, sign, 0.0, number))
            if other.kind != "threshold":
                behind.append(-1 if (reach := signals[place[number][0]].reach) is None else reach)
    return Composite(tuple(conditions), _us(rule.within), None if -1 in behind else max(behind))


def _behind(signals: Sequence[Signal], first: NDArray[np.intp]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return (S, S) which signals each needs, itself included, and (S, columns of readings) what they read in the end."""
    behind, feeds = np.eye(len(signals), dtype=bool), np.zeros((len(signals), FIRST_DERIVED), bool)
    for number, signal in enumerate(signals):
        for column in signal.inputs:
            if column < FIRST_DERIVED:
                # a flag comes with a pulse
                feeds[number, COLUMN["heart_rate"]] |= column == IRREGULAR
                feeds[number, column] = True
                continue
            other = int(np.searchsorted(first, column, "right")) - 1
            behind[number] |= behind[other]
            feeds[number] |= feeds[other]
        if isinstance(signal, Baseline):  # what it may learn hangs on the changes that rules see in the same vital
            for other, days in enumerate(signals[:number]):
                if isinstance(days, Days) and days.vital == signal.vital:
                    behind[number] |= behind[other]
    return behind, feeds


def _us(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
