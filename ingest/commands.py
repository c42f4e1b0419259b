"""Commands: what the outbox has for devices, published by the one process that speaks MQTT.

Claims rows as `work` does for the other channels, publishes outside of any transaction (I4), and settles them. "Delivered"
means handed to the session with the broker; whether a patient measured again is told by the reading that comes.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from ingest.outgoing import Publication
from messaging.outbox import LEASE
from messaging.queries import DEVICE_COMMAND, claim, finish

#: rows taken at once
_AT_ONCE: Final = 200
#: what was asked for longer ago is not asked for any more: nobody waits for the answer
TOO_LATE: Final = timedelta(minutes=15)

Send = Callable[[list[Publication]], None]


def send_commands(conn: Connection[Any], send: Send, now: datetime) -> int:
    """Publish what is due to devices; return how many rows were settled. `conn` commits every statement by itself."""
    claimed = claim(conn, now, LEASE, _AT_ONCE, only=[DEVICE_COMMAND])
    timely = [notice for notice in claimed if now - notice.created_at <= TOO_LATE]
    send([Publication(f"wardlight/v1/{one.recipient}/command", one.body.encode(), retain=False) for one in timely])
    for notice in claimed:
        if notice in timely:
            finish(conn, notice.id, "delivered", None, now)
        else:
            finish(conn, notice.id, "dead", "too late: nobody waits for the answer any more", now)
    return len(claimed)
