"""Notices: what the worklist is told of an alert that opened, came back, or grew more urgent.

Pure. Every answer is a row of the outbox, the withheld ones too (I9). Bodies carry ids alone. Who else is told, and when, is
the ladder's work (`alerts/escalation`).
"""

from typing import Final

from alerts.alert import Alert
from messaging.notice import Planned

#: on the worklist as soon as it is committed
IN_APP: Final = "in_app"
#: why nobody is told of an alert of the synthetic patient
SYNTHETIC: Final = "synthetic: a test of the whole path, nobody is to be told"
#: happenings that the worklist is told of
TOLD: Final = ("opened", "regressed", "promoted", "worsened", "fired again")


def plan(alert: Alert, events: tuple[tuple[str, str], ...], *, is_shown: bool, reason: str = "") -> list[Planned]:
    """Return the notices that the happenings of one alert make; `reason` says why it is not shown, or not sent as well."""
    for what, _ in reversed(events):
        if what in TOLD:
            body = f"alert {alert.public_id} {what}, severity {alert.severity}"
            if not is_shown:
                return [Planned(IN_APP, "worklist", body, "withheld", reason)]
            told = f"{what}: on the worklist" + (f"; {reason}" if reason else "")
            return [Planned(IN_APP, "worklist", body, "delivered", told)]
    return []
