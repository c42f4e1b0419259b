"""One batch, one transaction: lock → record → evaluate → save, in the order that ARCHITECTURE.md tells.

The caller opens the transaction, commits it, and only then acknowledges. No network call happens in here.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from alerts.engine import Engine, Judged
from alerts.silence import resolve_silence
from devices.attribution import Attribution
from devices.batch import NOBODY, Batch
from devices.counts import Counts
from devices.identity import boot_hash, content_hash
from devices.locked import LockedDevices
from devices.recording import amend, record, save_batteries
from devices.vitals import VITALS
from ingest.draft import Draft, Refusal, alone, decode, readings_of, sender
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
        names = [sender(message) for message in messages]
        known = self._registry.find(connection, [name for name in names if name is not None], now)
        draft = decode(messages, names, known)
        outcome = Outcome(messages=len(messages))
        device_ids = np.unique(np.array(draft.device + [device for device, _, _ in draft.states], np.int32))
        if not len(device_ids):
            if not retry:
                keep(connection, draft.refusals)
            outcome.refused = len(draft.refusals)
            return outcome
        locked = LockedDevices(connection, device_ids)
        counts = self._commit_draft(connection, locked, draft, messages, outcome, now, retry=retry)
        boots = {
            (device, one.boot) for device, one in zip(draft.device, draft.measurement, strict=True) if one.boot is not None
        }
        boots |= locked.apply_states(draft.states)
        locked.save(counts, boots, now)
        public = {device.id: name for name, device in known.items()}
        for device, boot in boots:
            sequence = locked.sequence(device, boot)
            outcome.taken.append(Taken(public[device], boot, sequence.high, bool(sequence.above)))
        return outcome

    def committed(self, outcome: Outcome) -> None:
        """Keep what was learnt in the transaction: it is committed."""
        self._batteries.update(outcome.batteries)
        self.engine.committed()

    def rolled_back(self) -> None:
        """Forget what was learnt in the transaction: it is undone."""
        self.engine.rolled_back()

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
        device = np.array(draft.device, np.int32)
        received = np.array(draft.received, np.int64)
        fresh = find_fresh(locked, draft.device, draft.measurement, draft.received)
        placed = place_in_time(draft.measurement, received, draft.retained)
        readings = np.fromiter((readings_of(one) for one in draft.measurement), np.int64, len(device))
        counts.add("duplicate", device[~fresh], readings[~fresh])
        if retry:
            fresh[:] = True
        refusals = [one for one in draft.refusals if one.row is None or fresh[one.row]]
        refusals += _impossible(draft, placed, readings, fresh)
        # what comes back from quarantine and is refused again stands there already
        again = {message.payload for message in messages} if retry else frozenset[bytes]()
        keep(connection, [one for one in refusals if one.payload not in again])
        outcome.refused = len(refusals)
        mine = set(locked.device_ids.tolist())
        for refusal in refusals:
            if refusal.device_id is not None and refusal.device_id in mine:
                counts.add("quarantined", np.array([refusal.device_id], np.int32), np.array([refusal.readings], np.int64))
        wanted = fresh & (readings > 0)
        wanted[list(placed.impossible)] = False
        rows = np.flatnonzero(wanted)
        rows = rows[np.lexsort((placed.device_time[rows], device[rows]))]
        batch = _build(draft, placed, device, received, rows)
        batch.patient_id[:] = Attribution.load(connection, locked.device_ids).patients(
            batch.device_id, batch.user_slot, batch.measured_at
        )
        patients = np.unique(batch.patient_id[batch.patient_id != NOBODY])
        self.engine.lock(connection, patients)
        inserted = record(connection, batch)
        outcome.judged = self.engine.judge(connection, batch.take(inserted & (batch.patient_id != NOBODY)), now)
        if retry and not inserted.all():
            amended = amend(connection, batch.take(~inserted))
            self.engine.rejudge(connection, amended, now)
            inserted[:] = True
        if locked.silent:
            resolve_silence(connection, locked.silent, now)
        self._save_batteries(connection, draft, outcome)
        counts.add("duplicate", batch.device_id[~inserted], readings[rows][~inserted])
        counts.add("stored", batch.device_id[inserted], readings[rows][inserted])
        counts.add("suspect", batch.device_id[inserted], _bits(batch.suspect[inserted]))
        counts.heard(device, received)
        counts.measured(batch.device_id[inserted], batch.measured_at[inserted])
        outcome.stored, outcome.suspect = counts.total("stored"), counts.total("suspect")
        outcome.duplicate, outcome.quarantined = counts.total("duplicate"), counts.total("quarantined")
        return counts

    def _save_batteries(self, connection: Connection[Any], draft: Draft, outcome: Outcome) -> None:
        """Save charges that differ from what this process saved last."""
        said = {
            device: one.battery for device, one in zip(draft.device, draft.measurement, strict=True) if one.battery is not None
        }
        outcome.batteries = {device: charge for device, charge in said.items() if self._batteries.get(device) != charge}
        if outcome.batteries:
            save_batteries(connection, outcome.batteries)


def _impossible(draft: Draft, placed: Placed, readings: NDArray[np.int64], fresh: NDArray[np.bool_]) -> list[Refusal]:
    """Return the measurements that lie nowhere in time; their payload keeps the values readable."""
    return [
        Refusal(
            draft.device[row],
            draft.topic[row],
            alone(draft, row),
            "impossible_time",
            why,
            int(readings[row]),
            draft.received[row],
            row,
        )
        for row, why in placed.impossible.items()
        if fresh[row]
    ]


def _build(
    draft: Draft, placed: Placed, device: NDArray[np.int32], received: NDArray[np.int64], rows: NDArray[np.intp]
) -> Batch:
    """Return the batch of these rows of the draft, attributed to nobody yet."""
    chosen = [draft.measurement[row] for row in rows.tolist()]
    count = len(chosen)
    values = np.full((count, len(VITALS)), np.nan, np.float32)
    lengths = np.fromiter((len(one.columns) for one in chosen), np.intp, count)
    filled = np.repeat(np.arange(count), lengths)
    columns = np.fromiter(chain.from_iterable(one.columns for one in chosen), np.intp, len(filled))
    values[filled, columns] = np.fromiter(chain.from_iterable(one.values for one in chosen), np.float64, len(filled))
    flags = [one.flags for one in chosen]
    if placed.flags:
        flags = [one + placed.flags.get(row, ()) for one, row in zip(flags, rows.tolist(), strict=True)]
    return Batch(
        device_id=device[rows],
        patient_id=np.full(count, NOBODY, np.int32),
        user_slot=np.fromiter((one.user_slot for one in chosen), np.int16, count),
        device_time=placed.device_time[rows],
        measured_at=placed.measured_at[rows],
        received_at=received[rows],
        boot=np.fromiter((0 if one.boot is None else boot_hash(one.boot) for one in chosen), np.int32, count),
        seq=np.fromiter((content_hash(one) if one.seq is None else one.seq for one in chosen), np.int64, count),
        values=values,
        suspect=np.fromiter((one.suspect for one in chosen), np.int32, count),
        consciousness=np.fromiter((one.consciousness for one in chosen), np.uint8, count),
        source=np.full(count, FROM_DEVICE, np.int16),
        flags=flags,
        original=[one.original for one in chosen],
    )


def _bits(suspect: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return how many vitals are suspect in each row."""
    bits: NDArray[np.int64] = np.bitwise_count(suspect).astype(np.int64)
    return bits
