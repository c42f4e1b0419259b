"""A patient's vitals over a day, a fortnight or a season: what the browser draws, and the story for who does not see it.

Pure. Few readings are drawn one by one, many as the mean of each stretch between its lowest and highest. A doubtful or
wrong-marked reading is always drawn, differently, and never joins a line; limits come from the rules in force.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from api.pages.facts import Reader
from api.pages.reasons import name_of
from api.pages.sparkline import Limit
from devices.measurement import Bucket, Latest, Measurement
from devices.vitals import COLUMN, VITALS, Vital

#: what stands in one chart, in the order in which nurses read them
GROUPS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("SpO₂", ("spo2",)),
    ("Heart rate", ("heart_rate",)),
    ("Blood pressure", ("systolic_bp", "diastolic_bp")),
    ("Respiratory rate", ("respiratory_rate",)),
    ("Temperature", ("body_temperature",)),
    ("Weight", ("body_weight",)),
    ("Blood glucose", ("blood_glucose",)),
    ("Glucose, sensor", ("cgm_glucose",)),
    ("Peak flow", ("peak_flow",)),
    ("FEV1 and FVC", ("fev1", "fvc")),
    ("Oxygen flow", ("oxygen_flow",)),
    ("Steps", ("steps",)),
)
#: windows of the charts, days → how it is called
WINDOWS: Final = ((1, "24 h"), (14, "14 d"), (90, "90 d"))
#: more measurements than this in a window are drawn as stretches
MOST_POINTS: Final = 1500
#: a value older than this is said to be old
_STALE: Final = timedelta(hours=36)
#: how many readings make a usual band
_USUAL_FROM: Final = 8

#: how a point is drawn
FINE, BEYOND, DOUBTFUL, WRONG = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Line:
    """One vital of a chart, in the reader's unit; times are seconds since 1970, ascending."""

    label: str
    at: list[float]
    #: value, or mean of a stretch
    values: list[float]
    #: FINE, BEYOND, DOUBTFUL or WRONG
    states: list[int]
    #: lowest and highest of each stretch; empty where readings are drawn one by one
    low: list[float]
    high: list[float]


@dataclass(frozen=True, slots=True)
class ChartLimit:
    """A rule's limit in the reader's unit."""

    operator: str
    value: float
    label: str
    is_emergency: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """One drawing with its newest value."""

    #: the first vital's name; also the drawing's id
    name: str
    title: str
    unit: str
    decimals: int
    lines: tuple[Line, ...]
    limits: tuple[ChartLimit, ...]
    #: the middle four fifths of this patient's own readings; None where there are too few
    usual: tuple[float, float] | None
    #: "83.1", "128/79"
    newest: str
    newest_at: datetime
    is_stale: bool
    is_beyond: bool
    is_doubtful: bool
    #: the chart in a sentence
    story: str
    #: start and end of the window, seconds since 1970
    span: tuple[float, float]


def resolution(days: int) -> timedelta:
    """Return how long a stretch of a window is: about four hundred of them, in whole five minutes.

    >>> [str(resolution(days)) for days in (1, 14, 90)]
    ['0:05:00', '0:50:00', '5:25:00']
    """
    return timedelta(minutes=max(1, round(days * 1440 / 400 / 5)) * 5)


def limits_of(
    rules: Iterable[Mapping[str, Any]], programmes: Sequence[str], vital: Vital, reader: Reader, name: str = ""
) -> tuple[ChartLimit, ...]:
    """Return the limits that rules of the stored set put on a vital of a patient in these programmes."""
    how = reader.display(vital)
    found = []
    for rule in rules:
        if rule.get("kind") != "threshold" or rule.get("vital") != vital.name or not _applies(rule, programmes):
            continue
        value, is_emergency = how.number(float(rule["limit"])), bool(rule.get("emergency"))
        text = f"{name} {rule['op'].replace('<=', '≤').replace('>=', '≥')} {value:.{how.decimals}f}"
        found.append(ChartLimit(str(rule["op"]), value, text.strip(), is_emergency))
    return tuple(sorted(set(found), key=lambda limit: limit.value))


def _applies(rule: Mapping[str, Any], programmes: Sequence[str]) -> bool:
    if any(name in programmes for name in rule.get("unless", ())):
        return False
    return any(name == "any" or name in programmes for name in rule.get("programmes", ()))


def build_charts(
    measured: Sequence[Measurement] | Sequence[Bucket],
    latest: Mapping[str, Latest],
    rules: Sequence[Mapping[str, Any]],
    programmes: Sequence[str],
    reader: Reader,
    *,
    first: Sequence[str],
    since: datetime,
    now: datetime,
) -> list[Chart]:
    """Build a chart for each group of vitals that this patient measures; those with a vital in `first` lead.

    `measured` covers `since` to `now`, in any order.
    """
    rows = sorted(measured, key=_at)
    charts = []
    for title, names in GROUPS:
        vitals = [VITALS[COLUMN[name]] for name in names if name in latest or any(name in row.values for row in rows)]
        if vitals:
            limits = [limits_of(rules, programmes, vital, reader, vital.short if len(vitals) > 1 else "") for vital in vitals]
            lines = [_line(vital, own, rows, reader) for vital, own in zip(vitals, limits, strict=True)]
            charts.append(_chart(title, vitals, lines, limits, latest, reader, since, now))
    return sorted(charts, key=lambda chart: not any(name in first for name in _names(chart)))


def _at(row: Measurement | Bucket) -> datetime:
    return row.at if isinstance(row, Bucket) else row.measured_at


def _names(chart: Chart) -> tuple[str, ...]:
    return next(names for _, names in GROUPS if chart.name in names)


def _line(vital: Vital, limits: Sequence[ChartLimit], rows: Sequence[Measurement | Bucket], reader: Reader) -> Line:
    how, name = reader.display(vital), vital.name
    line = Line(name_of(vital), [], [], [], [], [])
    sides = [Limit(limit.operator, limit.value) for limit in limits]
    for row in rows:
        if name not in row.values:
            continue
        line.at.append(_at(row).timestamp())
        if isinstance(row, Bucket):
            spread = row.values[name]
            ends = (how.number(spread.low), how.number(spread.high))
            line.low.append(ends[0])
            line.high.append(ends[1])
            line.values.append(how.number(spread.mean))
            is_beyond = any(side.is_broken(end) for side in sides for end in ends)
            line.states.append(DOUBTFUL if name in row.suspect else BEYOND if is_beyond else FINE)
        else:
            value = how.number(row.values[name])
            line.values.append(value)
            is_beyond = any(side.is_broken(value) for side in sides)
            line.states.append(
                WRONG if name in row.wrong else DOUBTFUL if name in row.suspect else BEYOND if is_beyond else FINE
            )
    return line


def _chart(
    title: str,
    vitals: Sequence[Vital],
    lines: Sequence[Line],
    limits: Sequence[Sequence[ChartLimit]],
    latest: Mapping[str, Latest],
    reader: Reader,
    since: datetime,
    now: datetime,
) -> Chart:
    how = reader.display(vitals[0])
    known = [(vital, latest[vital.name]) for vital in vitals if vital.name in latest]
    newest_at = max((value.measured_at for _, value in known), default=since)
    together = [pair for pair in known if pair[1].measured_at == newest_at]
    shown = [reader.display(vital).number(value.value) for vital, value in together]
    broken = any(
        Limit(limit.operator, limit.value).is_broken(number)
        for (vital, _), number in zip(together, shown, strict=True)
        for limit in limits[list(vitals).index(vital)]
    )
    return Chart(
        name=vitals[0].name,
        title=title,
        unit=how.unit,
        decimals=how.decimals,
        lines=tuple(lines),
        limits=tuple(dict.fromkeys(limit for own in limits for limit in own)),
        usual=_usual(lines[0], since, now) if len(lines) == 1 else None,
        newest="/".join(f"{number:.{how.decimals}f}" for number in shown),
        newest_at=newest_at,
        is_stale=now - newest_at > _STALE,
        is_beyond=broken,
        is_doubtful=any(value.is_suspect for _, value in together),
        story=_story(title, lines, how.unit, how.decimals, now - since),
        span=(since.timestamp(), now.timestamp()),
    )


def _usual(line: Line, since: datetime, now: datetime) -> tuple[float, float] | None:
    # what is happening right now is not what is usual
    until = (since + (now - since) * 0.7).timestamp()
    rows = zip(line.at, line.values, line.states, strict=True)
    believed = [value for at, value, state in rows if state in (FINE, BEYOND) and at < until]
    if len(believed) < _USUAL_FROM:
        return None
    low, high = np.percentile(believed, [10, 90])
    return round(float(low), 2), round(float(high), 2)


def _story(title: str, lines: Sequence[Line], unit: str, decimals: int, span: timedelta) -> str:
    window = "24 hours" if span <= timedelta(days=1) else f"{span.days} days"
    told = []
    for line in lines:
        believed = [value for value, state in zip(line.values, line.states, strict=True) if state in (FINE, BEYOND)]
        if not believed:
            continue
        low, high = min(line.low or believed), max(line.high or believed)
        label = f"{line.label.lower()} " if len(lines) > 1 else ""
        said = f"{label}{low:.{decimals}f} to {high:.{decimals}f} {unit}, newest {believed[-1]:.{decimals}f}"
        counts = [(BEYOND, "beyond a limit"), (DOUBTFUL, "doubtful"), (WRONG, "marked wrong")]
        said += "".join(f", {line.states.count(state)} {words}" for state, words in counts if state in line.states)
        told.append(said)
    return f"{title}, {window}: {'; '.join(told) or 'no readings'}"


def as_json(chart: Chart, days: int) -> dict[str, Any]:
    """Return what the browser draws a chart from."""
    return {
        "name": chart.name,
        "unit": chart.unit,
        "decimals": chart.decimals,
        "days": days,
        "span": chart.span,
        "usual": chart.usual,
        "story": chart.story,
        "limits": [
            {"operator": limit.operator, "value": limit.value, "label": limit.label, "emergency": limit.is_emergency}
            for limit in chart.limits
        ],
        "lines": [
            {
                "label": line.label,
                "at": line.at,
                "values": line.values,
                "states": line.states,
                "low": line.low,
                "high": line.high,
            }
            for line in chart.lines
        ],
    }
