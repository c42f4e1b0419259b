"""The registry: which device row an MQTT name stands for, remembered for a few seconds.

A device that was just added is found at once (a miss asks the database); one that was just revoked is refused within
REFRESH seconds here, and sooner by the broker, which cuts its connection.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection

from devices.recording import find_devices

#: how long a row is believed
REFRESH: Final = dt.timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """What ingest needs to know of a device."""

    #: key inside the database
    id: int
    #: whether its messages are no longer taken
    revoked: bool


class Registry:
    """Devices by their MQTT name."""

    def __init__(self) -> None:
        self._known: dict[str, KnownDevice] = {}
        self._names: dict[int, str] = {}
        self._believed_until: dt.datetime | None = None

    def find(self, connection: Connection[Any], names: Iterable[str], now: dt.datetime) -> dict[str, KnownDevice]:
        """Return every known device by name; names that are missing are no devices."""
        if self._believed_until is None or now >= self._believed_until:
            self._known.clear()
            self._believed_until = now + REFRESH
        missing = [name for name in set(names) if name not in self._known]
        if missing:
            for name, key, revoked in find_devices(connection, missing):
                self._known[name] = KnownDevice(key, revoked)
                self._names[key] = name
        return self._known

    def name(self, key: int) -> str:
        """Return the name of a device that was found before; a row never changes its name."""
        return self._names[key]
