"""Taking: what a person's action makes of an alert: taken on, given to somebody, commented, resolved, and taken back.

Pure, like `alerts/lifecycle.py` beside it. An action that changes nothing returns a step without happenings.
"""

from dataclasses import replace
from datetime import datetime

from alerts.alert import Alert
from alerts.lifecycle import Step, close_if_done


def acknowledge(alert: Alert, staff_id: int, now: datetime) -> Step:
    """Take an alert on; one whose condition is over leaves the worklist."""
    if alert.acknowledged_at is not None or alert.closed_at is not None:
        return Step(alert)
    taken = Step(alert).then(replace(alert, acknowledged_at=now, acknowledged_by=staff_id), "acknowledged")
    closed = close_if_done(taken, now)
    if closed.alert.closed_at is None:
        return closed
    return Step(replace(closed.alert, closed_by=staff_id), closed.events)


def unacknowledge(alert: Alert) -> Step:
    """Take an acknowledgement back; an alert that it closed is open again."""
    if alert.acknowledged_at is None or alert.disposition is not None:
        return Step(alert)
    step = Step(alert).then(replace(alert, acknowledged_at=None, acknowledged_by=None), "unacknowledged")
    if alert.closed_at is None:
        return step
    return step.then(replace(step.alert, closed_at=None, closed_by=None), "reopened")


def assign(alert: Alert, staff_id: int, name: str) -> Step:
    """Give an open alert to somebody; it still waits to be acknowledged."""
    if alert.closed_at is not None or alert.assigned_to == staff_id:
        return Step(alert)
    return Step(alert).then(replace(alert, assigned_to=staff_id), "assigned", f"to {name}")


def unassign(alert: Alert) -> Step:
    """Take an alert from whom it was given to."""
    if alert.closed_at is not None or alert.assigned_to is None:
        return Step(alert)
    return Step(alert).then(replace(alert, assigned_to=None), "unassigned")


def comment(alert: Alert, text: str) -> Step:
    """Write something down about an alert, open or closed."""
    return Step(alert).then(alert, "commented", text)


def resolve(alert: Alert, staff_id: int, disposition: str, note: str, now: datetime, reset_at: datetime | None) -> Step:
    """Close an alert with what it came to; readings measured after `reset_at` may open it again."""
    if alert.closed_at is not None:
        return Step(alert)
    step = Step(alert)
    if alert.acknowledged_at is None:
        step = step.then(replace(alert, acknowledged_at=now, acknowledged_by=staff_id), "acknowledged")
    if step.alert.condition == "firing":
        step = Step(replace(step.alert, condition="resolved", resolved_at=now), step.events)
    done = replace(step.alert, closed_at=now, closed_by=staff_id, disposition=disposition, reset_at=reset_at)
    return step.then(done, "closed", f"{disposition}: {note}" if note else disposition)
