"""The real Theengs Gateway hears a scale and a heart-rate strap: from advertised bytes to stored readings in the right unit.

This machine has no Bluetooth, so an ESP32 stands in for the radio, as in a house with OpenMQTTGateway: it publishes what it
heard undecoded, the gateway decodes it and publishes what our codec reads.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from ingest.broker import EmbeddedBroker
from ingest.queries import count_quarantined
from tests.ingesting import Client, Worker, add_device, add_patient, broker_in, until
from tests.theengs import running_gateway

#: advertised bytes; the formats are those of the gateway's own list of devices (https://decoder.theengs.io/devices/devices.html)
SCALE: Final = {"id": "5C:CA:D3:4C:EE:74", "name": "MI SCALE2", "servicedatauuid": "181d", "rssi": -70}
SCALE_KG: Final = SCALE | {"servicedata": "223e30e4070b0c0a0a0a"}  # 0x303e / 200 = 61.75 kg, a person
SCALE_LB: Final = SCALE | {"servicedata": "232a35e4070b0c0a0a0a"}  # 0x352a / 100 = 136.10 lb, a person
PARCEL: Final = SCALE | {"servicedata": "623e30e4070b0c0a0a0a"}  # the same weight, an object
STRAP: Final = {"id": "A0:9E:1A:00:00:01", "name": "Polar H10", "rssi": -60}
STRAP_72: Final = STRAP | {"manufacturerdata": "6b0033a34f48"}  # 0x48 = 72 /min
STRAP_188: Final = STRAP | {"manufacturerdata": "6b0033a34fbc"}  # 0xbc = 188 /min
BELT: Final = {"id": "A0:9E:1A:00:00:02", "rssi": -60, "manufacturerdata": "04ff00640050"}  # XOSS X2: 0x50 = 80 /min, 100 %
NEIGHBOUR: Final = STRAP_72 | {"id": "A0:9E:1A:00:00:03"}
ROOM: Final = {"id": "A4:C1:38:00:00:01", "servicedatauuid": "181a", "servicedata": "a4c13800000100dc2e5a0bb80a"}


@pytest.fixture
def broker(mosquitto: None, tmp_path: Path) -> Iterator[EmbeddedBroker]:
    with broker_in(tmp_path / "broker") as started:
        yield started


def test_a_scale_and_a_strap_reach_their_patient(broker: EmbeddedBroker, plain_database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(plain_database_url, autocommit=True) as connection, running_gateway(broker, tmp_path):
        patient = add_patient(connection)
        for name in ("theengs-5ccad34cee74", "theengs-a09e1a000001", "theengs-a09e1a000002"):
            add_device(connection, name, patient)
        with Worker(plain_database_url, broker), Client(broker, "anyone") as radio, Client(broker, "watcher") as watcher:
            watcher.subscribe("home/TheengsGateway/#")

            def gateway_hears() -> bool:
                radio.publish("home/esp32/BTtoMQTT/undecoded", ROOM)
                return watcher.last("home/TheengsGateway/BTtoMQTT/A4C138000001") is not None

            until(gateway_hears, 30)
            # an advertisement is heard many times a second
            for heard in (SCALE_KG, SCALE_KG, SCALE_KG, PARCEL, STRAP_72, STRAP_72, BELT, NEIGHBOUR, SCALE_LB, STRAP_188):
                radio.publish("home/esp32/BTtoMQTT/undecoded", heard)
            until(lambda: len(stored(connection)) == 5, 20)
            said = watcher.last("home/TheengsGateway/BTtoMQTT/5CCAD34CEE74")
            assert (said["brand"], said["weight"], said["unit"]) == ("Xiaomi", 136.1, "lb"), "the real decoder spoke"
            assert stored(connection) == [
                ("theengs-5ccad34cee74", 61.75, None, None, patient),
                ("theengs-5ccad34cee74", pytest.approx(61.734, abs=0.001), None, {"value": 136.1, "unit": "[lb_av]"}, patient),
                ("theengs-a09e1a000001", None, 72.0, None, patient),
                ("theengs-a09e1a000001", None, 188.0, None, patient),
                ("theengs-a09e1a000002", None, 80.0, None, patient),
            ]
            # a parcel on the scale and a neighbour's strap are kept apart; the thermometer in the room is nobody's vital
            assert count_quarantined(connection) == {"not_a_person": (1, 1, 1), "unknown_device": (1, 1, 0)}
            counts = "SELECT sum(readings_stored)::int, sum(readings_duplicate)::int, max(battery)::int FROM device_state"
            assert connection.execute(counts).fetchone() == (5, 3, 100)
            assert connection.execute("SELECT judged FROM patient_state").fetchall() == [(5,)]


def stored(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Return (device, kilograms, beats a minute, weight as sent, patient) of all measurements, by device and arrival."""
    return connection.execute(
        "SELECT public_id, body_weight, heart_rate, original->'body_weight', patient_id FROM measurement"
        " JOIN device ON device.id = device_id ORDER BY public_id, received_at"
    ).fetchall()
