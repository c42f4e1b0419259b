"""Cases: tests of rules, judged by the very functions that judge live readings, reading by reading.

Pure. Says for each case what came otherwise than it says. Rules that a clock judges (a silent device, adherence) do not fire
here; a suspect value that nothing clean follows does, as the sweep would open it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.backtest.case import Case, Expected, to_us_span
from alerts.cells import Transitions
from alerts.evaluate import evaluate
from alerts.explanation import Evidence, explain_reading
from alerts.lifecycle import Episode, open_alert
from alerts.moments import to_datetime
from alerts.people import FOREVER, Dated, People
from alerts.rule import REFERENCES
from alerts.rules import RuleSet
from alerts.state import FIRING, NEVER, PENDING, States
from devices.batch import NO_SLOT, Batch
from devices.decoded import find_suspect
from devices.vitals import COLUMN, VITALS

#: a value judged by a signal is the one that a case names when they differ by less (a case writes few decimals)
_CLOSE: Final = 0.005


@dataclass(frozen=True, slots=True)
class Fired:
    """One episode that came of a case."""

    rule: str
    at: int
    until: int | None = None
    #: readings at which it was told again as worse
    worsened: tuple[int, ...] = ()
    #: what was judged of the reading that made it fire, and what that rests on
    value: float | None = None
    told: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of a case, and what is wrong with it."""

    case: Case
    #: every episode, by time
    fired: tuple[Fired, ...]
    #: what came otherwise than the case says, a sentence each; none is a case that holds
    wrong: tuple[str, ...]
    #: time → rule → "pending" or "firing" after the readings of that time; inactive ones left out
    conditions: Mapping[int, Mapping[str, str]] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether all came as the case says."""
        return not self.wrong


def judge(case: Case, rules: RuleSet) -> Judged:
    """Judge a case by a set of rules."""
    unknown = [
        f"it names the rule {name!r}, which these rules do not have"
        for name in dict.fromkeys(
            [*(one.rule for one in case.expected), *case.only, *case.ignored, *(one.rule for one in case.limits)]
        )
        if name not in rules.by_name
    ]
    fired, conditions = _follow(case, rules)
    return Judged(case, fired, tuple(unknown) or tuple(_wrong(case, rules, fired)), conditions)


def _follow(case: Case, rules: RuleSet) -> tuple[tuple[Fired, ...], dict[int, dict[str, str]]]:
    """Judge the readings in their order; return the episodes, and the conditions after each time."""
    names = [rule.name for rule in rules.reading_rules]
    states, people = States.empty(1, rules.layout), _person(case, rules)
    open_ones: dict[str, Fired] = {}
    over: list[Fired] = []
    doubts = _Doubts(case, rules)
    conditions = {}
    for time in case.times:
        doubts.pass_to(time)
        judged = evaluate(rules, states, people, np.zeros(1, np.intp), batch_of(case, time))
        states = judged.after
        _note(judged.transitions, names, open_ones, over)
        doubts.note(time, states.doubted[0])
        conditions[time] = _conditions(names, states.status[0])
    doubts.pass_to(NEVER)
    found = (*over, *open_ones.values(), *doubts.fired())
    return tuple(sorted(found, key=lambda one: (one.at, one.rule))), conditions


def _person(case: Case, rules: RuleSet) -> People:
    """Return what judging has to know of the patient."""
    limits = [(0, rules.column[own.rule], own.since, own.until, own.limit) for own in case.limits if own.rule in rules.column]
    references = [(0, REFERENCES.index(name), -FOREVER, FOREVER, value) for name, value in case.references.items()]
    zone = np.zeros(1, np.intp)
    return People(rules.mask([case.programmes]), Dated.of(limits), Dated.of(references), zone, (case.zone,))


def _note(changed: Transitions, names: Sequence[str], open_ones: dict[str, Fired], over: list[Fired]) -> None:
    """Begin, worsen and end episodes by the transitions of one time."""
    columns = (changed.rule.tolist(), changed.at.tolist(), changed.fired.tolist(), changed.worsened.tolist())
    for place, (column, at, fired, worsened) in enumerate(zip(*columns, strict=True)):
        name = names[column]
        if fired:
            open_ones[name] = Fired(name, at, value=float(changed.value[place]), told=changed.told[place])
        elif worsened:
            open_ones[name] = replace(open_ones[name], worsened=(*open_ones[name].worsened, at))
        else:
            over.append(replace(open_ones.pop(name), until=at))


def _conditions(names: Sequence[str], status: NDArray[np.uint8]) -> dict[str, str]:
    words = {PENDING: "pending", FIRING: "firing"}
    return {names[column]: words[int(status[column])] for column in np.flatnonzero(status).tolist()}


class _Doubts:
    """Suspect values that wait for a clean one, as the sweep takes them."""

    def __init__(self, case: Case, rules: RuleSet) -> None:
        self._rule = next((rule for rule in rules.of_kind("doubt") if rule.applies_to(case.programmes)), None)
        self._waiting: dict[int, int] = {}
        self._open: dict[int, Fired] = {}
        self._over: list[Fired] = []

    def note(self, time: int, doubted: NDArray[np.int64]) -> None:
        """Take what is doubted after the readings of a time."""
        if self._rule is None:
            return
        for vital in np.flatnonzero(doubted == NEVER).tolist():
            self._waiting.pop(vital, None)
            if vital in self._open:
                self._over.append(replace(self._open.pop(vital), until=time))
        for vital in np.flatnonzero(doubted != NEVER).tolist():
            if vital not in self._open:
                self._waiting.setdefault(vital, time + to_us_span(self._rule.for_))

    def pass_to(self, time: int) -> None:
        """Open what has waited long enough by a time; NEVER is the end of the case, when all have."""
        for vital, due in list(self._waiting.items()):
            if self._rule is not None and (time == NEVER or due < time):
                self._open[vital] = Fired(self._rule.name, due)
                del self._waiting[vital]

    def fired(self) -> list[Fired]:
        """Return every episode."""
        return [*self._over, *self._open.values()]


def batch_of(case: Case, time: int) -> Batch:
    """Return the readings of one time as the one row that a device would send."""
    given = case.readings.get(time, {})
    columns, numbers = [COLUMN[name] for name in given], list(given.values())
    values = np.full((1, len(VITALS)), np.nan, np.float32)
    values[0, columns] = numbers
    at = np.array([time], np.int64)
    return Batch(
        device_id=np.ones(1, np.int32),
        patient_id=np.ones(1, np.int32),
        user_slot=np.full(1, NO_SLOT, np.int16),
        device_time=at,
        measured_at=at,
        received_at=at,
        boot=np.ones(1, np.int32),
        seq=at,
        values=values,
        suspect=np.array([find_suspect(columns, numbers)], np.int32),
        consciousness=np.array([ord(case.consciousness[time]) if time in case.consciousness else 0], np.uint8),
        source=np.zeros(1, np.int16),
        flags=[()],
        original=[None],
    )


def _wrong(case: Case, rules: RuleSet, fired: Sequence[Fired]) -> list[str]:
    """Return a sentence for everything that came otherwise."""
    wrong: list[str] = []
    left = [one for one in fired if one.rule not in case.ignored and (not case.only or one.rule in case.only)]
    for wanted in case.expected:
        same = [one for one in left if one.rule == wanted.rule]
        found = next((one for one in same if one.at == wanted.at), None)
        if found is None:
            happened = ", ".join(f"at {case.clock(one.at)}" for one in same) or "not at all"
            wrong.append(f"{wanted.rule} should fire at {case.clock(wanted.at)}; it fired {happened}")
            left = [one for one in left if one is not (same[0] if len(same) == 1 else None)]
            continue
        left.remove(found)
        wrong += _differences(case, rules, wanted, found)
    wrong += [f"{one.rule} fired at {case.clock(one.at)}, which nothing says it should" for one in left]
    return wrong


def _differences(case: Case, rules: RuleSet, wanted: Expected, found: Fired) -> list[str]:
    wrong = []
    if wanted.until != found.until:
        should, did = (f"end at {case.clock(one)}" if one else "last to the end" for one in (wanted.until, found.until))
        wrong.append(f"{wanted.rule}, fired at {case.clock(found.at)}, should {should}; it did {did}")
    severity = rules.by_name[wanted.rule].severity
    if wanted.severity not in (None, severity):
        wrong.append(f"{wanted.rule} should be of {wanted.severity} severity; it is {severity}")
    if wanted.worsened is not None and wanted.worsened != found.worsened:
        should, did = (", ".join(map(case.clock, one)) or "never" for one in (wanted.worsened, found.worsened))
        wrong.append(f"{wanted.rule} should be told again as worse: {should}; it was: {did}")
    if wanted.value is not None and (found.value is None or abs(found.value - wanted.value) > _CLOSE):
        wrong.append(
            f"{wanted.rule} should judge {wanted.value:g}; it judged {'nothing' if found.value is None else f'{found.value:g}'}"
        )
    if wanted.told and wanted.told not in (said := sentence(case, rules, found)):
        wrong.append(f"{wanted.rule} should say {wanted.told!r}; it says {said!r}")
    return wrong


def sentence(case: Case, rules: RuleSet, fired: Fired) -> str:
    """Return what an alert would say on the worklist."""
    rule, at = rules.by_name[fired.rule], to_datetime(fired.at)
    alert = open_alert(rule, 1, rule.vital, Episode(at, at, at), "live", at, 1).alert
    value = case.readings.get(fired.at, {}).get(rule.vital or "")
    evidence = [] if value is None else [Evidence(at, at, value, "device", 0)]
    told = explain_reading(rule, alert, fired.value, fired.told, evidence, rules.digest, zone=case.zone, others=rules.by_name)
    return str(told["reason"])
