"""Engine: the judge inside ingest's transaction: lock → judge → save, over whole batches.

Conditions are judged on measured_at (I5); states, alerts and notices are saved in the transaction that recorded the
readings (I3). One engine per worker and one transaction at a time; never commits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from alerts import queries, rule_edits
from alerts.cache import Locked, StateCache
from alerts.judgement import Judgement
from alerts.people import People, joined
from alerts.rules import RuleSet
from alerts.state import States, StateUnreadable, unpack
from alerts.triage import rechecks
from devices.batch import Batch


@dataclass(frozen=True, slots=True)
class Judged:
    """What judging a batch came to."""

    #: keys of the alerts that opened
    opened: tuple[int, ...] = ()
    #: keys of the alerts whose condition ended
    resolved: tuple[int, ...] = ()
    #: patients who were judged again from stored measurements
    rebuilt: int = 0
    #: measurements that were judged for the first time
    judged_rows: int = 0
    #: patients left to the sweep because a rule raised
    unjudged: int = 0


class Engine:
    """Judges batches for one worker, and keeps the states it saved last."""

    def __init__(self, rules: RuleSet) -> None:
        """Judge by the rules of the files, and from the first transaction on by those with the edits in force."""
        self._files = self.rules = rules
        self._stamp = 0
        self._cache = StateCache(rules.layout)
        self._locked: Locked | None = None
        self._ruleset_id: int | None = None
        self._new_ruleset_id: int | None = None

    def refresh(self, conn: Connection[Any]) -> None:
        """Judge by the rules that are in force in this transaction; where they changed, nothing that is cached holds."""
        stamp = rule_edits.stamp(conn)
        if stamp == self._stamp:
            return
        rules = rule_edits.rules_in_force(conn, self._files)
        if rules.digest != self.rules.digest:
            self.rules, self._cache = rules, StateCache(rules.layout)
            self._ruleset_id = self._new_ruleset_id = None
        self._stamp = stamp

    def lock(self, conn: Connection[Any], patient_ids: Iterable[int] | NDArray[np.int32]) -> None:
        """Lock the state rows of these patients, ascending, until the transaction ends; `judge` takes rows of theirs alone."""
        self.refresh(conn)
        wanted = patient_ids if isinstance(patient_ids, np.ndarray) else list(patient_ids)
        ids = np.unique(np.asarray(wanted, np.int32))
        layout = self.rules.layout
        if not len(ids):
            nothing = np.zeros(0, np.int64)
            self._locked = Locked(
                ids, nothing, nothing.astype(bool), States.empty(0, layout), People.plain(np.zeros((0, layout.rules), bool))
            )
            return
        rows = queries.lock_states(conn, ids)
        known, states, people = self._cache.find(ids, rows[:, 1])
        stale = rows[:, 2] != self.ruleset_id(conn)
        unknown = np.flatnonzero(~known)
        if len(unknown):
            packed, programmes, zones = queries.load_states(conn, ids[unknown])
            people = self._with_unknown(conn, people, ids, unknown, programmes, zones)
            usable = [b"" if stale[row] else one for row, one in zip(unknown.tolist(), packed, strict=True)]
            try:
                states.put(unknown, unpack(usable, layout))
            except StateUnreadable:
                stale[unknown] = True
        self._locked = Locked(ids, rows[:, 1].copy(), stale, states, people)

    def _with_unknown(
        self,
        conn: Connection[Any],
        people: People,
        ids: NDArray[np.int32],
        unknown: NDArray[np.intp],
        programmes: Sequence[Sequence[str]],
        zones: Sequence[str],
    ) -> People:
        """Return the people with what the database says of those whom the cache does not know."""
        mask, zone, names = people.mask, people.zone, dict.fromkeys((*people.zones, *zones))
        mask[unknown] = self.rules.mask(programmes)
        place = {name: number for number, name in enumerate(names)}
        zone[unknown] = [place[name] for name in zones]
        limits, references = queries.load_own(conn, ids[unknown], ids, self.rules.column)
        return People(mask, joined([people.limits, limits]), joined([people.references, references]), zone, tuple(names))

    def judge(self, conn: Connection[Any], batch: Batch, now: datetime) -> Judged:
        """Judge measurements recorded in this transaction, of patients locked in it; save states, alerts and notices."""
        if not len(batch):
            return Judged()
        return self._finish(conn, self._judgement(conn, now).judge(batch))

    def rejudge(
        self, conn: Connection[Any], patient_ids: Iterable[int] | NDArray[np.int32], now: datetime, fresh: Batch | None = None
    ) -> Judged:
        """Lock patients and judge all their stored measurements again.

        For corrections, assignments that changed, and rules that changed. `fresh` are the measurements among them that were
        never judged for these patients, such as claimed ones: what they show of the past opens retrospective items.
        """
        self.lock(conn, patient_ids)
        assert self._locked is not None
        if not len(self._locked.patient_id):
            return Judged()
        return self._finish(conn, self._judgement(conn, now).rejudge(fresh))

    def committed(self) -> None:
        """Believe what the transaction saved, now that it is committed."""
        self._cache.committed()
        if self._new_ruleset_id is not None:
            self._ruleset_id = self._new_ruleset_id
        self._locked = self._new_ruleset_id = None

    def rolled_back(self) -> None:
        """Forget what the transaction saved, now that it is undone."""
        self._cache.rolled_back()
        self._locked = self._new_ruleset_id = None

    def ruleset_id(self, conn: Connection[Any]) -> int:
        """Return the key of this engine's rule set, storing it the first time."""
        if self._ruleset_id is not None:
            return self._ruleset_id
        if self._new_ruleset_id is None:
            self._new_ruleset_id = queries.find_ruleset(conn, self.rules)
        return self._new_ruleset_id

    def _judgement(self, conn: Connection[Any], now: datetime) -> Judgement:
        if self._locked is None:
            raise ValueError("lock the patients before judging them")
        return Judgement(conn, self.rules, self.ruleset_id(conn), self._locked, now)

    def _finish(self, conn: Connection[Any], judgement: Judgement) -> Judged:
        saved = judgement.save()
        if saved is not None:
            self._cache.keep(saved)
        changes = judgement.settle()
        if saved is not None:
            changes.changed |= rechecks.heard(conn, saved.patient_id.tolist(), judgement.now)
        queries.notify(conn, changes.changed)
        return Judged(
            opened=tuple(changes.opened),
            resolved=tuple(changes.resolved),
            rebuilt=judgement.rebuilt,
            judged_rows=judgement.judged_rows,
            unjudged=len(judgement.failed),
        )
