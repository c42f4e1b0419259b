"""Rebuild: judge stored measurements again, by the very functions that judge live ones.

For readings that arrive out of order, changed rules or programmes, corrections and corrected assignments. Pure: takes
history that somebody loaded, in time, and gives the state it leads to and the episodes in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.evaluate import Evaluation, evaluate, judged_values
from alerts.rules import RuleSet
from alerts.state import NEVER, States
from devices.batch import Batch
from devices.vitals import VITALS

#: the time of the first late reading where there is none
NO_LATE: Final = 1 << 62
#: rows that are judged at once: bounds the memory a long history takes
PIECE: Final = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class Resets:
    """Up to when staff told rules to look no further back, for P patients."""

    #: (P, R) int64 microseconds, NEVER where nobody did
    rules: NDArray[np.int64]
    #: (P, vitals) int64 microseconds: doubts settled by a person
    doubts: NDArray[np.int64]

    @classmethod
    def none(cls, patients: int, rules: int) -> "Resets":
        """Return no reset at all."""
        return cls(np.full((patients, rules), NEVER, np.int64), np.full((patients, len(VITALS)), NEVER, np.int64))

    def take(self, rows: NDArray[np.intp]) -> "Resets":
        """Return those of some patients."""
        return Resets(self.rules[rows], self.doubts[rows])


@dataclass(frozen=True, slots=True)
class Stretch:
    """One episode found in history: times in microseconds."""

    #: row of the patient in the states
    patient: int
    #: column of the rule
    rule: int
    #: first reading of the stretch
    since: int
    #: the reading that made it fire
    fired_at: int
    #: the reading that ended it, None while it fires
    ended_at: int | None
    #: a reading that nobody had judged before was part of it
    touched: bool


@dataclass(frozen=True, slots=True, eq=False)
class Rebuilt:
    """What history leads to."""

    states: States
    #: every episode, in the order of its end for each patient and rule
    stretches: list[Stretch]


def rebuild(
    rules: RuleSet,
    mask: NDArray[np.bool_],
    resets: Resets,
    patient: NDArray[np.intp],
    history: Batch,
    fresh: NDArray[np.bool_],
    *,
    piece: int = PIECE,
) -> Rebuilt:
    """Judge a history from nothing; its rows lie by patient, measured_at, device, sequence and boot.

    `patient` (n,) is the row of each measurement's patient in `mask` (P, R) and `resets`; `fresh` (n,) marks the
    measurements that were not judged before.
    """
    states = States.empty(*mask.shape)
    states.newest[:] = resets.doubts
    touched = np.zeros(mask.shape, bool)
    found: dict[tuple[int, int], list[Stretch]] = {}
    for start in range(0, len(history), piece):
        rows = np.arange(start, min(start + piece, len(history)))
        judged = evaluate(
            rules,
            states,
            mask,
            patient[rows],
            history.take(rows),
            fresh=fresh[rows],
            touched=touched,
            floor=resets.rules,
            is_history=True,
        )
        states, touched = judged.after, judged.touched
        for stretch in _stretches(judged):
            own = found.setdefault((stretch.patient, stretch.rule), [])
            began = (
                own.pop().fired_at if stretch.ended_at is not None and own and own[-1].ended_at is None else stretch.fired_at
            )
            own.append(replace(stretch, fired_at=began))
    return Rebuilt(states, [stretch for own in found.values() for stretch in own])


def _stretches(judged: Evaluation) -> Iterator[Stretch]:
    """Yield the episodes of one piece; one that began in an earlier piece has its end as fired_at, for the caller to mend."""
    open_one: Stretch | None = None
    changes = judged.transitions
    columns = (changes.patient, changes.rule, changes.at, changes.fired, changes.since, changes.touched)
    for patient, rule, at, fired, since, touched in zip(*(column.tolist() for column in columns), strict=True):
        if open_one is not None and (fired or (open_one.patient, open_one.rule) != (patient, rule)):
            yield open_one
            open_one = None
        if fired:
            open_one = Stretch(patient, rule, since, at, None, touched)
        else:
            yield Stretch(patient, rule, since, at if open_one is None else open_one.fired_at, at, touched)
            open_one = None
    if open_one is not None:
        yield open_one


def is_anchored(
    rules: RuleSet,
    mask: NDArray[np.bool_],
    resets: Resets,
    patient: NDArray[np.intp],
    history: Batch,
    since: int,
    late_from: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return (P,): whether a history that begins at `since` tells everything that its late readings can change.

    It does where, for every rule on a vital with late readings, a reading that clears the rule, or a reset, lies before
    the first of them: whatever the condition was earlier, it is inactive there. `late_from` (P, vitals) is the time of
    the first late reading, a time beyond all where there is none.
    """
    thresholds = rules.thresholds
    wanted = mask & (late_from < NO_LATE)[:, thresholds.vital]
    signed = judged_values(history.values)[:, thresholds.vital] * thresholds.sign
    before = history.measured_at[:, None] < late_from[:, thresholds.vital][patient]
    clean = history.suspect[:, None] & _BITS[thresholds.vital] == 0
    row, rule = np.nonzero((signed < thresholds.hold_edge) & before & clean)
    known = np.zeros(mask.shape, bool)
    known[resets.rules >= since] = True
    known[patient[row], rule] = True
    answer: NDArray[np.bool_] = np.logical_and.reduce(known | ~wanted, axis=1)
    return answer


_BITS: Final = 1 << np.arange(len(VITALS), dtype=np.int32)


def first_late(late: NDArray[np.bool_], patient: NDArray[np.intp], batch: Batch) -> NDArray[np.int64]:
    """Return (P, vitals): measured_at of the first reading of a late vital in a batch, NO_LATE where it is not late."""
    first = np.full(late.shape, NO_LATE, np.int64)
    row, vital = np.nonzero(~np.isnan(batch.values) & late[patient])
    np.minimum.at(first, (patient[row], vital), batch.measured_at[row])
    return first


def is_among(history: Batch, batch: Batch) -> NDArray[np.bool_]:
    """Return (n,): which measurements of a history are those of a batch, by their identity."""
    mine = np.zeros(len(history), bool)
    candidates = np.flatnonzero(np.isin(history.seq, batch.seq))
    identities = set(
        zip(batch.device_id.tolist(), batch.device_time.tolist(), batch.seq.tolist(), batch.boot.tolist(), strict=True)
    )
    for row in candidates.tolist():
        identity = (int(history.device_id[row]), int(history.device_time[row]), int(history.seq[row]), int(history.boot[row]))
        mine[row] = identity in identities
    return mine
