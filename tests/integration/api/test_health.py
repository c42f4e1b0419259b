"""Health and metrics: true, and of nobody."""

from datetime import UTC, datetime, timedelta

import httpx
import psycopg
from prometheus_client.parser import text_string_to_metric_families
from psycopg.types.json import Jsonb

from tests.house import House


def _figures(client: httpx.Client) -> dict[tuple[str, ...], float]:
    text = client.get("/metrics").text
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _beat(house: House, process: str, age: timedelta, **detail: object) -> None:
    with house.pool.connection() as conn:
        conn.execute("INSERT INTO heartbeat VALUES (%s, %s, %s)", [process, datetime.now(UTC) - age, Jsonb(detail)])


def test_readiness_says_which_process_is_late(house: House) -> None:
    with house.visitor() as client:
        assert client.get("/health/ready").json() == {"status": "ready", "processes": []}
        _beat(house, "ingest", timedelta(seconds=2), backlog=3)
        _beat(house, "work", timedelta(minutes=5))
        said = client.get("/health/ready").json()
    assert said["status"] == "degraded"
    assert [(beat["process"], beat["is_late"]) for beat in said["processes"]] == [("ingest", False), ("work", True)]


def test_a_database_that_was_not_migrated_is_not_ready(house: House, plain_database_url: str) -> None:
    with psycopg.connect(plain_database_url) as conn:
        conn.execute("DELETE FROM schema_migration")
    with house.visitor() as client:
        answer = client.get("/health/ready")
    assert answer.status_code == 503 and "wardlight migrate" in answer.json()["detail"]


def test_metrics_count_the_house(house: House) -> None:
    _beat(house, "ingest", timedelta(seconds=2), backlog=3, worker="x")
    with house.pool.connection() as conn:
        conn.execute("INSERT INTO device (public_id, kind) VALUES ('a', 'scale'), ('b', 'scale')")
        conn.execute(
            "INSERT INTO device_state (device_id, readings_stored, readings_suspect, readings_duplicate, readings_quarantined,"
            " online, silent) SELECT id, 10, 1, 2, 3, public_id = 'a', public_id = 'b' FROM device"
        )
        conn.execute(
            "INSERT INTO outbox (channel, recipient, body, state, reason, due_at)"
            " VALUES ('console', 'x', 'y', 'pending', 'z', now() - interval '90 s'), ('console', 'x', 'y', 'dead', 'z', now())"
        )
        conn.execute(
            "INSERT INTO quarantine (digest, topic, payload, reason, detail, received_at, last_at)"
            " VALUES ('x', 't', 'p', 'broken_json', '', now(), now())"
        )
    with house.visitor() as client:
        figures = _figures(client)
    assert figures["wardlight_readings_total", "stored"] == 20
    assert figures["wardlight_readings_total", "quarantined"] == 6
    assert figures["wardlight_devices", "online"] == figures["wardlight_devices", "silent"] == 1
    assert figures["wardlight_alerts_open", "false", "true", "high"] == 0
    assert figures["wardlight_quarantine_open", "broken_json"] == 1
    assert figures["wardlight_outbox_messages", "dead"] == 1
    assert 90 <= figures["wardlight_outbox_overdue_seconds",] < 120
    assert 2 <= figures["wardlight_heartbeat_age_seconds", "ingest"] < 30
    assert figures["wardlight_process", "backlog", "ingest"] == 3
    assert ("wardlight_process", "worker", "ingest") not in figures
    assert figures["wardlight_unjudged_oldest_seconds",] == 0
