"""Why a patient is on the list, in a few plain words and in the reader's units.

Pure. `alerts.explain` tells an alert's whole story; here is the line that stands on the worklist and on top of the
patient's page: the reason, then limit, value and age, each of which can be checked against the readings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from api.pages.facts import OpenAlert, Reader, Series, programme_words
from api.pages.sparkline import Limit
from api.pages.words import duration
from devices.vitals import COLUMN, VITALS, Vital

_SIGNS: Final = {"<": "<", "<=": "≤", ">": ">", ">=": "≥"}


#: kinds whose limit is none of the vital's own: they are told in the sentence of their rule
_DERIVED: Final = frozenset({"change", "slope", "baseline", "score", "composite"})
_BETTER_SHORT: Final = frozenset({"spo2", "fev1", "fvc"})


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of text that ends in a time the screen keeps fresh."""

    text: str
    #: the time it ends in, None for plain text
    at: datetime | None = None
    #: "age" ("40 s ago"), "when" ("9:14", "yesterday 20:14"), "moment" ("today 9:14") or "since" ("13 h")
    form: str = "age"


@dataclass(frozen=True, slots=True)
class Reason:
    """One alert in words."""

    #: "SpO₂ 85 % for 3 min"
    title: tuple[Part, ...]
    #: "emergency band ≤ 85", "measured 40 s ago"
    details: tuple[Part, ...]

    @property
    def plain(self) -> str:
        """Return the title where nothing ticks, for lists of what else is going on."""
        return "".join(part.text for part in self.title).removesuffix(" for ")


def value_text(vital: Vital, value: float, reader: Reader) -> str:
    """Say a canonical value in the reader's unit: "85 %", "183.2 lb"."""
    how = reader.display(vital)
    return f"{how.number(value) + 0.0:.{how.decimals}f} {how.unit}"


def name_of(vital: Vital) -> str:
    """Return what a vital is called within a sentence; saturation is better known by its short form."""
    return vital.short if vital.name in _BETTER_SHORT else vital.title


def shown_limit(alert: OpenAlert, reader: Reader) -> Limit | None:
    """Return the limit an alert was judged by in the reader's unit, None where the rule has none of this kind."""
    vital, why = alert.vital, alert.explanation
    operator, limit = why.get("operator"), why.get("limit")
    if why.get("kind") in _DERIVED or vital is None or operator not in _SIGNS or not isinstance(limit, int | float):
        return None
    return Limit(str(operator), reader.display(vital).number(float(limit)))


def describe(alert: OpenAlert, reader: Reader, newest: Series | None = None) -> Reason:
    """Put an alert into words; `newest` is what has come in of its vital, to say where it stands now."""
    readings = [reading for reading in alert.explanation.get("readings", ()) if isinstance(reading, Mapping)]
    vital = alert.vital
    if vital is None and readings and (column := COLUMN.get(str(readings[-1].get("vital")))) is not None:
        vital = VITALS[column]
    if alert.explanation.get("kind") == "silence":
        return _silence(alert)
    values = [reading for reading in readings if vital and reading.get("vital", vital.name) == vital.name and _number(reading)]
    if vital is None or not values or alert.explanation.get("kind") in _DERIVED:
        told = alert.explanation.get("reason") or alert.explanation.get("title") or alert.rule
        return Reason((Part(str(told)),), _when(alert, alert.fired_at, None))
    return _threshold(alert, vital, values, reader, newest)


def _threshold(
    alert: OpenAlert, vital: Vital, values: Sequence[Mapping[str, Any]], reader: Reader, newest: Series | None
) -> Reason:
    why, limit = alert.explanation, shown_limit(alert, reader)
    value, measured = float(values[-1]["value"]), _time(values[-1].get("measured_at")) or alert.fired_at
    received = _time(values[-1].get("received_at"))
    after = _newer(newest, measured)
    goes_on = after is not None and limit is not None and limit.is_broken(reader.display(vital).number(after[1]))
    if after is not None and goes_on and alert.condition == "firing":  # it still holds: say where it stands, not where it began
        (measured, value), received, after = after, None, None
    said = f"{name_of(vital)} {value_text(vital, value, reader)}"
    held = (measured - alert.since).total_seconds()
    if why.get("kind") == "doubt":
        said = f"{said}, not repeated"
    elif held >= 60 and (why.get("for_seconds") or goes_on):
        said = f"{said} for {duration(held)}"
    elif int(why.get("n") or 1) > 1:
        said = f"{said}, {int(why['n'])} in a row"
    details: list[Part] = []
    if limit is not None:
        name = "emergency band" if alert.emergency else _limit_name(str(why.get("whose_limit", "")))
        details.append(Part(f"{name} {_SIGNS[limit.operator]} {limit.value:.{reader.display(vital).decimals}f}"))
    details += _when(alert, measured, received)
    if why.get("still_true_after"):
        details.append(Part("still so after it was resolved"))
    if after is not None:
        details.append(Part(f"now {value_text(vital, after[1], reader)}, ", after[0]))
    return Reason((Part(said),), tuple(details))


def _newer(newest: Series | None, measured: datetime) -> tuple[datetime, float] | None:
    """Return the newest reading if it was measured after the one an alert rests on."""
    if newest is None or not newest.at or newest.at[-1] <= measured.timestamp() + 1:
        return None
    return datetime.fromtimestamp(newest.at[-1], measured.tzinfo), newest.values[-1]


def _silence(alert: OpenAlert) -> Reason:
    why = alert.explanation
    kind = str(why.get("device_kind") or "").replace("_", " ")
    last = _time(why.get("last_received_at"))
    measure = str(why.get("measure_title") or "")
    heard = ("last measured ", "never measured") if measure else ("last heard ", "never heard")
    details = [Part(heard[0], last, "when") if last is not None else Part(heard[1])]
    if isinstance(every := why.get("expected_seconds"), int | float):
        details.append(Part(f"a reading is due every {duration(every)}"))
    if said := why.get("why_silent"):
        details.append(Part(str(said)))
    if alert.condition == "resolved" and alert.resolved_at:
        details.append(Part("back since ", alert.resolved_at, "when"))
    if measure:
        return Reason((Part(f"No {measure.lower()} for ", last or alert.since, "since"),), tuple(details))
    title = f"{kind.capitalize()} silent for " if kind else "Device silent for "
    return Reason((Part(title, last or alert.since, "since"),), tuple(details))


def _when(alert: OpenAlert, measured: datetime, received: datetime | None) -> tuple[Part, ...]:
    parts = [Part("measured ", measured)]
    if alert.lateness == "retrospective":
        parts.append(Part("arrived after newer readings, ", received or alert.opened_at))
    elif alert.lateness == "late" and received is not None:
        parts.append(Part("arrived ", received))
    if alert.condition == "resolved" and alert.resolved_at is not None and alert.lateness != "retrospective":
        parts.append(Part("over since ", alert.resolved_at, "when"))
    return tuple(parts)


def _limit_name(whose: str) -> str:
    """Say whose limit it is: "limit", or "COPD limit" for one of a programme."""
    _, _, programme = whose.partition("limit of ")
    return f"{programme_words([name.replace(' ', '_') for name in programme.split(', ')])} limit" if programme else "limit"


def _number(reading: Mapping[str, Any]) -> bool:
    return isinstance(reading.get("value"), int | float)


def _time(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
