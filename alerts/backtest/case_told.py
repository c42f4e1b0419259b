"""Told: a judged case as lines for a terminal: what is wrong, and a small timeline of the readings and what rules made of them.

Pure. A timeline shows the times at which something changed or should have, and their neighbours; the rest is counted.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from alerts.backtest.case import Case
from alerts.backtest.cases import Judged

#: readings shown before and after one at which something happens
_AROUND: Final = 1
#: lines of a timeline
_MOST: Final = 40


def tell(judged: Judged) -> list[str]:
    """Return what is wrong with a case, then its timeline."""
    case = judged.case
    return [f"{case.file.name}: {case.name}", *(f"  {one}" for one in judged.wrong), *(f"  {one}" for one in timeline(judged))]


def timeline(judged: Judged) -> list[str]:
    """Return the readings as rows, with what each rule of the case made of them.

    A rule's column says `pending`, `FIRES`, `worse`, `firing` or `ends`; `(expected)` where the case says that it fires there.
    """
    case = judged.case
    rules = list(dict.fromkeys([*(one.rule for one in case.expected), *(one.rule for one in judged.fired)]))
    vitals = list(dict.fromkeys(name for time in case.times for name in case.readings.get(time, {})))
    if case.consciousness:
        vitals.append("consciousness")
    shown = _shown(judged)
    rows = [["", *vitals, *rules]]
    previous = None
    for time in shown:
        if previous is not None and (skipped := sum(previous < one < time for one in case.times)):
            rows.append([f"… {skipped} more readings", *[""] * (len(vitals) + len(rules))])
        rows.append([case.clock(time), *_readings(case, time, vitals), *(_condition(judged, rule, time) for rule in rules)])
        previous = time
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _shown(judged: Judged) -> list[int]:
    """Return the times worth a row, ascending."""
    case = judged.case
    told = {one for fired in judged.fired for one in (fired.at, fired.until, *fired.worsened) if one is not None}
    told |= {one for wanted in case.expected for one in (wanted.at, wanted.until) if one is not None}
    for before, after in pairwise(case.times):
        if judged.conditions.get(before, {}) != judged.conditions.get(after, {}):
            told.add(after)
    places = {place for place, time in enumerate(case.times) if time in told} or {0}
    near = {
        case.times[one] for place in places for one in range(max(place - _AROUND, 0), min(place + _AROUND + 1, len(case.times)))
    }
    return sorted(near | told | {case.times[0], case.times[-1]})[:_MOST]


def _readings(case: Case, time: int, vitals: Sequence[str]) -> list[str]:
    given = case.readings.get(time, {})
    return [
        case.consciousness.get(time, "") if name == "consciousness" else f"{given[name]:g}" if name in given else ""
        for name in vitals
    ]


def _condition(judged: Judged, rule: str, time: int) -> str:
    own = [one for one in judged.fired if one.rule == rule]
    expected = any(one.rule == rule and one.at == time for one in judged.case.expected)
    mark = " (expected)" if expected else ""
    if any(one.at == time for one in own):
        return "FIRES" + mark
    if any(time in one.worsened for one in own):
        return "worse"
    if any(one.until == time for one in own):
        return "ends" + mark
    return judged.conditions.get(time, {}).get(rule, "-") + mark
