"""Judge: plays a simulated run through the functions that judge live readings, and holds what people saw against the truth.

The one module of the study that knows rules. `scaled` is the knob of the trade-off curve; emergency rules are never scaled.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from alerts.backtest.cohort import Cohort
from alerts.backtest.play import play
from alerts.backtest.played import Played
from alerts.people import FOREVER, Dated
from alerts.rule import KINDS, REFERENCES, Rule
from alerts.rules import RuleSet, load_rules
from benchmarks.detection.assess import Assessed, assess
from benchmarks.detection.catalogue import load_catalogue
from benchmarks.detection.simulate import History
from benchmarks.detection.truth import elsewhere, known_of
from devices.vitals import COLUMN, VITALS

#: plain fixed limits, the peer on the same patients
PEER: Final = Path(__file__).with_name("fixed")
#: kinds whose limit is a difference from something, so that it scales as it stands
_DIFFERENCES: Final = ("change", "slope", "baseline")


def shipped() -> RuleSet:
    """Return the rules that come with Wardlight."""
    return load_rules()


def fixed() -> RuleSet:
    """Return the peer: the same emergency band and plain fixed limits."""
    peer = {rule.name: rule for rule in load_rules(PEER).rules}
    emergency = {rule.name: rule for rule in shipped().rules if rule.emergency or rule.kind == "doubt"}
    return RuleSet(tuple(_sorted({**peer, **emergency})))


def _sorted(rules: dict[str, Rule]) -> Iterator[Rule]:
    yield from sorted(rules.values(), key=lambda rule: (KINDS.index(rule.kind), rule.name))


def scaled(rules: RuleSet, factor: float) -> RuleSet:
    """Return rules whose limits lie so many times as far from normal; 1 leaves them, emergencies are left alone."""
    return rules if factor == 1 else RuleSet(tuple(_moved(rule, factor) for rule in rules.rules))


def _moved(rule: Rule, factor: float) -> Rule:
    if rule.emergency or rule.limit is None:
        return rule
    if rule.kind in _DIFFERENCES:
        return replace(rule, limit=round(rule.limit * factor, 3))
    if rule.kind != "threshold" or rule.vital is None:
        return rule
    vital = VITALS[COLUMN[rule.vital]]
    normal = load_catalogue().people["vital"].get(rule.vital, {}).get("mean", rule.limit)
    return replace(rule, limit=round(normal + factor * (rule.limit - normal), vital.decimals))


def judge(rules: RuleSet, history: History, seed: int) -> Assessed:
    """Return what people would have seen of a run, held against its episodes; the seed places windows without any."""
    return assess(known_of(history), played(rules, history), elsewhere(history, seed))


def played(rules: RuleSet, history: History) -> Played:
    """Play a run in the order in which its readings arrived."""
    people = history.people
    stated = [
        (row, place, 0, FOREVER, float(value))
        for name, values in (("dry_weight", people.dry_weight), ("spo2_scale", np.where(people.spo2_scale == 2, 2.0, np.nan)))
        for place in (REFERENCES.index(name),)
        for row, value in enumerate(values)
        if not np.isnan(value)
    ]
    ids = np.arange(1, len(people) + 1, dtype=np.int32)
    zones = [people.zones[place] for place in people.zone.tolist()]
    cohort = Cohort(ids, people.programmes, zones, references=Dated.of(stated))
    whole = Played(ids, np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64))
    for programmes in dict.fromkeys(people.programmes):
        mine = np.array([one == programmes for one in people.programmes])
        part = play(_applying(rules, programmes), cohort.take(np.flatnonzero(mine)), history.batch.take(mine[history.patient]))
        _join(whole, part)
    return whole


def _applying(rules: RuleSet, programmes: Sequence[str]) -> RuleSet:
    """Return the rules that judge patients of these programmes, and those that they look at: the others cost time alone."""
    wanted = {rule.name for rule in rules.rules if rule.applies_to(programmes)}
    for rule in (*rules.rules, *rules.rules):
        if rule.name in wanted:
            wanted |= {when.rule for when in rule.when if when.rule is not None}
    return RuleSet(tuple(rule for rule in rules.rules if rule.name in wanted))


def _join(whole: Played, part: Played) -> None:
    """Add what was played of other patients; its alerts are numbered on."""
    first = len(whole.alerts)
    whole.alerts += [replace(alert, id=alert.id + first) for alert in part.alerts]
    whole.items += [replace(item, alerts=tuple(one + first for one in item.alerts)) for item in part.items]
    whole.pages += [replace(page, alert_id=page.alert_id + first) for page in part.pages]
    whole.rechecks += [replace(asked, alert_id=asked.alert_id + first) for asked in part.rechecks]
