"""Desk: what the people around one patient see and are sent of the alerts that a backtest plays.

Decides nothing: `alerts/triage/orders.py` does, as it does live; its orders are carried out on lists here. Of the ladder only
the first page is played.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from alerts.alert import Alert
from alerts.backtest.played import Item, Rechecked, Sent, Withheld
from alerts.lifecycle import Step
from alerts.triage.decide import SECOND_VITAL_WITHIN
from alerts.triage.orders import Orders, plan
from alerts.triage.scene import Hold, Outcome, Scene
from devices.vitals import COLUMN

#: standings without a row of their own on the worklist
_HIDDEN: Final = frozenset({"silenced", "inhibited", "gateway"})
#: the device that is asked, whichever it was
_DEVICE: Final = "the patient's device"


class Desk:
    """The worklist, the pages and the rechecks of one patient."""

    def __init__(
        self, patient_id: int, alerts: list[Alert], *, asks: bool, newest: Callable[[str, datetime], datetime]
    ) -> None:
        self._patient_id, self._alerts, self._asks, self._newest = patient_id, alerts, asks, newest
        #: key of an alert → its page, held or about to go out
        self.ladders: dict[int, tuple[datetime, str]] = {}
        self.holds: dict[int, Hold] = {}
        self.items: list[Item] = []
        self.pages: list[Sent] = []
        self.rechecks: list[Rechecked] = []
        self.withheld: list[Withheld] = []
        self._item: tuple[datetime, list[int]] | None = None

    def waiting(self) -> list[Alert]:
        """Return the open alerts that nobody has taken on."""
        return [alert for alert in self._alerts if alert.closed_at is None and alert.acknowledged_at is None]

    def settle(
        self, news: Mapping[int, Step], now: datetime, doubts: frozenset[str], answers: Mapping[int, Outcome] | None = None
    ) -> None:
        """Make what people are told agree with the alerts as they are now; `doubts` names rules whose alerts judge no vital."""
        orders = Orders()
        plan(self._scene(news, now, doubts), news, now, answers or {}, orders)
        for key, outcome in orders.answered.items():
            hold = self.holds.pop(key, None)
            if hold is not None:
                self.rechecks.append(Rechecked(self._patient_id, key, hold.asked_at, hold.due_at, now, outcome))
        self.holds |= {alert.id: hold for alert, hold in orders.held}
        for key, standing in orders.standings.items():
            self._alerts[key - 1] = replace(self._alerts[key - 1], standing=standing.kind, standing_until=standing.until)
        for row in orders.suppressed:
            self.withheld.append(Withheld(row.patient_id, row.alert_id, row.starts_at, row.what, row.kind, row.reason))
        for key in orders.stopped:
            self.ladders.pop(key, None)
        for call in orders.called:
            self.ladders[call.alert_id] = (call.due_at, call.reason)
        for key, (due_at, _) in list(self.ladders.items()):
            if due_at <= now:
                self.page(key, now)
        self._list(news, now)

    def page(self, key: int, now: datetime) -> None:
        """Send the page of an alert, if its time has come and it still waits."""
        due_at, reason = self.ladders.get(key, (None, ""))
        if due_at is not None and due_at <= now:
            del self.ladders[key]
            self.pages.append(Sent(self._patient_id, key, now, reason))

    def finish(self) -> None:
        """Close the books at the end of history."""
        if self._item is not None:
            self.items.append(Item(self._patient_id, self._item[0], None, tuple(self._item[1])))
        self.rechecks += [
            Rechecked(self._patient_id, key, hold.asked_at, hold.due_at, hold.due_at, "no reply")
            for key, hold in self.holds.items()
        ]

    def _scene(self, news: Mapping[int, Step], now: datetime, doubts: frozenset[str]) -> Scene:
        opened = tuple(alert for alert in self._alerts if alert.closed_at is None)
        may_wait = [key for key, step in news.items() if step.recheck and step.has("opened", "regressed")]
        return Scene(
            alerts=opened,
            holds=dict(self.holds),
            abnormal=self._abnormal(now, doubts) if may_wait or self.holds else {},
            devices=dict.fromkeys(may_wait, _DEVICE) if self._asks else {},
        )

    def _abnormal(self, now: datetime, doubts: frozenset[str]) -> dict[str, datetime]:
        """Return when each vital last breached a clinical rule, as far as that is recent."""
        since, found = now - SECOND_VITAL_WITHIN, dict[str, datetime]()
        for alert in self._alerts:
            if alert.subject not in COLUMN or alert.category != "clinical" or alert.rule in doubts:
                continue
            if alert.closed_at is not None and alert.closed_at <= since:
                continue
            at = alert.resolved_at or max(alert.fired_at, self._newest(alert.subject, now))
            found[alert.subject] = max(at, found.get(alert.subject, at))
        return found

    def _list(self, news: Mapping[int, Step], now: datetime) -> None:
        """Keep the patient's item: from the first alert that waits and is shown until none does."""
        shown = [alert.id for alert in self.waiting() if alert.standing not in _HIDDEN]
        passing = [key for key, step in news.items() if step.has("opened", "regressed") and step.alert.closed_at == now]
        if self._item is None and (shown or passing):
            self._item = (now, [])
        if self._item is None:
            return
        began, ids = self._item
        ids += [key for key in (*shown, *passing) if key not in ids]
        if not shown:
            self.items.append(Item(self._patient_id, began, now, tuple(ids)))
            self._item = None


def last_steps(steps: Sequence[Step]) -> dict[int, Step]:
    """Return the last step of each alert, by key."""
    return {step.alert.id: step for step in steps}
