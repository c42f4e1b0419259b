"""The synthetic patient: a made-up person whose device measures twice a minute and breaches a rule every few minutes (I12).

Its readings take the way of everybody's: a device of its own at the broker, ingest, rules, alerts, announcement. It stands on
no list, is counted nowhere, and never pages a person. `Proof` is what should follow from each breach; it reads no clock.
"""

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from api import queries as api_queries
from api.enrolment import DeviceSecrets, Enrolled, Instrumented, enrol
from api.tokens import hash_token
from api.watch.fault import Fault
from api.watch.judge import BREACH_EVERY
from api.watch.pace import Pace
from api.watch.queries import mark_synthetic
from care.patient import PatientFacts

RECORD_NUMBER: Final = "WATCH"
DEVICE: Final = "wardlight-synthetic"
#: chooses the rule of alerts/rules/watch.toml
PROGRAMME: Final = "watch"
#: pulses, /min, within everybody's limits; the second crosses that one rule
USUAL: Final = 72.0
BREACH: Final = 125.0
#: how many readings in a row breach
BREACHING: Final = 2


def value_of(number: int) -> float:
    """Return the pulse of the reading with this number, /min; every BREACH_EVERY readings the last ones breach.

    >>> [value_of(number) > 100 for number in range(8)]
    [False, False, False, False, False, False, True, True]
    """
    return BREACH if number % BREACH_EVERY >= BREACH_EVERY - BREACHING else USUAL


@dataclass(frozen=True, slots=True)
class WatchSecrets:
    """What the watchdog signs in with, derived from a key that the data folder keeps."""

    secrets: DeviceSecrets

    @property
    def device(self) -> str:
        """The secret of the synthetic patient's device."""
        return self.secrets.of_device(DEVICE)

    @property
    def token(self) -> str:
        """The token that opens the synthetic patient's alerts and announcements, and nothing else."""
        return hmac.new(self.secrets.key, b"watch token", hashlib.sha256).hexdigest()


def enrol_synthetic(conn: Connection[Any], secrets: WatchSecrets, now: datetime) -> None:
    """Have the synthetic patient, the device, its assignment and the token; whatever is there stays as it is."""
    facts = PatientFacts(RECORD_NUMBER, "Synthetic patient", programmes=(PROGRAMME,), is_synthetic=True)
    person = Enrolled(facts, [Instrumented(DEVICE, "synthetic", "the watchdog's")])
    (key,) = enrol(conn, [person], now - timedelta(minutes=1), now).values()
    mark_synthetic(conn, key)
    token_hash = hash_token(secrets.token)
    if api_queries.find_token(conn, token_hash, now) is None:
        api_queries.add_token(conn, token_hash=token_hash, name="watchdog", scope="watch", staff_id=None, now=now)


@dataclass(frozen=True, slots=True)
class Proof:
    """What has followed so far from the newest breach, and from the end of it."""

    #: when the breach was measured
    breached_at: datetime
    #: when the reading that ends it was measured
    ended_at: datetime | None = None
    #: the alert fired, an open screen was told, and the alert was read as any programme reads it
    fired: bool = False
    announced: bool = False
    readable: bool = False
    #: the alert's condition ended by itself
    resolved: bool = False

    def seen(
        self, fired_at: datetime | None, *, is_resolved: bool, announced_at: datetime | None, is_readable: bool
    ) -> "Proof":
        """Return the proof with what was found out; times before the breach prove nothing."""
        fired = self.fired or (fired_at is not None and fired_at >= self.breached_at)
        return replace(
            self,
            fired=fired,
            announced=self.announced or (announced_at is not None and announced_at >= self.breached_at),
            readable=self.readable or (fired and is_readable),
            resolved=self.resolved or (fired and is_resolved and self.ended_at is not None),
        )

    def faults(self, pace: Pace, now: datetime) -> list[Fault]:
        """Return what should have followed by now and did not."""
        limit = timedelta(seconds=pace.limit)
        if now - self.breached_at <= limit:
            return []
        if not self.fired:
            return [Fault("synthetic_alert", "", self.breached_at, "the breach opened no alert")]
        faults = []
        if not (self.announced and self.readable):
            missing = "was not announced to a screen" if not self.announced else "cannot be read over HTTP"
            faults.append(Fault("screen", "", self.breached_at, f"the alert {missing}"))
        if (
            self.ended_at is not None
            and not self.resolved
            and now - self.ended_at > limit + 2 * timedelta(seconds=pace.reading_every)
        ):
            faults.append(Fault("synthetic_alert", "end", self.ended_at, "the alert does not end by itself"))
        return faults
