"""Pace: every interval and limit of the watch, in seconds, by how many times faster than in life it goes. Pure.

All of them are engineering defaults: what stops is found within 60 s, and told within 120.
"""

from dataclasses import dataclass

from database.instance import EVERY


@dataclass(frozen=True, slots=True)
class Pace:
    """The intervals and limits of one watch."""

    #: how many times faster than in life: 1, or more in tests
    times: float = 1.0

    @property
    def beat_every(self) -> float:
        """Between two heartbeats."""
        return EVERY / self.times

    @property
    def patience(self) -> float:
        """A process that was not heard of for longer is hung or gone."""
        return 30.0 / self.times

    @property
    def look_every(self) -> float:
        """Between two looks of the watchdog, and the age up to which `serve` shows what it saw."""
        return 5.0 / self.times

    @property
    def answer_within(self) -> float:
        """How long a database, broker or server may take to answer a look."""
        return max(10.0 / self.times, 2.0)

    @property
    def reading_every(self) -> float:
        """Between two readings of the synthetic patient."""
        return 30.0 / self.times

    @property
    def limit(self) -> float:
        """What is judged by time alone: a reading to be stored and judged, an alert to be announced or routed."""
        return 60.0 / self.times

    @property
    def overdue(self) -> float:
        """How long a notice may be due before the outbox counts as stuck."""
        return 120.0 / self.times

    @property
    def call_every(self) -> float:
        """Between two calls to the service outside."""
        return 60.0 / self.times

    @property
    def sweep(self) -> float:
        """How old the last sweep may be; it runs every minute whatever the pace."""
        return 180.0

    @property
    def kept(self) -> float:
        """How long one instance of several that was killed is spoken of."""
        return 900.0
