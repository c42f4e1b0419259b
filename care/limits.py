"""Limits: whether this person may set that limit for this patient.

Pure. Tightening makes a rule fire earlier, loosening later. Locked stays locked; loosening is a clinician's order with an end
and a reason; nothing is ever loosened past the emergency band. Every refusal carries the way out.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from care.staff import Role

Override = Literal["locked", "tighten", "order"]

#: who gives orders
ORDERING: Final[Role] = "clinician"


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    """What holds for every limit, from `care/limits.toml`."""

    #: how long an order for a looser limit may last
    longest_order: timedelta
    #: how far a limit stays from what is usual for the patient, by vital, canonical unit
    distance: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a rule says of its limit, as far as setting another one needs it."""

    #: name of the rule
    rule: str
    #: what a nurse calls it
    title: str
    #: "<", "<=", ">" or ">="
    op: str
    #: the rule's limit, in `unit`
    limit: float
    #: as a person reads it
    unit: str
    #: decimals of the chart's precision
    decimals: int
    #: whether a patient's own limit may stand in
    override: Override
    #: plausible range of what is judged
    low: float
    high: float
    #: the vital that is judged, "" where it is something derived
    vital: str = ""
    #: limit of the emergency band on the same vital and side, None where there is none
    guard: float | None = None

    @property
    def sign(self) -> int:
        """+1 where high values breach, −1 where low ones do."""
        return 1 if self.op in (">", ">=") else -1

    def is_looser(self, wanted: float, than: float) -> bool:
        """Whether one limit fires later than another.

        >>> spo2 = Bounds("spo2_low", "Low", "<", 90, "%", 0, "order", 50, 100)
        >>> spo2.is_looser(88, 90), spo2.is_looser(92, 90)
        (True, False)
        """
        return self.sign * wanted > self.sign * than


@dataclass(frozen=True, slots=True)
class Current:
    """A limit of the patient's own that holds now."""

    #: the limit
    limit: float
    #: key of who set it
    set_by: int
    #: their role
    role: Role


@dataclass(frozen=True, slots=True)
class Allowed:
    """The limit may be set."""

    #: it fires later than the rule's own: an order with an end
    is_loosening: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """The limit may not be set."""

    #: why not
    reason: str
    #: what can be done instead
    way_out: str

    def __str__(self) -> str:
        """Say both in one line."""
        return f"{self.reason}: {self.way_out}"


def may_set(
    bounds: Bounds,
    current: Current | None,
    wanted: float,
    *,
    role: Role,
    until: datetime | None,
    reason: str,
    usual: float | None,
    policy: LimitPolicy,
    now: datetime,
) -> Allowed | Refused:
    """Say whether somebody of this role may set this limit until then.

    `usual` is what is usual for the patient (the median of lately), None where too little is known.
    """
    if bounds.override == "locked":
        return Refused(f"the limit of {bounds.title!r} is locked for everybody", "change the rule itself if it is wrong")
    return (
        _refuse_number(bounds, current, wanted)
        or _refuse_words(until, reason, now)
        or _refuse_distance(bounds, wanted, usual, policy)
        or _decide(bounds, current, wanted, role, until, policy, now)
    )


def may_end(bounds: Bounds, current: Current, *, role: Role, staff_id: int) -> Allowed | Refused:
    """Say whether somebody may take a patient's own limit back, so that the rule's holds again."""
    is_loosening = bounds.is_looser(bounds.limit, current.limit)
    if is_loosening and current.role == ORDERING and role != ORDERING and staff_id != current.set_by:
        return Refused("a clinician set this stricter limit", "ask a clinician to take it back")
    return Allowed(is_loosening)


def _refuse_number(bounds: Bounds, current: Current | None, wanted: float) -> Refused | None:
    if not math.isfinite(wanted) or not bounds.low <= wanted <= bounds.high:
        return Refused(
            "the limit is not plausible", f"write a number from {bounds.low:g} to {bounds.high:g} {bounds.unit}".rstrip()
        )
    if round(wanted, bounds.decimals) != wanted:
        return Refused("the limit is finer than readings are judged", f"write at most {bounds.decimals} decimals")
    if wanted == (bounds.limit if current is None else current.limit):
        return Refused("that limit holds already", "write another one, or leave it")
    if wanted == bounds.limit:
        return Refused("that is the rule's own limit", "end the patient's own limit instead, and the rule's holds again")
    return None


def _refuse_words(until: datetime | None, reason: str, now: datetime) -> Refused | None:
    if not reason.strip():
        return Refused("a limit of a patient's own needs a reason", "say why, in a few words")
    if until is not None and until <= now:
        return Refused("the end lies in the past", "choose a later one")
    return None


def _refuse_distance(bounds: Bounds, wanted: float, usual: float | None, policy: LimitPolicy) -> Refused | None:
    gap = policy.distance.get(bounds.vital)
    if gap is None or usual is None or bounds.is_looser(wanted, bounds.limit) or bounds.sign * (wanted - usual) >= gap:
        return None
    side = "at least" if bounds.sign > 0 else "at most"
    return Refused(
        f"the patient's usual value is {usual:.{bounds.decimals}f} {bounds.unit}, and a limit closer than {gap:g} points to it "
        "fires on ordinary days",
        f"write {side} {usual + bounds.sign * gap:.{bounds.decimals}f}",
    )


def _decide(
    bounds: Bounds,
    current: Current | None,
    wanted: float,
    role: Role,
    until: datetime | None,
    policy: LimitPolicy,
    now: datetime,
) -> Allowed | Refused:
    is_loosening = bounds.is_looser(wanted, bounds.limit)
    if not is_loosening:
        if current is not None and current.role == ORDERING and role != ORDERING and bounds.is_looser(wanted, current.limit):
            return Refused("a clinician set a stricter limit", "ask a clinician to change it")
        return Allowed(is_loosening=False)
    if bounds.override != "order":
        return Refused("this limit may only be made stricter", _stricter(bounds))
    if role != ORDERING:
        return Refused("only a clinician may loosen a limit", f"ask one for an order with an end, or {_stricter(bounds)}")
    return _refuse_end(until, policy, now) or _refuse_band(bounds, wanted) or Allowed(is_loosening=True)


def _refuse_end(until: datetime | None, policy: LimitPolicy, now: datetime) -> Refused | None:
    days = policy.longest_order.days
    if until is None:
        return Refused("an order for a looser limit needs an end", f"choose one within {days} days")
    if until - now > policy.longest_order:
        return Refused(f"an order for a looser limit lasts {days} days at most", "choose an earlier end, and renew it then")
    return None


def _refuse_band(bounds: Bounds, wanted: float) -> Refused | None:
    """Refuse what would let the emergency band fire before the rule does."""
    if bounds.guard is None or bounds.sign * wanted < bounds.sign * bounds.guard:
        return None
    return Refused(
        f"the emergency band begins at {bounds.guard:g} {bounds.unit}, and no order reaches into it",
        f"stay {'below' if bounds.sign > 0 else 'above'} {bounds.guard:g}",
    )


def _stricter(bounds: Bounds) -> str:
    return f"write one {'below' if bounds.sign > 0 else 'above'} {bounds.limit:g} {bounds.unit}".rstrip()
