"""Pages: what waits for one person in the same moments becomes one page, and each page a row for every channel.

Pure. The first page goes out at once; what follows within a few seconds is gathered into the next one, so that a storm of
hundreds of patients is one line that counts them. Something more urgent than the last page never waits. Texts name nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from alerts.escalation.ladder_data import WORDS, Word
from care.team import Reach
from messaging.notice import Planned

#: what comes this soon after a page to the same person joins the next page
GATHER: Final = timedelta(seconds=5)

Why = Literal["alert", "reminder", "reply", "exhausted"]


@dataclass(frozen=True, slots=True)
class Due:
    """An alert that somebody is paged for."""

    alert_id: int
    #: public id of the alert
    alert: str
    patient_id: int
    staff_id: int
    word: Word
    #: channels of the step; empty: every one
    channels: tuple[str, ...]
    reason: str
    why: Why = "alert"


@dataclass(frozen=True, slots=True)
class LastPage:
    """The newest page of a person."""

    id: int
    word: Word
    send_at: datetime
    #: none of its rows was taken up for sending yet
    is_open: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """Where what is due for a person goes."""

    #: key of a page that still waits, None for a new one
    joins: int | None
    send_at: datetime


def place(last: LastPage | None, word: Word, now: datetime) -> Placed:
    """Return whether what is due now joins the page that waits, and when it is sent."""
    if last is None:
        return Placed(None, now)
    is_worse = WORDS.index(word) < WORDS.index(last.word)
    if last.send_at > now + GATHER:  # the clock was set back since
        return Placed(None, now)
    if last.is_open and last.send_at > now:
        return Placed(last.id, now if is_worse else last.send_at)
    if is_worse or now - last.send_at >= GATHER:
        return Placed(None, now)
    return Placed(None, last.send_at + GATHER)


def most_urgent(due: Sequence[Due]) -> Word:
    """Return the most urgent word of what is due."""
    return min((one.word for one in due), key=WORDS.index)


def text(word: Word, alerts: int, patients: int) -> str:
    """Return what a page says: how many alerts of how many patients, and how urgent; never whose or what.

    >>> text("high", 1, 1), text("emergency", 12, 9)
    ('Wardlight: 1 alert waits for you, high', 'Wardlight: 12 alerts of 9 patients wait for you, the most urgent an emergency')
    """
    if alerts == 1:
        return f"Wardlight: 1 alert waits for you, {word}"
    most = "an emergency" if word == "emergency" else word
    whose = f"{patients} patients" if patients != 1 else "1 patient"
    return f"Wardlight: {alerts} alerts of {whose} wait for you, the most urgent {most}"


def carriers(person: Reach, due: Sequence[Due], page_id: int, send_at: datetime) -> list[tuple[int, Planned]]:
    """Return the rows of a new page to one person: one to send for each channel, one for each further alert that it is part of.

    A person without a working channel is told by the screen alone, and the operator's console says so.
    """
    first = min(due, key=lambda one: (WORDS.index(one.word), one.alert_id))
    wanted = set().union(*({"*"} if not one.channels else set(one.channels) for one in due))
    ways = [(channel, address) for channel, address in person.addresses if "*" in wanted or channel in wanted]
    patients = len({one.patient_id for one in due})
    said = text(most_urgent(due), len(due), patients)
    link = f"/alerts/{first.alert}" if len(due) == 1 else "/"
    reason = first.reason if len(due) == 1 else f"{first.reason}; with {len(due) - 1} more in one page"
    rows: list[tuple[int, Planned]] = []
    for channel, address in ways:
        sent = Planned(channel, person.name, said, "pending", reason, person.staff_id, page_id, address, link, send_at)
        rows.append((first.alert_id, sent))
    if not ways:
        alone = f"{reason}; no working channel, so the screen alone says it"
        rows.append(
            (first.alert_id, Planned("in_app", person.name, said, "delivered", alone, person.staff_id, page_id, "", link))
        )
        told = f"{person.name} has no working channel: the operator is told"
        line = Planned("console", "operator", f"{said}; for {person.name}", "pending", told, None, page_id, "", link, send_at)
        rows.append((first.alert_id, line))
    rows += merged(person, [one for one in due if one is not first], page_id, ways[0][0] if ways else "in_app")
    return rows


def merged(person: Reach, due: Sequence[Due], page_id: int, channel: str) -> list[tuple[int, Planned]]:
    """Return for each alert the row that says it is part of a page."""
    return [
        (one.alert_id, Planned(channel, person.name, "", "merged", f"{one.reason}; part of one page about several alerts",
                               person.staff_id, page_id))
        for one in due
    ]  # fmt: skip
