"""Play: what a set of rules would have made of a stored history, by the very functions that judge live data.

Readings are taken in the order in which they came in, so that what was late then is late here. Only conditions that change
are followed (docs/backtest.md says what is not played: silence, adherence, technical rules, people who resolve or comment).
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.backtest.cohort import Cohort
from alerts.backtest.judging import Course, Lanes, follow_history
from alerts.backtest.played import Played, Practice
from alerts.backtest.thin import Lean
from alerts.backtest.walk import Walk
from alerts.rules import RuleSet
from devices.batch import Batch

#: measurements of whole patients that are judged at once, where they have fewer: bounds memory
_TOGETHER: Final = 200_000


def play(
    rules: RuleSet,
    cohort: Cohort,
    history: Batch,
    *,
    practice: Practice = Practice(),  # noqa: B008 - frozen
    heard: Callable[[int], None] = lambda _: None,
    is_whole: bool = False,
) -> Played:
    """Return what `rules` make of the history of a cohort, whose rows may lie in any order.

    `heard` is told, as it goes on, how many more measurements were judged; `is_whole` plays readings too that change nothing
    (`alerts/backtest/thin.py`). Raises ValueError for a measurement of somebody who is not in the cohort.
    """
    patient, lean = cohort.rows_of(history.patient_id), Lean.of(history, reads_flags=rules.plan.reads_flags)
    if np.any(patient[1:] < patient[:-1]):
        order = np.lexsort((history.measured_at, patient))
        patient, lean = patient[order], lean.take(order)
    starts = np.searchsorted(patient, np.arange(len(cohort) + 1))
    played = Played(cohort.patient_id, *_watched(lean, starts), measurements=len(history))
    for first, last in _blocks(starts):
        rows = slice(int(starts[first]), int(starts[last]))
        part = cohort.take(np.arange(first, last))
        courses, lanes = follow_history(rules, part, lean.take(rows), patient[rows] - first, is_whole=is_whole)
        for row, course in enumerate(courses):
            if course.told or course.doubts:
                _add(played, rules, part, row, course, lanes, practice)
        heard(rows.stop - rows.start)
    return played


def _add(played: Played, rules: RuleSet, cohort: Cohort, row: int, course: Course, lanes: Lanes, practice: Practice) -> None:
    walk = Walk(rules, cohort.programmes[row], int(cohort.patient_id[row]), row, lanes, practice)
    walk.follow(course)
    first, desk = len(played.alerts), walk.desk
    played.alerts += [replace(alert, id=alert.id + first) for alert in walk.alerts]
    played.items += [replace(item, alerts=tuple(one + first for one in item.alerts)) for item in desk.items]
    played.pages += [replace(page, alert_id=page.alert_id + first) for page in desk.pages]
    played.rechecks += [replace(one, alert_id=one.alert_id + first) for one in desk.rechecks]
    played.withheld += [replace(one, alert_id=one.alert_id + first) for one in desk.withheld]


def _blocks(starts: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """Yield (first, last) of neighbours who are played at once; `starts` (P + 1,) says where each one's rows begin."""
    first, patients = 0, len(starts) - 1
    while first < patients:
        last = int(np.searchsorted(starts, starts[first] + _TOGETHER, "right")) - 1
        last = min(max(last, first + 1), patients)
        if starts[last] > starts[first]:
            yield first, last
        first = last


def _watched(history: Batch, starts: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (P,) each patient's first and last arrival, microseconds; the last before the first where nothing came in."""
    first = np.full(len(starts) - 1, np.iinfo(np.int64).max)
    last = np.full(len(starts) - 1, np.iinfo(np.int64).min)
    present = np.flatnonzero(np.diff(starts))
    if len(present):
        first[present] = np.minimum.reduceat(history.received_at, starts[present])
        last[present] = np.maximum.reduceat(history.received_at, starts[present])
    return first, last
