"""Evaluate: the rules that judge readings over a whole batch at once, live readings and history alike.

Pure numpy, O(1) per reading. What is judged is columns: vitals as they are and what signals say of them
(`alerts/columns.py`); how a breach becomes a condition is one machine for all (`alerts/cells.py`). Within a
batch each patient's readings are judged in the order in which they were measured; how a patient's readings are cut into
batches makes no difference. A reading that is not newer than what its vital was
already judged by is not judged here but reported (`late`), for `alerts/rebuild.py` to judge in its place.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.cells import Cells, Transitions
from alerts.columns import derive, limits_of
from alerts.overtaken import Overtaken, find_overtaken
from alerts.people import People
from alerts.rounding import half_up
from alerts.rules import RuleSet
from alerts.signals.signal import starts_of
from alerts.state import NEVER, States
from devices.batch import Batch
from devices.vitals import VITALS

_VITALS: Final = len(VITALS)
_BITS: Final = 1 << np.arange(_VITALS, dtype=np.int32)
_DECIMALS: Final = np.array([vital.decimals for vital in VITALS])


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a batch did to the conditions of P patients."""

    #: the states after it
    after: States
    #: conditions that began or ceased to fire
    transitions: Transitions
    #: (F,) patient and rule of the conditions that are firing after the batch and were judged in it
    holding: tuple[NDArray[np.intp], NDArray[np.intp]]
    #: (P, R) bool: rules not judged here, since a reading arrived that is not newer than those they judged before
    late: NDArray[np.bool_]
    #: (P, S) bool: signals not followed here for the same reason
    late_signals: NDArray[np.bool_]
    #: (P,) int64 microseconds: the first reading that was left to the rebuild, a time beyond all where none was
    late_from: NDArray[np.int64]
    #: (P, R) bool: the stretch that is pending or firing after the batch holds a fresh reading
    touched: NDArray[np.bool_]
    #: how many (reading, rule) pairs were judged
    evaluations: int


def judged_values(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (n, vitals) as rules and screens see them: float64 rounded half up to the chart's precision.

    >>> float(judged_values(np.full((1, len(VITALS)), 38.05, np.float32))[0, 3])
    38.1
    """
    return half_up(values, _DECIMALS)


def reading_order(batch: Batch, patient: NDArray[np.intp]) -> NDArray[np.intp] | None:
    """Return the rows by patient, measured_at, device, sequence and boot; None where they lie so already."""
    who, when = patient[1:] - patient[:-1], batch.measured_at[1:] - batch.measured_at[:-1]
    if ((who > 0) | ((who == 0) & (when > 0))).all():
        return None
    order = np.lexsort((batch.measured_at, patient))
    tied = (np.diff(batch.measured_at[order]) == 0) & (np.diff(patient[order]) == 0)
    if tied.any():
        order = np.lexsort((batch.boot, batch.seq, batch.device_id, batch.measured_at, patient))
    return order


def evaluate(
    rules: RuleSet,
    before: States,
    people: People,
    patient: NDArray[np.intp],
    batch: Batch,
    *,
    only: NDArray[np.bool_] | None = None,
    fresh: NDArray[np.bool_] | None = None,
    touched: NDArray[np.bool_] | None = None,
    floor: NDArray[np.int64] | None = None,
    is_history: bool = False,
) -> Evaluation:
    """Judge n measurements of P patients.

    `patient` (n,) is each row's patient as a row of `before` and `people`. For a rebuild: `only` (P, R) says which rules are
    judged again; `floor` (P, R) in microseconds, at or before which staff reset a rule so that it looks at later readings
    only; `is_history` for rows that follow what was judged before, ties included; `fresh` (n,) and `touched` (P, R) follow
    the readings that nobody has judged yet through the stretches they are part of.
    """
    order = reading_order(batch, patient)
    where: slice | NDArray[np.intp] = slice(None) if order is None else order
    patient = patient[where]
    time = batch.measured_at[where]
    raw = batch.values[where]
    suspect = batch.suspect[where]
    consciousness = batch.consciousness[where]
    clean = ~np.isnan(raw)
    # most batches hold few of the vitals: only those are looked at
    here = np.flatnonzero(clean.any(axis=0))
    doubtful = clean & (suspect[:, None] & _BITS != 0) if suspect.any() else None
    if doubtful is not None:
        clean &= ~doubtful
    mask = people.mask if only is None else only
    has_signals = bool(mask[:, rules.plain :].any())
    need = rules.plan.needed(mask) if has_signals else np.zeros((len(before), len(rules.plan.signals)), bool)
    late = Overtaken.none(mask, need)
    if not is_history:
        late = find_overtaken(rules, before, mask, need, patient, time, clean, consciousness)
    after = before.copy()
    if len(batch):
        starts = starts_of(patient)
        seen = patient[starts]
        there = np.ix_(seen, here)
        newest = np.maximum.reduceat(np.where(clean[:, here], time[:, None], NEVER), starts)
        after.newest[there] = np.maximum(after.newest[there], newest)
        if doubtful is not None:
            doubted = np.maximum.reduceat(np.where(doubtful[:, here], time[:, None], NEVER), starts)
            after.doubted[there] = np.maximum(after.doubted[there], doubted)
        after.doubted[after.doubted <= after.newest] = NEVER
    judged = clean & ~late.vitals[patient] if late.is_any else clean
    values = np.full(raw.shape, np.nan)
    values[:, here] = np.where(judged[:, here], half_up(raw[:, here], _DECIMALS[here]), np.nan)
    thresholds = rules.thresholds if has_signals else rules.thresholds.head(rules.plain)
    columns = limits_of(thresholds, people, patient, time)
    columns.values = values
    if has_signals:
        derive(
            columns, rules, people, after.memory, need & ~late.signals, patient, time, values, raw, consciousness,
            lambda: batch.flags if order is None else [batch.flags[row] for row in order.tolist()],
        )  # fmt: skip
    applies = (mask & ~late.rules if late.is_any else mask)[:, : len(thresholds)][patient]
    if floor is not None:
        applies = applies & (time[:, None] > floor[:, : len(thresholds)][patient])
    cells = Cells(thresholds, before, applies, patient, time, columns)
    carried = np.zeros(before.status.shape, bool) if touched is None else touched.copy()
    transitions, holding = cells.judge(after, None if fresh is None else fresh[where], carried)
    transitions = transitions.telling(lambda row, rule: columns.tell(rules, row, rule))
    return Evaluation(after, transitions, holding, late.rules, late.signals, late.since, carried, cells.evaluations)
