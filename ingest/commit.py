"""One batch, one transaction: lock → record → evaluate → save, in the order that ARCHITECTURE.md tells.

The caller opens the transaction, commits it, and only then acknowledges. No network call happens in here.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from alerts.engine import Engine, Judged
from alerts.silence import resolve_silence
from devices.attribution import Attribution
from devices.batch import NOBODY, Batch
from devices.counts import Counts
from devices.decoded import REASONS
from devices.identity import boot_hash
from devices.locked import LockedDevices
from devices.recording import amend, find_device_times, record, save_batteries
from ingest.draft import Draft, Refusal, alone, decode, senders
from ingest.fresh import find_fresh
from ingest.message import Message
from ingest.quarantine import keep
from ingest.registry import Registry
from ingest.times import Placed, place_in_time

#: `source` of what a device sent
FROM_DEVICE: Final = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """How far a boot of a device has been taken, for the acknowledgement that follows the commit."""

    #: MQTT name of the device
    name: str
    boot: str
    #: every number up to here is committed, in quarantine, or given up
    high: int
    #: whether numbers above a hole have been taken, so that a resend is worth asking for
    has_hole: bool


@dataclass(slots=True)
class Outcome:
    """What became of a batch, counted in readings."""

    messages: int = 0
    stored: int = 0
    suspect: int = 0
    duplicate: int = 0
    quarantined: int = 0
    #: messages, measurements and values that went to quarantine
    refused: int = 0
    #: on retry: those that cannot be taken exactly as before
    unchanged: int = 0
    taken: list[Taken] = field(default_factory=list)
    judged: Judged | None = None
    batteries: dict[int, int] = field(default_factory=dict)


class Committer:
    """Carries batches from bytes to judged rows; one per process, since it keeps the registry and the engine's cache."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._registry = Registry()
        self._batteries: dict[int, int] = {}

    def commit(
        self, connection: Connection[Any], messages: Sequence[Message], now: dt.datetime, *, retry: bool = False
    ) -> Outcome:
        """Take these messages in the caller's transaction; with `retry`, ones that come back from quarantine.

        Raises what the database raises; then nothing of the batch happened, and `rolled_back` must be called.
        """
        known = self._registry.find(connection, senders(messages), now)
        draft = decode(messages, known)
        if retry:
            draft.states.clear()  # a state says how a device is now; an old one says nothing
        outcome = Outcome(messages=len(messages))
        device_ids = np.union1d(draft.device, np.array([device for device, _, _ in draft.states], np.int32))
        if not len(device_ids):
            if not retry:
                keep(connection, draft.refusals)
            outcome.refused = outcome.unchanged = len(draft.refusals)
            return outcome
        locked = LockedDevices(connection, device_ids)
        counts = self._commit_draft(connection, locked, draft, messages, outcome, now, retry=retry)
        self._save(locked, counts, draft, locked.apply_states(draft.states), outcome, now)
        return outcome

    def refuse(self, connection: Connection[Any], message: Message, now: dt.datetime) -> Outcome:
        """Put a message that cannot be committed into quarantine whole; its sequence numbers count as taken."""
        known = self._registry.find(connection, senders([message]), now)
        draft = decode([message], known)
        device_ids = np.unique(draft.device)
        locked = LockedDevices(connection, device_ids)
        fresh = find_fresh(locked, draft)
        readings = int(draft.columns.readings()[fresh].sum())
        counts = Counts(device_ids)
        counts.heard(draft.device, draft.received)
        counts.add("quarantined", device_ids, np.full(len(device_ids), readings, np.int64))
        owner = int(device_ids[0]) if len(device_ids) else None
        keep(
            connection,
            [Refusal(owner, message.topic, message.payload, "refused", REASONS["refused"], readings, message.received)],
        )
        outcome = Outcome(messages=1, refused=1, quarantined=readings)
        self._save(locked, counts, draft, set(), outcome, now)
        return outcome

    def committed(self, outcome: Outcome) -> None:
        """Keep what was learnt in the transaction: it is committed."""
        self._batteries.update(outcome.batteries)
        self.engine.committed()

    def rolled_back(self) -> None:
        """Forget what was learnt in the transaction: it is undone."""
        self.engine.rolled_back()

    def _save(
        self,
        locked: LockedDevices,
        counts: Counts,
        draft: Draft,
        boots: set[tuple[int, str]],
        outcome: Outcome,
        now: dt.datetime,
    ) -> None:
        """Save the devices' rows with the boots of the draft and these, and note how far each was taken."""
        boots |= set(draft.runs)
        locked.save(counts, boots, now)
        for device, boot in boots:
            sequence = locked.sequence(device, boot)
            outcome.taken.append(Taken(self._registry.name(device), boot, sequence.high, bool(sequence.above)))

    def _commit_draft(
        self,
        connection: Connection[Any],
        locked: LockedDevices,
        draft: Draft,
        messages: Sequence[Message],
        outcome: Outcome,
        now: dt.datetime,
        *,
        retry: bool,
    ) -> Counts:
        counts = Counts(locked.device_ids)
        device, columns = draft.device, draft.columns
        fresh = find_fresh(locked, draft)
        placed = place_in_time(columns, draft.received, draft.retained)
        readings = columns.readings()
        if retry:
            # its sequence was taken when it was refused; only what is stored tells whether it is
            _place_as_stored(connection, draft, placed, np.flatnonzero(~fresh))
            fresh[:] = True
        counts.add("duplicate", device[~fresh], readings[~fresh])
        # a sequence that was seen tells that its refusals were kept then; a content that was seen tells nothing of its faults
        refusals = [one for one in draft.refusals if one.row is None or fresh[one.row] or columns.boot[one.row] is None]
        refusals += _impossible(draft, messages, placed, readings, fresh)
        outcome.refused = len(refusals)
        # what comes back from quarantine and is refused again stands there already
        again = {message.payload for message in messages} if retry else frozenset[bytes]()
        refusals = [one for one in refusals if one.payload not in again]
        outcome.unchanged = outcome.refused - len(refusals)
        keep(connection, refusals)
        mine = set(locked.device_ids.tolist())
        for refusal in refusals:
            if refusal.device_id is not None and refusal.device_id in mine:
                counts.add("quarantined", np.array([refusal.device_id], np.int32), np.array([refusal.readings], np.int64))
        wanted = fresh & (readings > 0)
        wanted[list(placed.impossible)] = False
        rows = np.flatnonzero(wanted)
        rows = rows[np.lexsort((placed.device_time[rows], device[rows]))]
        batch = _build(draft, placed, rows)
        batch.patient_id[:] = Attribution.load(connection, locked.device_ids).patients(
            batch.device_id, batch.user_slot, batch.measured_at
        )
        patients = np.unique(batch.patient_id[batch.patient_id != NOBODY])
        self.engine.lock(connection, patients)
        inserted = record(connection, batch)
        to_judge = inserted & (batch.patient_id != NOBODY)
        outcome.judged = self.engine.judge(connection, batch if to_judge.all() else batch.take(to_judge), now)
        added = np.where(inserted, readings[rows], 0)
        if retry and not inserted.all():
            known_rows = batch.take(~inserted)
            patients_amended, added[~inserted] = amend(connection, known_rows)
            self.engine.rejudge(connection, patients_amended, now, fresh=known_rows)
        counts.add("stored", batch.device_id, added)
        counts.add("duplicate", batch.device_id, readings[rows] - added)
        counts.add("suspect", batch.device_id[inserted], _bits(batch.suspect[inserted]))
        if not retry:
            counts.heard(device, draft.received)
            # a last will is no sign of life
            if locked.silent and (spoke := sorted(set(locked.silent) & set(device.tolist()))):
                resolve_silence(connection, spoke, now)
            self._save_batteries(connection, draft, outcome)
        counts.measured(batch.device_id[inserted], batch.measured_at[inserted])
        outcome.stored, outcome.suspect = counts.total("stored"), counts.total("suspect")
        outcome.duplicate, outcome.quarantined = counts.total("duplicate"), counts.total("quarantined")
        return counts

    def _save_batteries(self, connection: Connection[Any], draft: Draft, outcome: Outcome) -> None:
        """Save charges that differ from what this process saved last."""
        said = np.flatnonzero(draft.columns.battery >= 0)
        latest = dict(zip(draft.device[said].tolist(), draft.columns.battery[said].tolist(), strict=True))
        outcome.batteries = {device: charge for device, charge in latest.items() if self._batteries.get(device) != charge}
        if outcome.batteries:
            save_batteries(connection, outcome.batteries)


def _place_as_stored(connection: Connection[Any], draft: Draft, placed: Placed, rows: NDArray[np.intp]) -> None:
    """Give these rows the device time under which they are stored, where they are: without a clock it was their arrival."""
    columns = draft.columns
    identities = {
        row: (int(draft.device[row]), boot_hash(boot), int(columns.seq[row]))
        for row in rows.tolist()
        if (boot := columns.boot[row]) is not None
    }
    if identities:
        stored = find_device_times(connection, identities.values())
        for row, identity in identities.items():
            placed.device_time[row] = stored.get(identity, placed.device_time[row])


def _impossible(
    draft: Draft, messages: Sequence[Message], placed: Placed, readings: NDArray[np.int64], fresh: NDArray[np.bool_]
) -> list[Refusal]:
    """Return the measurements that lie nowhere in time; their payload keeps the values readable."""
    refusals = []
    for row, why in placed.impossible.items():
        if fresh[row]:
            message = messages[draft.message[row]]
            payload, device = alone(message, int(draft.place[row])), int(draft.device[row])
            refusals.append(
                Refusal(device, message.topic, payload, "impossible_time", why, int(readings[row]), message.received, row)
            )
    return refusals


def _build(draft: Draft, placed: Placed, rows: NDArray[np.intp]) -> Batch:
    """Return the batch of these rows of the draft, attributed to nobody yet."""
    columns, count = draft.columns.take(rows), len(rows)
    flags = columns.flags
    if placed.flags:
        flags = [one + placed.flags.get(row, ()) for one, row in zip(flags, rows.tolist(), strict=True)]
    return Batch(
        device_id=draft.device[rows],
        patient_id=np.full(count, NOBODY, np.int32),
        user_slot=columns.user_slot,
        device_time=placed.device_time[rows],
        measured_at=placed.measured_at[rows],
        received_at=draft.received[rows],
        boot=np.fromiter((0 if boot is None else boot_hash(boot) for boot in columns.boot), np.int32, count),
        seq=columns.seq,
        values=columns.values,
        suspect=columns.suspect,
        consciousness=columns.consciousness,
        source=np.full(count, FROM_DEVICE, np.int16),
        flags=flags,
        original=columns.original,
    )


def _bits(suspect: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return how many vitals are suspect in each row."""
    bits: NDArray[np.int64] = np.bitwise_count(suspect).astype(np.int64)
    return bits
