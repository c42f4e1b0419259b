"""Alert: one episode of one condition of one patient, and what happened to it.

Condition (firing, resolved) and acknowledgement are two facts; `closed_at` takes it off the worklist. Never decides: that
is `alerts/lifecycle.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from alerts.lateness import Lateness
from alerts.rule import Category, Direction, Severity

#: what a person may say an alert came to when resolving it → the words on the button
DISPOSITIONS: Final = {
    "true_acted": "true, acted on",
    "true_no_action": "true, no action needed",
    "false_artefact": "false: artefact",
    "false_limit": "false: wrong limit",
    "false_device": "false: device",
    "already_known": "already known",
    "technique_taught": "technique taught",
    "unreachable": "patient unreachable",
    "duplicate": "duplicate",
}

#: id of an alert that is not stored yet
UNSTORED: Final = 0


@dataclass(frozen=True, slots=True)
class Alert:
    """One episode; a row of the table `alert`."""

    #: key, UNSTORED before it is inserted
    id: int
    #: what the outside sees
    public_id: str
    #: key of the patient
    patient_id: int
    #: name of the rule
    rule: str
    #: its version when the alert opened
    rule_version: int
    #: key of the rule set it was judged with
    ruleset_id: int
    #: a vital, a device's public id, or None for what concerns the whole patient
    subject: str | None
    #: "high", "medium" or "low"
    severity: Severity
    #: whose queue it is in
    category: Category
    #: sorted first, never waits for a recheck
    emergency: bool
    #: how old the news was: live, late (judged live all the same) or retrospective
    lateness: Lateness
    #: whether the rule's condition holds now
    condition: Literal["firing", "resolved"]
    #: measured_at of the first reading for which the condition held
    since: datetime
    #: measured_at of the reading that made it fire
    fired_at: datetime
    #: when it reached the worklist
    opened_at: datetime
    #: when a person should have looked
    due_at: datetime
    #: episodes it gathers
    times: int = 1
    #: measured_at of the reading that ended the condition
    resolved_at: datetime | None = None
    #: when a person took it on
    acknowledged_at: datetime | None = None
    #: key of that person
    acknowledged_by: int | None = None
    #: when it left the worklist
    closed_at: datetime | None = None
    #: key of the person who closed it, None where it closed itself
    closed_by: int | None = None
    #: what the person said it came to
    disposition: str | None = None
    #: the rule starts anew with readings measured after this
    reset_at: datetime | None = None
    #: which way its vital breaches, None where there is no such thing
    direction: Direction | None = None
    #: stays open after its condition ended until a person acts
    latching: bool = False
    #: the value that was announced last, in the canonical unit; None where the rule knows no steps
    worst: float | None = None
    #: when it last worsened by its step: what silenced or answered it before does not cover it (I13)
    news_at: datetime | None = None
    #: key of the person it was given to
    assigned_to: int | None = None
    #: how often it fired again soon after it had closed
    regressed: int = 0
    #: measured_at of the last times it fired, oldest first, as far as they count towards flapping
    firings: Sequence[datetime] = field(default=(), hash=False)
    #: when it was found to fire and cease too often; held open since then
    flapping_at: datetime | None = None
    #: "sent", or the kind of suppression that holds now (alerts/triage/decide.py)
    standing: str = "sent"
    #: when that ends by itself, None where something has to happen first
    standing_until: datetime | None = None
    #: what it was judged by (docs/decisions/0012)
    explanation: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One thing that happened to an alert, machine or human."""

    #: when it happened
    at: datetime
    #: "opened", "fired again", "earlier episode", "promoted", "worsened", "regressed", "flapping", "resolved", "rechecked",
    #: "acknowledged", "unacknowledged", "assigned", "unassigned", "commented", "silenced", "closed", "reopened"
    what: str
    #: name of the person who did it, None for the machine
    staff: str | None
    #: what else there is to say
    note: str
