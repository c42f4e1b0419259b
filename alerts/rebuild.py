"""Rebuild: judge stored measurements again, by the very functions that judge live ones.

For readings that arrive out of order, changed rules or programmes, corrections and corrected assignments. Pure: takes
history that somebody loaded, in time, and gives the state it leads to and the episodes in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.columns import derive, limits_of
from alerts.evaluate import Evaluation, evaluate, judged_values
from alerts.people import People
from alerts.rules import RuleSet
from alerts.state import NEVER, States
from devices.batch import Batch
from devices.vitals import VITALS

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
    #: what was judged of the reading that made it fire
    value: float = 0.0
    #: what was announced last: that, or what was a step worse
    worst: float = 0.0
    #: the numbers that `value` rests on
    told: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Rebuilt:
    """What history leads to."""

    states: States
    #: every episode, in the order of its end for each patient and rule
    stretches: list[Stretch]


def rebuild(
    rules: RuleSet,
    people: People,
    resets: Resets,
    patient: NDArray[np.intp],
    history: Batch,
    fresh: NDArray[np.bool_],
    *,
    only: NDArray[np.bool_] | None = None,
    piece: int = PIECE,
) -> Rebuilt:
    """Judge a history from nothing; its rows lie by patient, measured_at, device, sequence and boot.

    `patient` (n,) is the row of each measurement's patient in `people` and `resets`; `fresh` (n,) marks the measurements
    that were not judged before; `only` (P, R) says which rules are judged, all that judge these people where it is None.
    """
    states = States.empty(len(people), rules.layout)
    states.newest[:] = resets.doubts
    touched = np.zeros(people.mask.shape, bool)
    found: dict[tuple[int, int], list[Stretch]] = {}
    for start in range(0, len(history), piece):
        end = min(start + piece, len(history))
        judged = evaluate(
            rules,
            states,
            people,
            patient[start:end],
            history.cut(start, end),
            only=only,
            fresh=fresh[start:end],
            touched=touched,
            floor=resets.rules,
            is_history=True,
        )
        states, touched = judged.after, judged.touched
        _follow(judged, found)
    return Rebuilt(states, [stretch for own in found.values() for stretch in own])


def _follow(judged: Evaluation, found: dict[tuple[int, int], list[Stretch]]) -> None:
    """Begin, worsen and end the episodes of each patient and rule by what one piece of history changed."""
    changes = judged.transitions
    columns = (
        changes.patient,
        changes.rule,
        changes.at,
        changes.fired,
        changes.worsened,
        changes.since,
        changes.touched,
        changes.value,
    )
    for told, (patient, rule, at, fired, worsened, since, touched, value) in zip(
        changes.told, zip(*(column.tolist() for column in columns), strict=True), strict=True
    ):
        own = found.setdefault((patient, rule), [])
        if fired:
            own.append(Stretch(patient, rule, since, at, None, touched, value, value, told))
        elif worsened:
            own[-1] = replace(own[-1], worst=value)
        else:
            own[-1] = replace(own[-1], ended_at=at, touched=touched)


def is_anchored(
    rules: RuleSet,
    people: People,
    only: NDArray[np.bool_],
    resets: Resets,
    patient: NDArray[np.intp],
    history: Batch,
    since: int,
    late_from: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return (P,): whether a history that begins at `since` tells everything that its late readings can change.

    It does where, for every rule that is judged again, a reading that clears it, or a reset, lies before the first late one
    (`late_from`, (P,)): whatever the condition was earlier, it is inactive there. What a signal says is known only from its
    reach after the beginning on; one whose memory holds all of history is never known.
    """
    plan, thresholds = rules.plan, rules.thresholds
    n = len(history)
    clean = history.suspect[:, None] & _BITS == 0
    values = np.where(clean, judged_values(history.values), np.nan)
    columns = limits_of(thresholds, people, patient, history.measured_at)
    columns.values = values
    need = plan.needed(only)
    if need.any():
        memory = States.empty(len(people), rules.layout).memory
        derive(
            columns, rules, people, memory, need, patient, history.measured_at, values, history.values, history.consciousness,
            lambda: history.flags,
        )  # fmt: skip
    else:
        columns.values = np.full((n, plan.columns), np.nan)
        columns.values[:, : len(VITALS)] = values
    reach = [0 if signal < 0 else plan.signals[signal].reach for signal in plan.signal.tolist()]
    # one reading that clears says little of a rule that counts among several
    is_unknown = [one is None or of > 0 for one, of in zip(reach, thresholds.of.tolist(), strict=True)]
    known_from = np.array(
        [_NEVER if lost else since + (one or 0) for one, lost in zip(reach, is_unknown, strict=True)], np.int64
    )
    signed = columns.values[:, thresholds.column] * thresholds.sign
    before = history.measured_at[:, None] < late_from[patient][:, None]
    row, rule = np.nonzero((signed < columns.hold_edge) & before & (history.measured_at[:, None] >= known_from))
    known = (resets.rules >= np.maximum(since, known_from)) & (known_from < _NEVER)
    known[patient[row], rule] = True
    answer: NDArray[np.bool_] = np.logical_and.reduce(known | ~only, axis=1)
    return answer


_NEVER: Final = np.iinfo(np.int64).max
_BITS: Final = 1 << np.arange(len(VITALS), dtype=np.int32)


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
