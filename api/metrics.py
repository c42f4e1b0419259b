"""/metrics in Prometheus's text format: counts and ages, never whose.

Read by a token of scope "metrics" or from this very machine; a request that came through a proxy needs the token. Every
figure is asked of the database at the scrape, so any number of `serve` processes say the same.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from api import queries
from api.access import bearer
from api.client import is_local
from api.documented import problems
from api.health import list_beats
from api.problems import NotSignedIn
from api.tokens import hash_token
from api.transaction import Now, Transaction
from api.watch.fault import KINDS
from api.watch.house import load_pulse
from api.watch.pace import Pace
from api.watch.queries import load_seen
from database.heartbeat import list_heartbeats

router = APIRouter(tags=["health"])

_TEXT = "text/plain; version=1.0.0; charset=utf-8"


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"description": "Prometheus text format", "content": {"text/plain": {"schema": {"type": "string"}}}},
        401: problems()[401],
        503: problems()[503],
    },
)
def metrics(request: Request, conn: Transaction, now: Now) -> Response:
    """Return the figures of the house; for a token of scope 'metrics', or from this machine."""
    if token := bearer(request):
        found = queries.find_token(conn, hash_token(token), now)
        if found is None or found.scope != "metrics":
            raise NotSignedIn("this token is unknown, revoked, expired, or not one of scope 'metrics'")
    elif not is_local(request):
        raise NotSignedIn("send a token of scope 'metrics' as Authorization: Bearer, or ask from the machine itself")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_House(conn, request.app.state.house.pace, now))
    return Response(generate_latest(registry), media_type=_TEXT)


class _House(Collector):
    def __init__(self, conn: Transaction, pace: Pace, now: datetime) -> None:
        self._conn = conn
        self._pace = pace
        self._now = now

    def describe(self) -> list[Metric]:
        return []  # or registering would collect once to learn the names

    def collect(self) -> Iterator[Metric]:
        readings = queries.count_readings(self._conn)
        outcomes = CounterMetricFamily("wardlight_readings", "Readings by what became of them", labels=["outcome"])
        for outcome in ("stored", "suspect", "duplicate", "quarantined"):
            outcomes.add_metric([outcome], getattr(readings, outcome))
        yield outcomes
        devices = GaugeMetricFamily("wardlight_devices", "Devices that ever spoke, by how they are", labels=["state"])
        for state, count in (("all", readings.devices), ("silent", readings.silent), ("online", readings.online)):
            devices.add_metric([state], count)
        yield devices
        yield self._alerts()
        quarantine = GaugeMetricFamily("wardlight_quarantine_open", "Unsettled rows in quarantine", labels=["reason"])
        for reason, count in queries.count_quarantine(self._conn).items():
            quarantine.add_metric([reason], count)
        yield quarantine
        yield from self._outbox()
        count, since = queries.oldest_unjudged(self._conn)
        yield GaugeMetricFamily("wardlight_unjudged_patients", "Patients whose newest readings wait to be judged", value=count)
        yield GaugeMetricFamily(
            "wardlight_unjudged_oldest_seconds", "Age of the oldest of them, 0 for none", value=self._age(since)
        )
        yield from self._watch()
        yield from self._processes()

    def _alerts(self) -> Metric:
        alerts = GaugeMetricFamily("wardlight_alerts_open", "Open alerts", labels=["severity", "emergency", "acknowledged"])
        counted = {(row.severity, row.emergency, row.acknowledged): row.open for row in queries.count_open_alerts(self._conn)}
        for severity in ("high", "medium", "low"):
            for emergency in (False, True):
                for acknowledged in (False, True):
                    labels = [severity, str(emergency).lower(), str(acknowledged).lower()]
                    alerts.add_metric(labels, counted.get((severity, emergency, acknowledged), 0))
        return alerts

    def _outbox(self) -> Iterator[Metric]:
        states = queries.count_outbox(self._conn)
        messages = GaugeMetricFamily("wardlight_outbox_messages", "Outgoing messages by state", labels=["state"])
        for state in ("pending", "delivered", "withheld", "dead"):
            messages.add_metric([state], states.get(state, (0, None))[0])
        yield messages
        overdue = self._age(states.get("pending", (0, None))[1])
        yield GaugeMetricFamily("wardlight_outbox_overdue_seconds", "How long the oldest pending message is due", value=overdue)

    def _processes(self) -> Iterator[Metric]:
        freshest: dict[str, float] = {}
        ages = GaugeMetricFamily("wardlight_heartbeat_age_seconds", "Time since a process was heard of", labels=["process"])
        beats = list_beats(self._conn, self._pace, self._now)
        instances = Counter((beat.process, beat.state) for beat in beats)
        for beat in reversed(beats):  # the freshest of a process comes first, and counts
            freshest[beat.process] = beat.age
        for process, age in sorted(freshest.items()):
            ages.add_metric([process], age)
        yield ages
        states = GaugeMetricFamily(
            "wardlight_instances", "Instances of processes, by how they are", labels=["process", "state"]
        )
        for (process, state), count in sorted(instances.items()):
            states.add_metric([process, state], count)
        yield states
        figures = GaugeMetricFamily("wardlight_process", "Figures a process gives of itself", labels=["process", "figure"])
        newest = {heartbeat.process: heartbeat for heartbeat in reversed(list_heartbeats(self._conn, self._now))}
        for heartbeat in newest.values():
            for name, value in sorted(heartbeat.detail.items()):
                if isinstance(value, int | float):
                    figures.add_metric([heartbeat.process, name], float(value))
        yield figures

    def _watch(self) -> Iterator[Metric]:
        seen = load_seen(self._conn, self._pace, self._now)
        yield GaugeMetricFamily("wardlight_unrouted_alerts", "Alerts that nothing explains the routing of", value=seen.unrouted)
        yield GaugeMetricFamily(
            "wardlight_unrouted_oldest_seconds", "Age of the oldest of them, 0 for none", value=self._age(seen.unrouted_since)
        )
        if seen.synthetic_at is not None:
            age = self._age(seen.synthetic_at)
            yield GaugeMetricFamily("wardlight_synthetic_reading_age_seconds", "Time since the last test reading", value=age)
        if seen.synthetic_alert_at is not None:
            age = self._age(seen.synthetic_alert_at)
            yield GaugeMetricFamily("wardlight_synthetic_alert_age_seconds", "Time since the last test alert", value=age)
        faults = GaugeMetricFamily("wardlight_faults", "What the watch finds wrong", labels=["kind"])
        kinds = Counter(fault.kind for fault in load_pulse(self._conn, self._pace, self._now).faults)
        for kind in KINDS:
            faults.add_metric([kind], kinds[kind])
        yield faults

    def _age(self, since: datetime | None) -> float:
        return 0.0 if since is None else max((self._now - since).total_seconds(), 0.0)
