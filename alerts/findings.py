"""Findings: what judging found out about conditions, carried over to alerts, their events, and the outbox.

Called inside the caller's transaction with the patients' states locked. Bulk statements only: a storm in which hundreds of
patients open alerts at once costs a handful of them. Decides nothing: `alerts/lifecycle.py` and `alerts/triage` do.
"""

import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from psycopg import Connection

from alerts import lifecycle, queries
from alerts.alert import UNSTORED, Alert
from alerts.explanation import Evidence, explain_reading
from alerts.lifecycle import REGRESSED_WITHIN, Episode, Step
from alerts.rule import Rule
from alerts.rules import RuleSet
from alerts.triage.dispatch import dispatch
from devices.vitals import COLUMN, VITALS


@dataclass(frozen=True, slots=True)
class Finding:
    """What is new about one condition of one patient."""

    #: key of the patient
    patient_id: int
    #: whose condition it is
    rule: Rule
    #: a vital, None for what concerns the whole patient
    subject: str | None
    #: when the condition ended that fired before
    ceased_at: datetime | None = None
    #: episodes that were over before anybody saw them
    past: tuple[Episode, ...] = ()
    #: the episode that lasts
    ongoing: Episode | None = None
    #: the patient's time zone, in which an explanation tells times
    zone: str = "UTC"

    @property
    def key(self) -> tuple[int, str, str | None]:
        """What at most one open alert exists for (I7)."""
        return (self.patient_id, self.rule.name, self.subject)


@dataclass(slots=True)
class Changes:
    """Keys of the alerts that changed."""

    opened: list[int] = field(default_factory=list)
    resolved: list[int] = field(default_factory=list)
    changed: set[int] = field(default_factory=set)


def apply_findings(
    conn: Connection[Any], findings: Sequence[Finding], ruleset_id: int, rules: RuleSet, now: datetime, changes: Changes
) -> None:
    """Open, change and close alerts for these findings, at most one per condition."""
    findings = _merged(findings)
    while findings:
        alerts = queries.lock_current(
            conn, (one.patient_id for one in findings), (one.rule.name for one in findings), now - REGRESSED_WITHIN
        )
        known = {(alert.patient_id, alert.rule, alert.subject): alert for alert in alerts}
        steps: list[tuple[Finding, Step]] = []
        for finding in findings:
            made = lifecycle.follow(
                known.get(finding.key), finding.rule, finding.patient_id, finding.subject, now, ruleset_id,
                ceased_at=finding.ceased_at, past=finding.past, ongoing=finding.ongoing,
            )  # fmt: skip
            steps += [(finding, _named(step)) for step in made]
        refused = _write(conn, steps, rules, now, changes)
        # somebody opened the same alert meanwhile: once more, now with theirs
        findings = [replace(finding, ceased_at=None) for finding in {finding.key: finding for finding in refused}.values()]


def _merged(findings: Sequence[Finding]) -> list[Finding]:
    """Join what was found out about one condition, so that one thing said of its alert never undoes another."""
    joined: dict[tuple[int, str, str | None], Finding] = {}
    for one in findings:
        known = joined.get(one.key)
        joined[one.key] = (
            one
            if known is None
            else replace(
                known,
                ceased_at=known.ceased_at or one.ceased_at,
                past=known.past + one.past,
                ongoing=known.ongoing or one.ongoing,
            )
        )
    return list(joined.values())


def _named(step: Step) -> Step:
    """Give an alert that has none the random name that the outside will know it by."""
    return step if step.alert.public_id else replace(step, alert=replace(step.alert, public_id=secrets.token_hex(12)))


def write_steps(
    conn: Connection[Any], steps: Sequence[Step], now: datetime, changes: Changes, staff_id: int | None = None
) -> list[Step]:
    """Write alerts and what happened to them, decide who is told; return the new ones that an open alert was in the way of."""
    steps = [_named(step) for step in steps if step.events]
    new = [step for step in steps if step.alert.id == UNSTORED]
    keys = queries.insert_alerts(conn, [step.alert for step in new]) if new else {}
    queries.update_alerts(conn, [step.alert for step in steps if step.alert.id != UNSTORED])
    refused: list[Step] = []
    events: list[tuple[int, str, str]] = []
    written: list[tuple[int, Step]] = []
    for step in steps:
        key = step.alert.id or keys.get(step.alert.public_id)
        if key is None:
            refused.append(step)
            continue
        if step.alert.id == UNSTORED:
            changes.opened.append(key)
        if any(what == "resolved" for what, _ in step.events):
            changes.resolved.append(key)
        changes.changed.add(key)
        events += [(key, what, note) for what, note in step.events]
        written.append((key, step))
    queries.add_events(conn, events, now, staff_id)
    changes.changed |= dispatch(conn, written, now)
    return refused


def _write(
    conn: Connection[Any], steps: Sequence[tuple[Finding, Step]], rules: RuleSet, now: datetime, changes: Changes
) -> list[Finding]:
    explained = _explained(conn, steps, rules)
    refused = {step.alert.public_id for step in write_steps(conn, explained, now, changes)}
    return [finding for (finding, _), step in zip(steps, explained, strict=True) if step.alert.public_id in refused]


def _explained(conn: Connection[Any], steps: Sequence[tuple[Finding, Step]], rules: RuleSet) -> list[Step]:
    """Return the steps, new alerts with their explanation: all their readings are fetched by one query."""
    new = [(finding, step.alert) for finding, step in steps if step.alert.id == UNSTORED]
    evidence = load_evidence(conn, [alert for _, alert in new], is_doubt=False)
    wanted = [(alert.patient_id, alert.rule, COLUMN.get(finding.subject or "", -1), alert.since) for finding, alert in new]
    resets = queries.list_followed_resets(conn, wanted) if wanted else []
    after = {
        place: {"alert": alert, "at": at.isoformat(), "by": who}
        for place, alert, at, who in resets
        if new[place][1].subject in COLUMN
    }
    told = {
        alert.public_id: explain_reading(
            finding.rule,
            alert,
            (episode := _episode_of(finding, alert)).value,
            episode.told,
            evidence[place],
            rules.digest,
            zone=finding.zone,
            others=rules.by_name,
            still_true_after=after.get(place),
        )
        for place, (finding, alert) in enumerate(new)
    }
    return [
        replace(step, alert=replace(step.alert, explanation=told[step.alert.public_id])) if step.alert.id == UNSTORED else step
        for _, step in steps
    ]


def _episode_of(finding: Finding, alert: Alert) -> Episode:
    """Return the episode that an alert opened for."""
    told = [one for one in (*finding.past, finding.ongoing) if one is not None]
    return next((one for one in told if one.fired_at == alert.fired_at), told[-1])


def load_evidence(conn: Connection[Any], alerts: Sequence[Alert], *, is_doubt: bool) -> dict[int, list[Evidence]]:
    """Return the readings that each of some alerts about a vital rests on, by place."""
    found: dict[int, list[Evidence]] = defaultdict(list)
    columns = [COLUMN.get(alert.subject or "", -1) for alert in alerts]
    wanted = [
        (alert.patient_id, column, alert.since, alert.fired_at, is_doubt) for alert, column in zip(alerts, columns, strict=True)
    ]
    for place, measured, received, value, device, source in queries.list_evidence(conn, wanted) if wanted else ():
        found[place].append(Evidence(measured, received, round(value, VITALS[columns[place]].decimals), device, source))
    return found
