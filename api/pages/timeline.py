"""What happened to a patient lately, newest first, in one list: alerts, people's actions, corrections, devices, notices.

Pure: takes rows as `queries` found them and gives sentences.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from alerts.alert import DISPOSITIONS
from api.pages.facts import Reader
from api.pages.reasons import name_of, value_text
from devices.vitals import COLUMN, VITALS

#: what an alert_event says → how it is told; others are told as they are written
_EVENTS: Final[Mapping[str, str]] = {
    "opened": "Alert opened",
    "fired_again": "Fired again",
    "earlier_episode": "An earlier episode came to light",
    "promoted": "Became live: a newer reading keeps it going",
    "worsened": "Worse by a step, or there still after a gap: announced again",
    "regressed": "Fired again soon after it closed, opened again",
    "flapping": "Comes and goes too often: held open until somebody resolves it",
    "rechecked": "Second measurement",
    "assigned": "Given",
    "unassigned": "Given back",
    "commented": "Comment",
    "silenced": "Silenced",
    "unsilenced": "Silence ended",
    "resolved": "Readings are back within the limit",
    "acknowledged": "Acknowledged",
    "unacknowledged": "Acknowledgement taken back",
    "closed": "Closed",
    "reopened": "Opened again",
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the list."""

    at: datetime
    text: str
    #: who did it, "" for nobody
    who: str = ""
    #: public id of the alert it belongs to, "" for none
    alert: str = ""
    #: an alert opened here
    is_loud: bool = False


@dataclass(frozen=True, slots=True)
class EventRow:
    """An alert_event with what it is about."""

    at: datetime
    what: str
    note: str
    who: str | None
    alert: str
    title: str
    disposition: str | None
    #: vital it is about and the kind of its rule
    subject: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class CorrectionRow:
    """A reading marked wrong, and perhaps made right again."""

    marked_at: datetime
    who: str
    reason: str
    vital: int
    value: float | None
    undone_at: datetime | None


@dataclass(frozen=True, slots=True)
class OtherRow:
    """Something else worth a line: an assignment, a typed reading, a notice."""

    at: datetime
    kind: str
    what: str
    detail: str
    who: str | None


_STATES: Final[dict[str, str]] = {
    "delivered": "sent", "withheld": "not sent", "merged": "sent with others", "dead": "could not be sent", "pending": "waits",
}  # fmt: skip


def tell(
    events: Iterable[EventRow], corrections: Iterable[CorrectionRow], others: Iterable[OtherRow], reader: Reader, limit: int
) -> list[Happening]:
    """Return what happened, newest first, at most `limit` lines."""
    told = [*(_event(row, reader) for row in events), *map(_other, others)]
    for row in corrections:
        vital = VITALS[row.vital]
        value = f" {value_text(vital, row.value, reader)}" if row.value is not None else ""
        told.append(Happening(row.marked_at, f"{name_of(vital)}{value} marked wrong: {row.reason}", row.who))
        if row.undone_at is not None:
            told.append(Happening(row.undone_at, f"{name_of(vital)}{value} counts again"))
    return sorted(told, key=lambda happening: happening.at, reverse=True)[:limit]


def _event(row: EventRow, reader: Reader) -> Happening:
    words = _EVENTS.get(row.what.replace(" ", "_"), row.what.replace("_", " ").capitalize())
    text = ": ".join(part for part in (words, row.title) if part)
    loud = row.what in ("opened", "regressed", "worsened")
    return Happening(row.at, f"{text}{_extra(row, reader)}", row.who or "", row.alert, loud)


def _extra(row: EventRow, reader: Reader) -> str:
    """Say what a person said it came to; what a machine noted for itself is left out."""
    if row.what in ("commented", "assigned", "rechecked", "flapping") and row.note:
        return f" · {row.note}"
    if row.what == "silenced" and row.note.startswith("until "):
        until = datetime.fromisoformat(row.note.removeprefix("until ")).astimezone(reader.zone)
        return f" until {until:%-d %b} {until.hour}:{until.minute:02d}"
    if row.what == "worsened" and row.kind == "threshold" and row.subject in COLUMN:
        return f" · {value_text(VITALS[COLUMN[row.subject]], float(row.note), reader)}"
    if row.what != "closed":
        return ", measured earlier" if row.what == "opened" and row.note == "retrospective" else ""
    disposition, _, note = row.note.partition(": ")
    return "".join(f" · {part}" for part in (DISPOSITIONS.get(disposition, disposition), note) if part)


def _other(row: OtherRow) -> Happening:
    match row.kind:
        case "assigned":
            return Happening(row.at, f"Device {row.what} given to this patient", row.who or "")
        case "ended":
            return Happening(row.at, f"Device {row.what} taken back")
        case "notice":
            return Happening(row.at, f"Notice {_STATES[row.what]}: {row.detail}")
        case _:
            return Happening(row.at, row.detail, row.who or "")
