"""What a chart is made of: lines, limits, doubts, and the sentence for who does not see it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from api.pages.charts import BEYOND, DOUBTFUL, FINE, WRONG, Chart, build_charts, limits_of
from devices.measurement import Bucket, Latest, Measurement, Spread
from devices.vitals import COLUMN, VITALS
from tests.unit.api.pages.people import AMERICAN, NOW, SAM

RULES: list[dict[str, Any]] = [
    {"kind": "threshold", "vital": "spo2", "op": "<", "limit": 88, "programmes": ["copd"], "unless": [], "emergency": False},
    {
        "kind": "threshold",
        "vital": "spo2",
        "op": "<",
        "limit": 90,
        "programmes": ["any"],
        "unless": ["copd"],
        "emergency": False,
    },
    {"kind": "threshold", "vital": "spo2", "op": "<=", "limit": 85, "programmes": ["any"], "unless": [], "emergency": True},
    {"kind": "silence", "programmes": ["any"]},
]


def measured(minutes: float, suspect: tuple[str, ...] = (), wrong: tuple[str, ...] = (), **values: float) -> Measurement:
    at = NOW - timedelta(minutes=minutes)
    return Measurement("k", "hub", 1, at, at, at, None, "device", values, suspect, wrong, None, (), None)


def charts(
    rows: list[Measurement] | list[Bucket], days: float = 1, first: tuple[str, ...] = (), **latest: tuple[float, datetime]
) -> list[Chart]:
    known = {name: Latest(value, at, False) for name, (value, at) in latest.items()}
    return build_charts(rows, known, RULES, ("copd",), SAM, first=first, since=NOW - timedelta(days=days), now=NOW)


def test_limits_are_those_of_the_patients_programmes() -> None:
    spo2 = VITALS[COLUMN["spo2"]]
    assert [limit.label for limit in limits_of(RULES, ("copd",), spo2, SAM)] == ["≤ 85", "< 88"]
    assert [limit.label for limit in limits_of(RULES, (), spo2, SAM)] == ["≤ 85", "< 90"]
    assert [limit.is_emergency for limit in limits_of(RULES, (), spo2, SAM)] == [True, False]


def test_offending_doubtful_and_wrong_points_are_told_apart() -> None:
    rows = [
        measured(50, spo2=92),
        measured(40, spo2=87),
        measured(30, spo2=45, suspect=("spo2",)),
        measured(20, spo2=70, wrong=("spo2",)),
    ]
    [chart] = charts(rows, spo2=(92.0, NOW - timedelta(minutes=50)))
    assert chart.lines[0].states == [FINE, BEYOND, DOUBTFUL, WRONG]
    assert chart.story == "SpO₂, 24 hours: 87 to 92 %, newest 87, 1 beyond a limit, 1 doubtful, 1 marked wrong"
    assert (chart.newest, chart.is_beyond, chart.is_stale) == ("92", False, False)


def test_systolic_and_diastolic_stand_together() -> None:
    at = NOW - timedelta(minutes=9)
    [chart] = charts([measured(9, systolic_bp=128, diastolic_bp=79)], systolic_bp=(128.0, at), diastolic_bp=(79.0, at))
    assert (chart.title, chart.newest, len(chart.lines)) == ("Blood pressure", "128/79", 2)


def test_old_values_are_said_to_be_old_and_stay_on_the_page() -> None:
    [chart] = charts([], spo2=(95.0, NOW - timedelta(days=3)))
    assert chart.is_stale
    assert chart.story == "SpO₂, 24 hours: no readings"


def test_the_vitals_of_open_alerts_lead() -> None:
    rows = [measured(5, spo2=95, body_weight=80, heart_rate=70)]
    assert [chart.name for chart in charts(rows, first=("body_weight",))] == ["body_weight", "spo2", "heart_rate"]


def test_stretches_are_beyond_when_their_extreme_is() -> None:
    spread: Mapping[str, Spread] = {"spo2": Spread(92.0, 84.0, 95.0, 20)}
    [chart] = charts([Bucket(NOW - timedelta(hours=2), spread, ())], spo2=(92.0, NOW))
    line = chart.lines[0]
    assert (line.values, line.low, line.high, line.states) == ([92.0], [84.0], [95.0], [BEYOND])


def test_usual_leaves_out_what_is_happening_now() -> None:
    rows = [measured(24 * 60 * day, body_weight=80 + day % 2 * 0.4) for day in range(6, 14)] + [
        measured(60 * day, body_weight=84) for day in range(1, 5)
    ]
    [chart] = charts(rows, days=14, body_weight=(84.0, NOW))
    assert chart.usual is not None and chart.usual[1] <= 80.4


def test_speaks_the_readers_units() -> None:
    rows = [measured(5, body_weight=80.0)]
    [chart] = build_charts(rows, {}, [], (), AMERICAN, first=(), since=NOW - timedelta(days=1), now=NOW)
    assert (chart.unit, chart.lines[0].values) == ("lb", [176.4])
