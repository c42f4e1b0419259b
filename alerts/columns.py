"""Columns: everything that a batch is judged on, vitals as they are and what signals say of them, with the limits in force.

Pure. Signals are followed only for the patients whose rules need them, in the order of the plan; a patient's own limit takes
the place of a rule's for the readings measured while it was in force.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.local_time import local_parts
from alerts.people import People
from alerts.rule import REFERENCES
from alerts.rules import RuleSet, Thresholds
from alerts.signals.baseline import Baseline
from alerts.signals.signal import CONSCIOUSNESS, IRREGULAR, IRREGULAR_PULSE, Readings, Told
from devices.vitals import COLUMN, VITALS

_ALERT: Final = ord("A")


@dataclass(slots=True, eq=False)
class Columns:
    """What n measurements are judged on."""

    #: (n, columns) float64, NaN where there is none
    values: NDArray[np.float64]
    #: (n, R) or (R,) float64: a reading breaches when sign·value ≥ edge
    edge: NDArray[np.float64]
    #: the same: a firing condition holds while sign·value ≥ hold_edge
    hold_edge: NDArray[np.float64]
    #: row, rule and value of the patients' own limits that were in force and differ from the rule's
    own_limits: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]] | None = None
    #: of each signal that was followed: its rows, ascending, and what it said of them
    told: dict[int, tuple[NDArray[np.intp], Told]] = field(default_factory=dict)

    def tell(self, rules: RuleSet, row: int, rule: int) -> dict[str, float]:
        """Return the numbers that what a rule is judged on rests on, at one row; NaN ones left out."""
        numbers = {}
        signal = int(rules.plan.signal[rule])
        if signal in self.told:
            rows, said = self.told[signal]
            place = int(np.searchsorted(rows, row))
            output = int(rules.plan.column[rule] - rules.plan.first[signal])
            numbers = {name: float(found[place]) for name, found in said.numbers[output].items()}
        if self.own_limits is not None:
            rows, which, value = self.own_limits
            own = value[(rows == row) & (which == rule)]
            if len(own):
                numbers["own_limit"] = float(own[-1])
        return {name: number for name, number in numbers.items() if number == number}  # noqa: PLR0124 - not NaN


def limits_of(thresholds: Thresholds, people: People, patient: NDArray[np.intp], time: NDArray[np.int64]) -> Columns:
    """Return no values yet, and the limits in force at n rows sorted by patient."""
    found = Columns(np.zeros((0, 0)), thresholds.edge, thresholds.hold_edge)
    if len(people.limits):
        row, rule, value = people.limits.in_force(patient, time)
        kept = rule < len(thresholds)
        row, rule, value = row[kept], rule[kept], value[kept]
        if len(row):
            found.edge = np.tile(thresholds.edge, (len(patient), 1))
            found.hold_edge = np.tile(thresholds.hold_edge, (len(patient), 1))
            found.edge[row, rule], found.hold_edge[row, rule] = thresholds.edges(rule, value)
            differs = found.edge[row, rule] != thresholds.edge[rule]
            found.own_limits = (row[differs], rule[differs], value[differs])
    return found


def derive(
    columns: Columns,
    rules: RuleSet,
    people: People,
    memory: tuple[NDArray[np.void], ...],
    need: NDArray[np.bool_],
    patient: NDArray[np.intp],
    time: NDArray[np.int64],
    values: NDArray[np.float64],
    raw: NDArray[np.float32],
    consciousness: NDArray[np.uint8],
    flags: Callable[[], Sequence[tuple[str, ...]]],
) -> None:
    """Fill in what signals say of n readings; `memory` is changed in place, `need` (P, S) says for whom."""
    plan, thresholds = rules.plan, rules.thresholds
    n = len(time)
    full = np.full((n, plan.columns), np.nan)
    full[:, : len(VITALS)] = values
    full[:, CONSCIOUSNESS] = np.where(consciousness == 0, np.nan, consciousness != _ALERT)
    if plan.reads_flags:
        irregular = np.array([IRREGULAR_PULSE in one for one in flags()], np.float64)
        full[:, IRREGULAR] = np.where(np.isnan(values[:, COLUMN["heart_rate"]]), np.nan, irregular)
    columns.values = full
    is_concerned: NDArray[np.bool_] = np.logical_or.reduce(need, axis=1)
    concerned = np.flatnonzero(is_concerned[patient])
    day, minute = np.zeros(n, np.int64), np.zeros(n, np.int64)
    day[concerned], minute[concerned] = local_parts(people.zones, people.zone[patient[concerned]], time[concerned])
    references = np.full((n, len(REFERENCES)), np.nan)
    if len(people.references):
        row, which, value = people.references.in_force(patient, time)
        references[row, which] = value
    learns: NDArray[np.bool_] | None = None
    concerns = [need[:, number][patient] for number in range(len(plan.signals))]
    for number, signal in enumerate(plan.signals):
        is_fed = concerns[number]
        if not is_fed.any():
            continue
        rows = np.flatnonzero(is_fed & np.logical_or.reduce([~np.isnan(full[:, column]) for column in signal.inputs]))
        if not len(rows):
            continue
        if isinstance(signal, Baseline) and learns is None:
            learns = _learns(rules, thresholds, people, patient, columns)
        known = np.zeros((0, 0), bool) if learns is None else learns
        readings = Readings(
            rows, patient[rows], time[rows], day[rows], minute[rows], full, raw, references, known, columns.edge
        )
        said = signal.follow(memory[number], readings)
        first = plan.first[number]
        full[rows, first : first + signal.outputs] = said.values
        columns.told[number] = (rows, said)


def _learns(
    rules: RuleSet, thresholds: Thresholds, people: People, patient: NDArray[np.intp], columns: Columns
) -> NDArray[np.bool_]:
    """Return (n, vitals): the readings that breach no clinical rule on their vital, as it is or by its change."""
    guards = [
        place
        for place, rule in enumerate(rules.reading_rules)
        if rule.category == "clinical" and rule.kind in ("threshold", "change", "slope")
    ]
    column = thresholds.column[guards]
    edge = columns.edge[..., guards]
    signed: NDArray[np.float64] = columns.values[:, column] * thresholds.sign[guards]
    breaching = (signed >= edge) & people.mask[:, guards][patient]
    learns = np.ones((len(patient), len(VITALS)), bool)
    vitals = [rules.reading_rules[place].vital for place in guards]
    for vital, named in enumerate(VITALS):
        about = [place for place, name in enumerate(vitals) if name == named.name]
        if about:
            learns[:, vital] = ~breaching[:, about].any(axis=1)
    return learns
