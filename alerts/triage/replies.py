"""Replies: what the readings that follow a recheck say of it.

Pure. Two readings in range, one after the other, clear it; one that still breaches a good minute after the patient was asked
confirms it; anything else leaves it to its time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from alerts.rule import OPERATORS

#: readings sooner than this come from a patient who has not rested yet (heart.org: measure again after 1–2 min)
REST: Final = timedelta(minutes=1)
#: readings in range that clear it
CLEARING: Final = 2


@dataclass(frozen=True, slots=True)
class Reply:
    """A clean reading that came after a recheck was asked for."""

    measured_at: datetime
    #: canonical unit
    value: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A recheck with what has come of it so far."""

    #: key of the alert
    alert_id: int
    asked_at: datetime
    #: whether the alert's condition holds, and when it ended
    is_firing: bool
    resolved_at: datetime | None
    #: what a plain limit is compared by, None for other kinds of rule
    operator: str | None
    limit: float | None
    #: oldest first
    replies: tuple[Reply, ...]


def answer(asked: Asked) -> Literal["cleared", "confirmed"] | None:
    """Return what a recheck's replies come to, None while they decide nothing."""
    if not asked.replies:
        return None
    breaches = [_breaches(asked, reply) for reply in asked.replies]
    if not asked.is_firing:
        return "cleared" if len(breaches) >= CLEARING and not any(breaches[-CLEARING:]) else None
    latest = asked.replies[-1]
    return "confirmed" if breaches[-1] and latest.measured_at - asked.asked_at >= REST else None


def _breaches(asked: Asked, reply: Reply) -> bool:
    """Say whether a reading breaches: by the plain limit, or by the condition where the rule judges something else."""
    if asked.operator in OPERATORS and asked.limit is not None:
        value, limit = reply.value, asked.limit
        return {"<": value < limit, "<=": value <= limit, ">": value > limit, ">=": value >= limit}[asked.operator]
    return asked.is_firing or asked.resolved_at is None or reply.measured_at < asked.resolved_at
