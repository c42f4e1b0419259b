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
) -> Played:
    """Return what `rules` make of the history of a cohort, whose rows may lie in any order.

    `heard` is told, as it goes on, how many more measurements were judged. Raises ValueError for a measurement of somebody
    who is not in the cohort.
    """
    patient = cohort.rows_of(history.patient_id)
    played = Played(cohort.patient_id, *_watched(history, patient, len(cohort)), measurements=len(history))
    present = ~np.isnan(history.values)
    played.readings = int(np.count_nonzero(present))
    played.suspect = int(np.bitwise_count(history.suspect.astype(np.uint32)).sum())
    for some, rows in _blocks(patient, len(cohort)):
        part = cohort.take(some)
        courses, lanes, evaluations = follow_history(rules, part, history.take(rows), patient[rows] - some[0], heard)
        played.evaluations += evaluations
        for row, course in enumerate(courses):
            if course.told or course.doubts:
                _add(played, rules, part, row, course, lanes, practice)
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


def _blocks(patient: NDArray[np.intp], patients: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield (rows of neighbouring patients in the cohort, their measurements)."""
    order = np.argsort(patient, kind="stable")
    starts = np.searchsorted(patient[order], np.arange(patients + 1))
    first = 0
    while first < patients:
        last = int(np.searchsorted(starts, starts[first] + _TOGETHER, "right")) - 1
        last = min(max(last, first + 1), patients)
        if starts[last] > starts[first]:
            yield np.arange(first, last), order[starts[first] : starts[last]]
        first = last


def _watched(history: Batch, patient: NDArray[np.intp], patients: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (P,) each patient's first and last arrival, microseconds."""
    first, last = np.full(patients, np.iinfo(np.int64).max), np.full(patients, np.iinfo(np.int64).min)
    np.minimum.at(first, patient, history.received_at)
    np.maximum.at(last, patient, history.received_at)
    return first, last
