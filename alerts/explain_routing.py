"""Explain, routing: whose limit an alert was judged by, what its page waited for or was withheld by, and who was paged.

Pure: lines for `alerts/explain.py`, of rows that `alerts/stories.py` loaded.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

When = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class OwnNumber:
    """A limit or a reference of the patient's own, in force when an alert fired."""

    #: "limit" or the reference's name
    name: str
    value: float
    set_by: str
    set_at: datetime
    #: when it ends, None where it has no end
    until: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Withheld:
    """A row of the ledger: what was not shown or not sent."""

    what: str
    kind: str
    reason: str
    owner: str
    starts_at: datetime
    ends_at: datetime | None
    ended_at: datetime | None
    ended_how: str | None


@dataclass(frozen=True, slots=True)
class Paged:
    """A page to one person, with its receipts."""

    recipient: str
    at: datetime
    reason: str
    receipts: list[str]


@dataclass(frozen=True, slots=True)
class Climbing:
    """Where the ladder stands."""

    phase: str
    reason: str
    due_at: datetime | None
    exhausted_at: datetime | None
    ended_at: datetime | None
    ended_how: str | None


@dataclass(frozen=True, slots=True)
class Routing:
    """All of it, about one alert."""

    own: tuple[OwnNumber, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    pages: tuple[Paged, ...] = ()
    ladder: Climbing | None = None


def whose(routing: Routing, when: When) -> Iterator[str]:
    """Yield whose numbers stood in for the rule's: by whom, why, until when."""
    for one in routing.own:
        ends = f"until {when(one.until)}" if one.until is not None else "without an end"
        name = one.name.replace("_", " ")
        yield f"  The patient's own {name}, {one.value:g}, set by {one.set_by} {when(one.set_at)}, {ends}: {one.reason}."


def routed(routing: Routing, when: When) -> Iterator[str]:
    """Yield the headings and lines on what was withheld, the ladder, and the pages with their receipts."""
    if routing.withheld:
        yield "Not shown or not sent:"
        yield from (_withheld(one, when) for one in routing.withheld)
    if routing.ladder is not None or routing.pages:
        yield "The ladder:"
        yield from _ladder(routing.ladder, when)
        for page in routing.pages:
            receipts = ", ".join(page.receipts) or "no receipt yet"
            yield f"  {when(page.at)}  page to {page.recipient}: {receipts} ({page.reason})"


def _withheld(one: Withheld, when: When) -> str:
    ends = f"ended {when(one.ended_at)}: {one.ended_how}" if one.ended_at is not None else (
        f"until {when(one.ends_at)}" if one.ends_at is not None else "lasts"
    )  # fmt: skip
    return f"  {when(one.starts_at)}  not {one.what}: {one.reason} ({one.owner}); {ends}"


def _ladder(ladder: Climbing | None, when: When) -> Iterator[str]:
    if ladder is None:
        return
    if ladder.exhausted_at is not None:
        yield f"  Exhausted since {when(ladder.exhausted_at)}: nobody has answered."
    if ladder.ended_at is not None:
        yield f"  It ended {when(ladder.ended_at)}: {ladder.ended_how}."
    elif ladder.due_at is not None:
        yield f"  {ladder.phase.capitalize()}, since {ladder.reason}; the next step is due {when(ladder.due_at)}."
