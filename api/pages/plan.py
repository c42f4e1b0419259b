"""A patient's plan in words: programmes, limits and whose they are, what is asked, pauses, and what the readings come to.

Pure view-models. Limits are said in the unit that rules are written in, since that is what somebody who changes them types.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from api.pages.facts import Reader
from api.pages.reasons import value_text
from api.pages.words import count, duration
from care.adherence import Adherence
from care.glucose import GlucoseSummary
from care.limits import Bounds
from care.plan.own import PAUSES, Enrolment, OwnLimit, OwnReference, Pause, Prescribed
from care.pressure import HomePressure
from care.programme import Programme
from care.programme_files import title_of
from devices.vitals import COLUMN, VITALS

_SIGNS: Final = {"<": "<", "<=": "≤", ">": ">", ">=": "≥"}
REFERENCES: Final = {"dry_weight": "Dry weight", "spo2_scale": "SpO₂ scale of NEWS2"}
#: choices of how often something is measured: minutes → words
EVERY: Final = {
    0: "not at all", 240: "every 4 hours", 480: "every 8 hours", 720: "twice a day", 1440: "every day", 2880: "every other day",
    10080: "every week",
}  # fmt: skip
#: a day's share below which adherence is worth a second look: fewer than 4 of 7
_LOW: Final = 4 / 7


@dataclass(frozen=True, slots=True)
class LimitLine:
    """One rule's limit and the patient's own."""

    rule: str
    title: str
    #: "< 88 %"
    usual: str
    unit: str
    #: what is judged, and what may be done with it where that is less than an order
    about: str
    is_locked: bool
    #: "< 86 %", None where the rule's own holds
    own: str | None
    is_loosening: bool
    #: who set it and why
    who: str
    reason: str
    until: datetime | None
    #: the step of the chart's precision, for the form
    step: str


@dataclass(frozen=True, slots=True)
class AskedLine:
    """One prescribed measure and how it is kept."""

    measure: str
    title: str
    #: "every day at 07:00"
    often: str
    #: whose it is: a programme's title, or "agreed with the patient"
    whose: str
    #: "5 of 7 days"; "" where no whole day has been asked yet
    kept: str
    #: what was left out: "2 paused"
    left_out: str
    is_low: bool


@dataclass(frozen=True, slots=True)
class Band:
    """One band of a glucose sensor's fortnight, and where it is drawn on a hundred."""

    words: str
    #: whole percent
    share: int
    start: float
    width: float


def limit_lines(limits: Iterable[tuple[Bounds, OwnLimit | None]]) -> list[LimitLine]:
    """Return the limits that judge a patient; those that are the patient's own first, then what can be changed."""
    lines = []
    for bounds, own in limits:
        sign, unit = _SIGNS[bounds.op], bounds.unit
        lines.append(
            LimitLine(
                rule=bounds.rule,
                title=bounds.title,
                usual=_number(sign, bounds.limit, unit),
                unit=unit,
                about=" · ".join(_about(bounds)),
                is_locked=bounds.override == "locked",
                own=None if own is None else _number(sign, own.limit, unit),
                is_loosening=own is not None and own.is_loosening,
                who="" if own is None else own.set_by,
                reason="" if own is None else own.reason,
                until=None if own is None else own.ends_at,
                step="1" if bounds.decimals == 0 else f"{10.0**-bounds.decimals:.{bounds.decimals}f}",
            )
        )
    return sorted(lines, key=lambda line: (line.own is None, line.is_locked))


def with_own_limits(rules: Iterable[dict[str, Any]], own: Sequence[OwnLimit], now: datetime) -> list[dict[str, Any]]:
    """Return stored rules with the patient's own limits in place, for their charts; `own` is the newest first."""
    holding: dict[str, float] = {}
    for one in own:
        if one.starts_at <= now and (one.ends_at is None or now < one.ends_at):
            holding.setdefault(one.rule, one.limit)
    return [rule | {"limit": holding[rule["name"]]} if rule.get("name") in holding else rule for rule in rules]


def asked_lines(asked: Sequence[Prescribed], kept: Sequence[Adherence], programmes: Mapping[str, Programme]) -> list[AskedLine]:
    """Return what a patient is asked to measure, and on how many of the days they did."""
    by_measure = {one.measure: one for one in kept}
    lines = []
    for one in asked:
        found = by_measure.get(one.measure)
        said = _often(one.every) + (f" at {', '.join(one.at)}" if one.at else "")
        whose = "agreed with the patient"
        if one.programme is not None:
            whose = programmes[one.programme].title if one.programme in programmes else one.programme.replace("_", " ")
        lines.append(
            AskedLine(
                measure=one.measure,
                title=title_of(one.measure),
                often=said,
                whose=whose,
                kept=f"{found.kept} of {count(found.prescribed, 'day')}" if found and found.prescribed else "",
                left_out=_left_out(found),
                is_low=bool(found and found.prescribed and found.kept < _LOW * found.prescribed),
            )
        )
    return lines


def reference_lines(references: Sequence[OwnReference], reader: Reader, now: datetime) -> list[tuple[OwnReference, str, str]]:
    """Return the references that hold: (row, title, value in the reader's unit)."""
    holding: dict[str, OwnReference] = {}
    for one in references:
        if one.starts_at <= now and (one.ends_at is None or now < one.ends_at):
            holding.setdefault(one.name, one)
    weight = VITALS[COLUMN["body_weight"]]
    return [
        (one, REFERENCES[name], value_text(weight, one.value, reader) if name == "dry_weight" else f"{one.value:g}")
        for name, one in sorted(holding.items())
    ]


def missing_references(programmes: Iterable[Programme], held: Iterable[str]) -> list[str]:
    """Return what the patient's programmes ask a clinician to set and nobody has."""
    known = set(held)
    asked = [one for programme in programmes for one in programme.references if one.value is None and one.name not in known]
    return list(dict.fromkeys(one.ask for one in asked))


def pause_words(pause: Pause) -> str:
    """Say what a pause is: "in hospital: ward 4"."""
    return PAUSES[pause.why] + (f": {pause.note}" if pause.note else "")


def pressure_words(week: HomePressure) -> str:
    """Say what a week of home pressure comes to.

    >>> pressure_words(HomePressure(0, 24, 0, None, None, None, None, "not enough: nothing was measured"))
    'not enough: nothing was measured'
    """
    if week.systolic is None:
        return week.shortfall
    return f"{week.systolic}/{week.diastolic} mmHg{', elevated' if week.is_elevated else ''}"


def glucose_bands(found: GlucoseSummary) -> list[Band]:
    """Return the bands of a sensor's fortnight, the highest first."""
    bands = [
        ("above 250", found.very_high), ("181–250", found.high), ("70–180, in range", found.in_range), ("54–69", found.low),
        ("below 54 mg/dL", found.very_low),
    ]  # fmt: skip
    drawn, start = [], 0.0
    for words, share in bands:
        drawn.append(Band(words, round(100 * share), round(start, 2), round(100 * share, 2)))
        start += 100 * share
    return drawn


def titles(enrolments: Iterable[Enrolment], programmes: Mapping[str, Programme]) -> list[tuple[Enrolment, str]]:
    """Return enrolments with what staff call the programme."""
    return [
        (one, programmes[one.programme].title if one.programme in programmes else one.programme.replace("_", " ").capitalize())
        for one in enrolments
    ]


def _number(sign: str, limit: float, unit: str) -> str:
    return f"{sign} {limit:g} {unit}".rstrip().replace("-", "−")


def _about(bounds: Bounds) -> list[str]:
    vital = [VITALS[COLUMN[bounds.vital]].title] if bounds.vital in COLUMN else []
    return vital + (["only stricter"] if bounds.override == "tighten" else [])


def _often(every: timedelta) -> str:
    minutes = every // timedelta(minutes=1)
    return EVERY.get(minutes) or f"every {duration(every.total_seconds())}"


def _left_out(kept: Adherence | None) -> str:
    if kept is None:
        return ""
    parts = [f"{kept.paused} paused"] if kept.paused else []
    parts += [f"{kept.unseen} in which our own path was down"] if kept.unseen else []
    return ", ".join(parts)
