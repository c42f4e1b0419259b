"""What the rule pages show: a rule in words, its editor's fields, and a trial's two sides. Pure view models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from alerts.backtest.scorecard import Precision, Scorecard
from alerts.edits import editable, table_of, why_locked
from alerts.rule import OPERATORS, SEVERITIES, Rule
from api.pages import words
from devices.vitals import COLUMN, VITALS

#: field → (label, hint)
LABELS: Final = {
    "limit": ("Limit", "in {unit}"),
    "for": ("Has to last", "such as 15m, 2h or 1d; 0s is at once"),
    "readings": ("Readings it takes", "in a row"),
    "hysteresis": ("Ends past the limit by", "in {unit}"),
    "severity": ("Severity", "high and medium are sent, low is shown only"),
    "response": ("Somebody looks within", "such as 30m, 4h or 1d"),
}
_KINDS: Final = {
    "threshold": "a reading against a limit",
    "change": "a change over days",
    "slope": "a trend over days",
    "baseline": "against the patient's own usual",
    "composite": "several conditions together",
    "score": "a score",
    "silence": "a device that falls silent",
    "doubt": "a doubtful reading nobody repeated",
    "adherence": "too few readings",
    "technical": "a fault of a device",
    "questionnaire": "answers to questions",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A rule in the list."""

    name: str
    title: str
    #: what it says in a few words: "SpO₂ below 90 %"
    says: str
    kind: str
    word: str
    response: str
    programmes: str
    #: where its main number comes from
    source: str
    version: int
    is_edited: bool
    locked: str | None


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the editor."""

    key: str
    label: str
    hint: str
    value: str
    source: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of a trial on both sides."""

    title: str
    live: str
    candidate: str
    #: "more", "less" or "" where nothing differs
    change: str


@dataclass(frozen=True, slots=True)
class EpisodeLine:
    """One episode of a trial."""

    change: str
    patient: str
    name: str
    rule: str
    since: datetime
    said: str


@dataclass(frozen=True, slots=True)
class CardLine:
    """A scorecard in a row of the page."""

    rule: str
    programme: str
    alerts: str
    per_day: str
    precision: str
    interval: str
    waited: str
    rechecked: str
    suppressed: str


def line_of(rule: Rule, file_version: int) -> Line:
    """Return a rule as the list shows it."""
    names = [name.replace("_", " ") for name in rule.programmes]
    programmes = "everybody" if names == ["any"] else words.listed(names)
    if rule.unless:
        programmes += f", not {words.listed([name.replace('_', ' ') for name in rule.unless])}"
    return Line(
        name=rule.name,
        title=rule.title,
        says=says(rule),
        kind=_KINDS.get(rule.kind, rule.kind),
        word="emergency" if rule.emergency else rule.severity,
        response=words.duration(rule.response.total_seconds()),
        programmes=programmes,
        source=rule.number_source,
        version=rule.version,
        is_edited=rule.version != file_version,
        locked=why_locked(rule),
    )


def says(rule: Rule) -> str:
    """Say what a rule looks for.

    >>> from alerts.rules import load_rules
    >>> says(load_rules().by_name["spo2_low"])
    'Oxygen saturation below 90 %'
    """
    if rule.kind != "threshold" or rule.limit is None or rule.vital is None:
        return _KINDS.get(rule.kind, rule.kind).capitalize()
    vital = VITALS[COLUMN[rule.vital]]
    said = f"{vital.title} {OPERATORS[rule.op or '']} {rule.limit:g} {vital.shown_unit}"
    if rule.readings > 1:
        said += f", {rule.readings} readings"
    if rule.for_:
        said += f", for {words.duration(rule.for_.total_seconds())}"
    return said


def fields_of(rule: Rule, given: Mapping[str, str] | None = None) -> list[Field]:
    """Return the editor's fields, filled with what the rule says now or with what was typed."""
    table = {"readings": 1, "for": "0s", "hysteresis": 0.0} | table_of(rule)
    found = []
    for key in editable(rule):
        label, hint = LABELS[key]
        value = (given or {}).get(key)
        shown = value if value is not None else _typed(table[key])
        choices = SEVERITIES if key == "severity" else ()
        found.append(Field(key, label, hint.format(unit=rule.unit or "its unit"), shown, rule.source.get(key, ""), choices))
    return found


def read_fields(rule: Rule, form: Mapping[str, str]) -> dict[str, Any]:
    """Return what a form says of a rule's fields, as a file writes them; text that is no number stays text, for the checks."""
    read: dict[str, Any] = {}
    for key in editable(rule):
        text = form.get(key, "").strip().replace(",", ".")
        if not text:
            continue
        read[key] = text
        if key in ("limit", "hysteresis", "readings"):
            try:
                read[key] = int(text) if key == "readings" else float(text)
            except ValueError:
                read[key] = text
    return read


def sides(figures: Mapping[str, Any]) -> list[Row]:
    """Return a trial's figures, live beside candidate."""
    live, candidate = figures["live"], figures["candidate"] or figures["live"]
    rows = []
    for title, key, form in (
        ("Alerts", "alerts", "{:,.0f}"),
        ("Alerts per patient and day", "alerts_per_patient_day", "{:.3f}"),
        ("Worklist items per patient and day", "items_per_patient_day", "{:.3f}"),
        ("Pages per patient and day", "pages_per_patient_day", "{:.3f}"),
        ("Minutes of work per patient and day", "minutes_per_patient_day", "{:.2f}"),
        ("Minutes of work in all", "minutes", "{:,.0f}"),
        ("Rechecks asked of patients", "rechecks", "{:,.0f}"),
        ("True episodes found", "found", "{:,.0f}"),
        ("True episodes missed", "missed", "{:,.0f}"),
        ("False ones raised again", "false", "{:,.0f}"),
    ):
        now, then = live[key], candidate[key]
        rows.append(Row(title, form.format(now), form.format(then), "more" if then > now else "less" if then < now else ""))
    return rows


def card_line(card: Scorecard) -> CardLine:
    """Return a scorecard as the page shows it."""
    return CardLine(
        rule=card.rule,
        programme=card.programme.replace("_", " "),
        alerts=f"{card.alerts:,}",
        per_day=f"{card.per_patient_day:.3f}",
        precision=_precision(card.precision),
        interval=_interval(card.precision),
        waited=_waited(card),
        rechecked=_share(card, card.rechecked),
        suppressed=_share(card, card.suppressed),
    )


def episodes_of(figures: Mapping[str, Any], names: Mapping[str, str]) -> list[EpisodeLine]:
    """Return the episodes that a trial lists, with the names of their patients."""
    return [
        EpisodeLine(
            str(one["change"]),
            str(one["patient"]),
            names.get(str(one["patient"]), "patient"),
            str(one["rule"]).replace("_", " "),
            datetime.fromisoformat(str(one["since"])),
            str(one["disposition"] or "nothing yet").replace("_", " "),
        )
        for one in figures["episodes"]
    ]


def patients_of(figures: Mapping[str, Any]) -> Sequence[str]:
    """Return the public ids of the patients whose episodes a trial lists."""
    return sorted({str(one["patient"]) for one in figures["episodes"]})


def _precision(found: Precision) -> str:
    return "not judged yet" if found.share is None else f"{found.share:.0%}, {found.true} of {found.judged}"


def _interval(found: Precision) -> str:
    ends = found.interval
    return "" if ends is None else f"95 %: {ends[0]:.0%}–{ends[1]:.0%}"


def _waited(card: Scorecard) -> str:
    if card.median_seconds is None or card.p90_seconds is None:
        return "–"
    return f"{words.duration(card.median_seconds)}, 9 of 10 within {words.duration(card.p90_seconds)}"


def _share(card: Scorecard, count: int) -> str:
    return f"{card.share(count):.0%}" if count else "–"


def _typed(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
