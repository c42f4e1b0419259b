"""Why silent: what is known of a home from which something does not come, and whose work that makes it.

Pure. Whoever is paused or in hospital is not called silent at all; what is left is the home's connection, a battery, a device
that nobody uses, or not known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from alerts.rule import Category, Rule

Cause = Literal["gateway_down", "battery", "never_worn", "unknown"]

#: cause → what a colleague would say
WORDS: Final[dict[Cause, str]] = {
    "gateway_down": "the home's connection or gateway is down",
    "battery": "the battery was low",
    "never_worn": "connected, but not used",
    "unknown": "why is not known: ask the patient",
}
#: percent at or below which a silent device most likely ran empty (engineering default)
_EMPTY: Final = 10
#: other devices of the home are down together when nothing came of them for this share of their own schedule
_LATE: Final = 1.0


@dataclass(frozen=True, slots=True)
class HomeDevice:
    """One device that measures a patient now, as far as it tells why something does not come."""

    #: key of the device
    id: int
    #: public id
    public_id: str
    #: what it is, in a word
    kind: str
    #: whether it is connected, None where it never said
    online: bool | None
    #: percent, None where it never said
    battery: int | None
    #: when anything last came of it
    last_received_at: datetime | None
    #: its own schedule, None where it has none
    expected_every: timedelta | None

    def is_quiet(self, now: datetime) -> bool | None:
        """Whether nothing comes of it although something should; None where it has no schedule to tell by."""
        if self.online is False:
            return True
        if self.expected_every is None:
            return None
        return self.last_received_at is None or now - self.last_received_at > self.expected_every * _LATE


def why_silent(device: HomeDevice | None, home: Sequence[HomeDevice], last_reading_at: datetime | None, now: datetime) -> Cause:
    """Return why something does not come.

    `device` is what it last came from, None where it never came; `home` is all that measures the patient now.
    """
    others = [one for one in home if device is None or one.id != device.id]
    gateways = [one for one in others if one.kind == "gateway"]
    if device is not None and device.battery is not None and device.battery <= _EMPTY and device.online is not True:
        return "battery"
    if any(one.is_quiet(now) for one in gateways):
        return "gateway_down"
    quiet = [one.is_quiet(now) for one in others if one.kind != "gateway"]
    if device is not None and device.online is False:
        return "gateway_down"
    if quiet and all(state is True for state in quiet):
        return "gateway_down"
    if last_reading_at is None or (device is not None and device.online is True):
        return "never_worn"
    return "unknown"


def queue_of(rule: Rule, cause: Cause) -> Category:
    """Return whose work a silence is.

    What a rule calls clinical stays so whatever the cause: nobody is watching that patient. Else a cause that a technician
    mends goes to them, and one that the patient mends is adherence.
    """
    if rule.category == "clinical":
        return "clinical"
    return "technical" if cause in ("gateway_down", "battery") else "adherence"
