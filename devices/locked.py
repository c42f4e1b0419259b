"""The locked state rows of a batch's devices: their sequences, loaded under lock and saved in the same transaction.

Devices are locked ascending by id, before patients, alerts and outbox; see ARCHITECTURE.md for the order of all locks.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from database.sql import load_sql
from devices.content import ContentWindow
from devices.counts import Counts
from devices.sequence import Sequence
from devices.state_message import StateMessage

_SQL: Final = load_sql(__file__, "recording.sql")


class LockedDevices:
    """State rows of some devices, held FOR UPDATE until the transaction ends."""

    def __init__(self, connection: Connection[Any], device_ids: NDArray[np.int32]) -> None:
        """Lock the rows of these devices (ascending, unique), creating those that are missing."""
        self._connection = connection
        self.device_ids = device_ids
        wanted = {"device_ids": device_ids}
        rows = connection.execute(_SQL["lock_device_states"], wanted).fetchall()
        if len(rows) < len(device_ids):
            connection.execute(_SQL["ensure_device_states"], wanted)
            rows = connection.execute(_SQL["lock_device_states"], wanted).fetchall()
        #: the boot whose sequence stands in the state row, by device
        self._current: dict[int, str | None] = {}
        self._sequences: dict[tuple[int, str], Sequence] = {}
        #: devices that were called silent until now
        self.silent: list[int] = []
        for device, boot, high, above, silent in rows:
            self._current[device] = boot
            if boot is not None:
                self._sequences[device, boot] = Sequence(high, above)
            if silent:
                self.silent.append(device)
        self._windows: dict[int, ContentWindow] = {}
        self._new_boots: set[tuple[int, str]] = set()

    def load_boots(self, pairs: Iterable[tuple[int, str]]) -> None:
        """Load the sequences of other boots than the current one, and make those of boots never seen."""
        missing = sorted({pair for pair in pairs if pair not in self._sequences})
        if not missing:
            return
        found = self._connection.execute(
            _SQL["load_boots"], {"device_ids": [device for device, _ in missing], "boots": [boot for _, boot in missing]}
        )
        for device, boot, high, above in found:
            self._sequences[device, boot] = Sequence(high, above)
        for pair in missing:
            if pair not in self._sequences:
                self._sequences[pair] = Sequence()
                self._new_boots.add(pair)

    def load_gaps(self, pairs: Iterable[tuple[int, str]]) -> None:
        """Load the given-up ranges of these boots, for numbers that arrive after all."""
        wanted = set(pairs)
        found = self._connection.execute(_SQL["load_gaps"], {"device_ids": [device for device, _ in wanted]})
        for _, device, boot, start, end in found:
            if (device, boot) in wanted:
                self._sequences[device, boot].gaps.append((start, end))

    def load_windows(self, device_ids: Iterable[int]) -> None:
        """Load the recent contents of devices that send neither time nor sequence."""
        wanted = sorted(set(device_ids))
        found = self._connection.execute(_SQL["load_boots"], {"device_ids": wanted, "boots": [""] * len(wanted)})
        stored = {device: above for device, _, _, above in found}
        self._windows.update({device: ContentWindow.load(stored.get(device, [])) for device in wanted})

    def sequence(self, device: int, boot: str) -> Sequence:
        """Return the sequence of a boot; load it first."""
        return self._sequences[device, boot]

    def window(self, device: int) -> ContentWindow:
        """Return the recent contents of a device; load them first."""
        return self._windows[device]

    def save(self, counts: Counts, touched: set[tuple[int, str]], now: dt.datetime) -> None:
        """Write back the tallies and times of all devices, and the sequences of these boots."""
        for device, boot in sorted(touched):
            self._save_sequence(device, boot, now)
        current = [(device, self._current[device]) for device in self.device_ids.tolist()]
        high = [0 if boot is None else self._sequences[device, boot].high for device, boot in current]
        columns: dict[str, Any] = {
            "device_id": self.device_ids,
            "seq": np.array(high, np.int64),
            "last_received_at": counts.last_received.view("M8[us]"),
            "last_measured_at": counts.last_measured.view("M8[us]"),
        }
        columns |= {str(tally): readings for tally, readings in counts.readings.items()}
        self._connection.execute(_SQL["save_device_states"], columns)
        for device, window in self._windows.items():
            self._connection.execute(_SQL["save_boots"], {"device_id": device, "boot": "", "seq": 0, "above": window.dump()})

    def apply_states(self, states: Iterable[tuple[int, StateMessage, int]]) -> set[tuple[int, str]]:
        """Save what devices said of themselves, (device, state, arrival in microseconds); return the boots it moved on."""
        moved: set[tuple[int, str]] = set()
        for device, state, received in states:
            if not state.online:
                self._connection.execute(_SQL["mark_offline"], {"device_id": device, "boot": state.boot})
                continue
            offset = None if state.clock is None else (state.clock - received) / 1e6
            row = {
                "device_id": device,
                "boot": state.boot,
                "battery": state.battery,
                "software": state.software,
                "clock_offset": offset,
            }
            self._connection.execute(_SQL["mark_online"], row)
            if state.boot is not None and state.first is not None:
                self.load_boots([(device, state.boot)])
                self.sequence(device, state.boot).give_up(state.first)
                moved.add((device, state.boot))
        return moved

    def _save_sequence(self, device: int, boot: str, now: dt.datetime) -> None:
        connection, sequence = self._connection, self._sequences[device, boot]
        if sequence.filled or sequence.given_up:
            self._save_gaps(device, boot, sequence, now)
        current = self._current[device]
        if boot == current:
            if sequence.above or sequence.had_above:
                connection.execute(_SQL["save_device_boots"], {"device_id": device, "boot": boot, "above": sequence.above})
        elif (device, boot) in self._new_boots:
            # a boot never seen is the device's newest run: it takes the state row, the one before is kept aside
            if current is not None:
                self._keep_aside(device, current)
            self._current[device] = boot
            connection.execute(_SQL["save_device_boots"], {"device_id": device, "boot": boot, "above": sequence.above})
        else:
            self._keep_aside(device, boot)

    def _keep_aside(self, device: int, boot: str) -> None:
        sequence = self._sequences[device, boot]
        row = {"device_id": device, "boot": boot, "seq": sequence.high, "above": sequence.above}
        self._connection.execute(_SQL["save_boots"], row)

    def _save_gaps(self, device: int, boot: str, sequence: Sequence, now: dt.datetime) -> None:
        gaps = sequence.given_up
        if sequence.filled:
            stored = self._connection.execute(_SQL["load_gaps"], {"device_ids": [device]}).fetchall()
            self._connection.execute(_SQL["drop_gaps"], {"ids": [row[0] for row in stored if row[2] == boot]})
            gaps = sequence.gaps + gaps
        for start, end in gaps:
            gap = {"device_id": device, "boot": boot, "from_seq": start, "to_seq": end, "now": now}
            self._connection.execute(_SQL["add_gap"], gap)
