"""Explain: an alert in plain words, from the readings to what people did: every alert explains itself.

Pure: tells what `alerts.queries.find_story` loaded, for the command line and the alert's page, times in the reader's zone.
Names no patient.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

from alerts.alert import DISPOSITIONS, Alert, AlertEvent
from alerts.explain_routing import Routing, routed, whose
from alerts.explanation import in_words
from alerts.rule import OPERATORS, READING_KINDS
from devices.vitals import COLUMN, VITALS, Vital
from messaging.notice import Notice

#: how a canonical value is shown: (vital, value) → "84 %"
Show = Callable[[Vital, float], str]

_LATENESS: Final = {
    "late": "The reading arrived late but was the newest of its kind, so it was judged as if live.",
    "retrospective": "It is old news: newer readings were already in, or it was measured more than 12 hours before it "
    "arrived. Nobody was paged; it is due this shift.",
}
#: what ends a condition, by what begins it
_PAST: Final = {"<": "at or above", "<=": "above", ">": "at or below", ">=": "below"}
_ENTERED: Final = {1: ", entered by the patient", 2: ", entered by staff"}


@dataclass(frozen=True, slots=True)
class Story:
    """An alert and all that happened to it."""

    #: the alert
    alert: Alert
    #: oldest first
    events: tuple[AlertEvent, ...]
    #: what was sent or withheld, oldest first
    notices: tuple[Notice, ...]
    #: whose limit it was, what was withheld, and its ladder with the pages
    routing: Routing = field(default_factory=Routing)


def shown_plainly(vital: Vital, value: float) -> str:
    """Show a value in the canonical unit.

    >>> shown_plainly(VITALS[COLUMN["spo2"]], 84.0)
    '84 %'
    """
    return f"{value:.{vital.decimals}f} {vital.shown_unit}"


def explain(story: Story, zone: tzinfo, show: Show = shown_plainly) -> list[str]:
    """Return the lines that tell an alert: what, why, on which readings, by which rule, and what happened since."""
    alert, why = story.alert, story.alert.explanation

    def when(moment: datetime | str | None) -> str:
        if moment is None:
            return "never"
        at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")

    band = ", emergency band" if alert.emergency else ""
    return [
        f"Alert {alert.public_id}: {why.get('title', alert.rule)}",
        f"  {_reason(why, show)}.",
        f"  Severity {alert.severity}{band}; {alert.category}; {_status(alert, when)}.",
        *_why(alert, why, when, show),
        *whose(story.routing, when),
        *([f"  {_LATENESS[alert.lateness]}"] if alert.lateness in _LATENESS else []),
        *_after_resolve(why, when),
        f"  Opened {when(alert.opened_at)}; a person should look by {when(alert.due_at)}.",
        f"Rule {alert.rule}, version {alert.rule_version}, of rule set {str(why.get('ruleset', {}).get('digest', ''))[:12]}:",
        *_sources(why),
        "What happened:",
        *(_event(event, when) for event in story.events),
        *routed(story.routing, when),
        "Who was told:",
        *(_notice(notice, when) for notice in story.notices),
    ]


def _reason(why: Mapping[str, Any], show: Show) -> str:
    deciding = [one for one in why.get("readings", ()) if one["measured_at"] == why.get("fired_at")]
    if why.get("kind") != "threshold" or not deciding:
        return str(why.get("reason", ""))
    vital = VITALS[COLUMN[str(why["vital"])]]
    limit = f"{OPERATORS[str(why['operator'])]} {show(vital, float(why['limit']))}"
    return f"{vital.title} {show(vital, float(deciding[-1]['value']))} is {limit}"


def _status(alert: Alert, when: Callable[[datetime | None], str]) -> str:
    said = "the condition still holds" if alert.condition == "firing" else f"the condition ended {when(alert.resolved_at)}"
    said += f"; acknowledged {when(alert.acknowledged_at)}" if alert.acknowledged_at else "; not acknowledged"
    if alert.closed_at is not None:
        what = DISPOSITIONS.get(alert.disposition or "", "")
        said += f"; closed {when(alert.closed_at)}" + (f" as {what}" if what else "")
    return said + (f"; {alert.times} episodes" if alert.times > 1 else "")


def _why(alert: Alert, why: Mapping[str, Any], when: Callable[[Any], str], show: Show) -> Iterator[str]:
    kind = why.get("kind")
    if kind == "threshold":
        yield from _threshold(alert, why, when, show)
    elif kind == "doubt":
        waited = in_words(float(why["for_seconds"]))
        yield f"  Measured {when(alert.fired_at)}, outside what is plausible; no clean reading followed within {waited}."
    elif kind == "silence":
        expected, counted, left_out = (
            in_words(float(why[f"{name}_seconds"])) for name in ("expected", "counted", "not_counted")
        )
        yield f"  A reading is due every {expected}; the last arrived {when(why['last_received_at'])}."
        yield f"  Counted from {when(why['counted_from'])}: {counted} in which our own path was up; {left_out} left out."
        if why.get("why_silent"):
            yield f"  Why silent: {why['why_silent']}."
    elif kind == "adherence":
        left = f"; {why['paused_days']} paused" if why["paused_days"] else ""
        left += f"; {why['unseen_days']} in which our own path was down" if why["unseen_days"] else ""
        yield f"  {why['kept_days']} of {why['prescribed_days']} days, {why['first_day']} to {why['last_day']}{left}."
    elif kind in READING_KINDS:
        yield from _signal(alert, why, when)
    elif kind == "unjudged":
        yield f"  Judging raised {why.get('failure')}. The readings are stored; the sweep tries again every minute."
    yield from (_reading(one, why, when, show) for one in why.get("readings", ()))


def _threshold(alert: Alert, why: Mapping[str, Any], when: Callable[[Any], str], show: Show) -> Iterator[str]:
    vital = VITALS[COLUMN[str(why["vital"])]]
    yield f"  Judged against the {why['whose_limit']}: {OPERATORS[str(why['operator'])]} {show(vital, float(why['limit']))}."
    asked = []
    if why["for_seconds"]:
        asked.append(f"for at least {in_words(float(why['for_seconds']))}")
    if why["n"] > 1:
        asked.append(f"{why['n']} readings in a row")
    if asked:
        yield f"  It takes {' and '.join(asked)}, no more than {in_words(float(why['max_gap_seconds']))} apart."
    if why["hysteresis"]:
        slack = float(why["hysteresis"]) * (1 if why["operator"] in ("<", "<=") else -1)
        past = _PAST[str(why["operator"])]
        yield f"  It ends with the first reading {past} {show(vital, float(why['limit']) + slack)}."
    held = alert.fired_at - alert.since
    lasted = f"It held from {when(alert.since)}" if alert.condition == "resolved" else f"It has held since {when(alert.since)}"
    fired = f" and fired {when(alert.fired_at)}, {in_words(held.total_seconds())} later" if held > timedelta(0) else ""
    yield f"  {lasted}{fired}:"


def _signal(alert: Alert, why: Mapping[str, Any], when: Callable[[Any], str]) -> Iterator[str]:
    """Tell what was judged of several readings, the numbers it rests on, and how long it held."""
    if why.get("limit") is not None and why.get("value") is not None:
        unit = "" if why["unit"] in ("1", "{score}") else f" {why['unit']}"
        operator = OPERATORS[str(why["operator"])]
        limit = f"{operator} {float(why['limit']):g}{unit}"
        yield f"  Judged {float(why['value']):g}{unit} against the {why['whose_limit']}: {limit}."
    if why.get("of"):
        yield f"  It takes {why['n']} of the last {why['of']} readings."
    elif why.get("n", 1) > 1:
        yield f"  It takes {why['n']} readings in a row."
    rests = ", ".join(
        f"{name.replace('_', ' ')} {when(number) if isinstance(number, str) else f'{number:g}'}"
        for name, number in dict(why.get("rests_on", {})).items()
    )
    if rests:
        yield f"  It rests on: {rests}."
    lasted = f"It held from {when(alert.since)}" if alert.condition == "resolved" else f"It has held since {when(alert.since)}"
    yield f"  {lasted}, and fired {when(alert.fired_at)}."


def _reading(one: Mapping[str, Any], why: Mapping[str, Any], when: Callable[[Any], str], show: Show) -> str:
    measured, received = (datetime.fromisoformat(str(one[name])) for name in ("measured_at", "received_at"))
    late = (received - measured).total_seconds()
    arrived = f", arrived {in_words(late)} later" if late >= 60 else ""
    vital = VITALS[COLUMN[str(why["vital"])]]
    value = show(vital, float(one["value"]))
    return f"    {when(measured)}  {value}  device {one['device']}{_ENTERED.get(one['source'], '')}{arrived}"


def _after_resolve(why: Mapping[str, Any], when: Callable[[Any], str]) -> list[str]:
    before = why.get("still_true_after")
    if not before:
        return []
    who = before.get("by") or "somebody"
    return [f"  {who} resolved alert {before['alert']} {when(before['at'])}; the very next reading still held the condition."]


def _sources(why: Mapping[str, Any]) -> list[str]:
    return [f"  {name}: {source}" for name, source in dict(why.get("sources", {})).items()] or ["  no source was kept"]


def _event(event: AlertEvent, when: Callable[[Any], str]) -> str:
    note = f": {event.note}" if event.note else ""
    return f"  {when(event.at)}  {event.what}{f' by {event.staff}' if event.staff else ''}{note}"


def _notice(notice: Notice, when: Callable[[Any], str]) -> str:
    said = f"  {when(notice.created_at)}  {notice.channel} to {notice.recipient}: {notice.state} ({notice.reason})"
    if notice.attempts > 1:
        said += f", {notice.attempts} tries"
    if notice.finished_at and notice.state in ("delivered", "dead") and notice.finished_at != notice.created_at:
        said += f", {when(notice.finished_at)}"
    return said + (f", {notice.error}" if notice.error else "")
