"""Notices: for each alert that opened or grew more urgent, which channel is told now and which is not, and why.

Pure. Every answer is a row of the outbox, the withheld ones too (I9). Bodies carry ids alone.
"""

from typing import Final

from alerts.alert import Alert
from messaging.notice import Planned

#: on the worklist as soon as it is committed
IN_APP: Final = "in_app"
#: the operator's console
CONSOLE: Final = "console"
#: why nobody is sent an alert of the synthetic patient
SYNTHETIC: Final = "synthetic: a test of the whole path, nobody is to be called"


def plan(alert: Alert, events: tuple[tuple[str, str], ...], *, is_synthetic: bool = False) -> list[Planned]:
    """Return the notices that the events of one alert make; the synthetic patient's go to nobody."""
    for what, _ in reversed(events):
        if what in ("opened", "promoted", "fired again") and is_synthetic:
            return [Planned(CONSOLE, "operator", _body(alert, what), "withheld", SYNTHETIC)]
        if what in ("opened", "promoted", "fired again"):
            return [_in_app(alert, what), _console(alert, what)]
    return []


def _body(alert: Alert, what: str) -> str:
    return f"alert {alert.public_id} {what}, severity {alert.severity}"


def _in_app(alert: Alert, what: str) -> Planned:
    return Planned(IN_APP, "worklist", _body(alert, what), "delivered", f"{what}: the worklist shows every alert")


def _console(alert: Alert, what: str) -> Planned:
    body = _body(alert, what)
    if alert.lateness == "retrospective":
        return Planned(CONSOLE, "operator", body, "withheld", "retrospective: an item for this shift, nobody is called for it")
    if alert.condition == "resolved":
        return Planned(CONSOLE, "operator", body, "withheld", "the condition was over before it could be sent")
    if alert.severity == "low":
        return Planned(CONSOLE, "operator", body, "withheld", "low severity is shown, not sent")
    if what == "fired again":
        return Planned(CONSOLE, "operator", body, "withheld", "sent when it opened, and still waiting to be acknowledged")
    return Planned(CONSOLE, "operator", body, "pending", f"{what} with severity {alert.severity}")
