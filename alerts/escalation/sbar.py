"""SBAR: what a physician is asked, prefilled from the alert and its readings; their reply and orders.

Pure. The text stays in Wardlight: a page to the physician carries a link and nothing of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from alerts.alert import Alert
from alerts.escalation.ladder_data import Word
from devices.vitals import COLUMN, VITALS, Vital

#: how soon a physician should have replied
REPLY_WITHIN: Final[Mapping[Word, timedelta]] = {
    "emergency": timedelta(minutes=5),
    "high": timedelta(minutes=30),
    "medium": timedelta(hours=4),
    "low": timedelta(hours=24),
}


@dataclass(frozen=True, slots=True)
class Order:
    """An order by word of mouth; it counts once it was read back and confirmed."""

    public_id: str
    text: str
    #: name of who took it
    taken_by: str
    taken_at: datetime
    #: name of who read it back, None while nobody has
    read_back_by: str | None
    read_back_at: datetime | None
    #: who heard it read back and said that it is right
    confirmed_by: str | None


@dataclass(frozen=True, slots=True)
class Sbar:
    """One question to a physician."""

    public_id: str
    #: name of who asked
    asked_by: str
    #: name of the physician
    physician: str
    situation: str
    background: str
    assessment: str
    recommendation: str
    asked_at: datetime
    #: when a reply is due, or asked for again; None once there is one
    due_at: datetime | None
    #: how often it was asked for again
    reminded: int
    replied_at: datetime | None
    reply: str | None
    orders: tuple[Order, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """The four parts, as far as Wardlight knows them."""

    situation: str
    background: str
    assessment: str
    recommendation: str


def draft(
    alert: Alert,
    *,
    name: str,
    born: date | None,
    programmes: str,
    latest: Sequence[tuple[str, float, datetime]],
    when: Callable[[datetime], str],
    show: Callable[[Vital, float], str],
    now: datetime,
) -> Draft:
    """Return the four parts of an alert's SBAR; `latest` has (vital, value, measured_at) of each vital's newest reading."""
    why = str(alert.explanation.get("reason") or alert.rule.replace("_", " "))
    since = f"The condition has held since {when(alert.since)}." if alert.condition == "firing" else "The condition is over."
    age = f", {_years(born, now.date())} years old" if born else ""
    values = [f"{VITALS[COLUMN[name]].title} {show(VITALS[COLUMN[name]], value)} ({when(at)})" for name, value, at in latest]
    return Draft(
        situation=f"{name}{age}. {why} {since}".replace("  ", " "),
        background=f"At home with {programmes}." if programmes else "At home; in no programme.",
        assessment="; ".join(values) + "." if values else "No readings.",
        recommendation=_RECOMMENDATION[alert.emergency],
    )


_RECOMMENDATION: Final[dict[bool, str]] = {
    True: "Please call back at once: does the patient need the emergency services now?",
    False: "Please say whether the patient should be seen, and whether treatment or limits change.",
}


def _years(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
