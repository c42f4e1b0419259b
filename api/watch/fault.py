"""Fault: something that the watch found wrong, and what it is called in a nurse's words.

Nouns and a table. Carries ids of machines and counts, and never anything about a person.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

#: "high": patients may be in danger unseen; "medium": a part is down and care goes on; "low": somebody should look soon
Weight = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong."""

    #: a key of KINDS
    kind: str
    #: which one: "work" at a host, a broker; empty where there is only one
    part: str
    #: since when, as far as anybody can tell
    since: datetime
    #: for whoever mends it: ids and counts, no patient data
    detail: str
    #: when it was over; None while it lasts
    ended_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What at most one open fault exists for."""
        return (self.kind, self.part)

    @property
    def line(self) -> str:
        """Say it in one line of a log."""
        where = f" ({self.part})" if self.part else ""
        return f"{self.kind}{where}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Kind:
    """What one kind of fault means to people on a ward."""

    weight: Weight
    #: what is wrong
    wrong: str
    #: what still works, and what to do meanwhile
    works: str


_CHECK: Final = "A quiet list means nothing until this is mended: check on patients by phone."
_KEEP: Final = "Devices keep what they measure and send it later."

KINDS: Final[dict[str, Kind]] = {
    "ingest": Kind(
        "high",
        "No readings are coming in: the process that takes them in has stopped.",
        f"{_KEEP} Alerts that are on the list stay and can be worked on. {_CHECK}",
    ),
    "path": Kind(
        "high",
        "No readings are coming in: the broker cannot be reached, or a backlog is being worked off.",
        f"{_KEEP} Alerts that are on the list stay and can be worked on. {_CHECK}",
    ),
    "broker": Kind(
        "high",
        "Devices cannot reach us: the broker that takes their messages does not answer.",
        f"{_KEEP} Alerts that are on the list stay and can be worked on. {_CHECK}",
    ),
    "database": Kind(
        "high",
        "The database did not answer.",
        f"{_KEEP} Nothing that was confirmed is lost. {_CHECK}",
    ),
    "work": Kind(
        "high",
        "Nobody is being paged: the process that sends notices and watches for silent devices has stopped.",
        "New readings and alerts still show on this screen. Keep it open and look at it.",
    ),
    "sweep": Kind(
        "high",
        "Silent devices and overdue rechecks are not being noticed.",
        "Readings that come in are still judged, and alerts still show on this screen.",
    ),
    "outbox": Kind(
        "high",
        "Notices are waiting and do not go out.",
        "New readings and alerts still show on this screen. Keep it open and look at it.",
    ),
    "unjudged": Kind(
        "high",
        "Some readings were stored and not checked for alerts.",
        "They are tried again every minute; everybody else's readings are checked. Look at the patients listed.",
    ),
    "unrouted": Kind(
        "high",
        "Some alerts were opened and sent to nobody.",
        "They stand on the worklist. Look at the alerts listed.",
    ),
    "unanswered": Kind(
        "high",
        "Nobody answers: everybody on the ladder was paged to its end.",
        "They are paged again until somebody takes the alert on. It stands on the worklist: take it on, or call a colleague.",
    ),
    "synthetic_reading": Kind(
        "high",
        "A test reading is sent every half minute, and it does not come through.",
        f"Real readings may be stuck too. {_KEEP} {_CHECK}",
    ),
    "synthetic_alert": Kind(
        "high",
        "A test alert is made every few minutes, and it did not open.",
        "Readings come in, but new ones may not raise alerts. Look at the readings of patients you worry about.",
    ),
    "screen": Kind(
        "medium",
        "Screens may not be told of new alerts at once.",
        "Readings are judged and people are paged. This screen looks again by itself every 15 seconds.",
    ),
    "serve": Kind(
        "medium",
        "One of the servers behind these screens does not answer.",
        "What you see here comes from another one and is up to date. Readings are judged and people are paged.",
    ),
    "watchdog": Kind(
        "medium",
        "The watchdog is not running: if something else stops, nobody may be told.",
        "Readings, alerts and notices work as far as this screen can see.",
    ),
    "blind": Kind(
        "medium",
        "The watchdog cannot send its test readings.",
        "Readings, alerts and notices work as far as this screen can see; if readings get stuck, it may take longer to notice.",
    ),
    "up": Kind(
        "medium",
        "The process that starts the others again does not answer.",
        "Everything that runs goes on running; whatever stops now stays stopped.",
    ),
    "instance": Kind(
        "low",
        "One of several processes has stopped.",
        "The others of its kind carry on its work.",
    ),
    "restarted": Kind(
        "low",
        "A process died and was started again.",
        "Everything works. Somebody should find out why it died.",
    ),
    "disk": Kind(
        "medium",
        "The disk is nearly full.",
        "Everything works until it is: then readings can no longer be stored.",
    ),
    "clock": Kind(
        "medium",
        "Two of our clocks disagree.",
        "Everything works, but times may be wrong by as much.",
    ),
}

#: the order in which faults are said
ORDER: Final = {kind: place for place, kind in enumerate(KINDS)}
WEIGHTS: Final[tuple[Weight, ...]] = ("high", "medium", "low")


def sort(faults: list[Fault]) -> list[Fault]:
    """Return faults with the most dangerous first."""
    return sorted(faults, key=lambda fault: (WEIGHTS.index(KINDS[fault.kind].weight), ORDER[fault.kind], fault.since))
