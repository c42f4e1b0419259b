"""Simulated devices at a real Mosquitto: nothing they measured is let go before the application has it."""

import json
import threading
import time
from collections.abc import Iterator

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from devices.codecs import native
from devices.decoded import Decoded
from devices.simulator.publish import Fleet, ask_for_answer
from ingest.broker import EmbeddedBroker

NOW = 1_795_438_800_000_000


class Application:
    """What stands where ingest would: takes readings, and acknowledges what follows without a gap."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self.got: dict[str, dict[int, Decoded]] = {}
        self.states: dict[str, dict[str, object]] = {}
        self.messages = 0
        self.acknowledges = True
        self._client = Client(CallbackAPIVersion.VERSION2, "ingest", clean_session=False)
        self._client.username_pw_set("ingest", broker.url().split(":")[2].split("@")[0])
        self._client.on_connect = lambda client, *_: client.subscribe("wardlight/#", qos=1)
        self._client.on_message = self._take
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def _take(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        _, _, device, kind = message.topic.split("/")
        if kind == "state":
            self.states[device] = json.loads(message.payload)
        if kind != "readings":
            return
        self.messages += 1
        got = self.got.setdefault(device, {})
        for decoded in native.decode(message.payload):
            got[decoded.seq or 0] = decoded
        if self.acknowledges:
            self.acknowledge(device)

    def acknowledge(self, device: str) -> None:
        got = self.got[device]
        high = next(seq for seq in range(1, len(got) + 2) if seq not in got) - 1
        self.tell(device, "ack", {"boot": next(iter(got.values())).boot, "seq": high}, retain=True)

    def tell(self, device: str, kind: str, what: dict[str, object], *, retain: bool = False) -> None:
        self._client.publish(f"wardlight/v1/{device}/{kind}", json.dumps(what), qos=1, retain=retain)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def application(broker: EmbeddedBroker) -> Iterator[Application]:
    started = Application(broker)
    yield started
    started.close()


def let_in(broker: EmbeddedBroker, count: int) -> dict[str, str]:
    secrets = {f"sim-{number}": f"secret-{number}" for number in range(count)}
    broker.credentials.add_many(secrets)
    return secrets


def test_many_devices_in_one_thread_settle(broker: EmbeddedBroker, application: Application) -> None:
    secrets = let_in(broker, 300)
    with Fleet("127.0.0.1", broker.port) as fleet:
        threads = threading.active_count()
        for device, secret in secrets.items():
            fleet.add(device, secret, "b1", battery=80)
            for place in range(5):
                fleet.measure(device, NOW + place, {"spo2": 97, "body_weight": (180.0, "[lb_av]")})
        assert fleet.settle(30)
        assert threading.active_count() == threads
        assert (fleet.tally.acknowledged, fleet.tally.lost, fleet.connected()) == (1500, 0, 300)
    one = application.got["sim-7"][3]
    assert (one.boot, one.seq, one.battery, one.time, one.faults) == ("b1", 3, 80, NOW + 2, ())
    assert one.values == [97.0, pytest.approx(81.647, abs=0.001)]


def test_what_waited_goes_out_as_an_array(broker: EmbeddedBroker, application: Application) -> None:
    let_in(broker, 1)
    with Fleet("127.0.0.1", broker.port, most=100) as fleet:
        fleet.add("sim-0", "secret-0", "b1")
        for place in range(250):
            fleet.measure("sim-0", NOW + place, {"heart_rate": 70})
        assert fleet.settle(20)
    assert (application.messages, len(application.got["sim-0"])) == (3, 250)


def test_nothing_is_let_go_before_the_application_has_it(broker: EmbeddedBroker, application: Application) -> None:
    let_in(broker, 1)
    application.acknowledges = False
    with Fleet("127.0.0.1", broker.port) as fleet:
        fleet.add("sim-0", "secret-0", "b1")
        for place in range(10):
            fleet.measure("sim-0", NOW + place, {"heart_rate": 70})
        assert fleet.run(10, lambda: len(application.got.get("sim-0", ())) == 10)
        application.tell("sim-0", "ack", {"boot": "another", "seq": 10})
        assert not fleet.settle(0.5)
        assert fleet.held("sim-0") == 10
        application.tell("sim-0", "ack", {"boot": "b1", "seq": 4})
        assert fleet.run(5, lambda: fleet.held("sim-0") == 6)
        application.got.clear()
        application.tell("sim-0", "command", {"command": "resend", "boot": "b1", "from_seq": 8})
        assert fleet.run(5, lambda: set(application.got.get("sim-0", ())) == {8, 9, 10})
        assert application.got["sim-0"][8].first == 5
        application.tell("sim-0", "ack", {"boot": "b1", "seq": 99})
        assert fleet.settle(5)


def test_a_device_that_hears_nothing_sends_again(broker: EmbeddedBroker, application: Application) -> None:
    let_in(broker, 1)
    application.acknowledges = False
    with Fleet("127.0.0.1", broker.port, patience=0.5) as fleet:
        fleet.add("sim-0", "secret-0", "b1")
        fleet.measure("sim-0", NOW, {"heart_rate": 70})
        assert fleet.run(10, lambda: application.messages >= 3)
        application.acknowledge("sim-0")
        assert fleet.settle(5)
        assert (fleet.tally.added, fleet.tally.acknowledged) == (1, 1)


def test_a_device_without_room_gives_up_the_oldest_and_says_so(broker: EmbeddedBroker, application: Application) -> None:
    let_in(broker, 1)
    application.acknowledges = False
    with Fleet("127.0.0.1", broker.port) as fleet:
        fleet.add("sim-0", "secret-0", "b1", room=3)
        for place in range(5):
            fleet.measure("sim-0", NOW + place, {"heart_rate": 70})
        assert fleet.run(10, lambda: len(application.got.get("sim-0", ())) == 3)
        assert fleet.tally.lost == 2
    assert {seq: one.first for seq, one in application.got["sim-0"].items()} == {3: 3, 4: 3, 5: 3}


def test_states_and_wills(broker: EmbeddedBroker, application: Application) -> None:
    let_in(broker, 2)
    with Fleet("127.0.0.1", broker.port) as fleet:
        for number in range(2):
            fleet.add(f"sim-{number}", f"secret-{number}", f"b{number}", battery=71)
        assert fleet.run(10, lambda: [one["state"] for one in application.states.values()] == ["online"] * 2)
        assert (application.states["sim-0"]["boot"], application.states["sim-0"]["battery"]) == ("b0", 71)
        fleet.cut("sim-0")
        time.sleep(0.3)
        assert application.states["sim-0"] == {"state": "offline", "boot": "b0"}, "the will"
        assert fleet.run(10, lambda: application.states["sim-0"]["state"] == "online"), "it comes back by itself"
    deadline = time.monotonic() + 5
    while application.states["sim-1"]["state"] != "offline" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert application.states["sim-1"] == {"state": "offline", "boot": "b1"}


def test_a_broker_that_goes_away_costs_nothing(broker: EmbeddedBroker, application: Application) -> None:
    secrets = let_in(broker, 20)
    with Fleet("127.0.0.1", broker.port) as fleet:
        for device, secret in secrets.items():
            fleet.add(device, secret, "b1")
        for round_ in range(3):
            for device in secrets:
                for place in range(20):
                    fleet.measure(device, NOW + round_ * 100 + place, {"heart_rate": 70})
            fleet.run(0.2)
            broker.stop()
            fleet.run(0.3)
            broker.start()
        assert fleet.settle(60)
        assert fleet.tally.acknowledged == 1200
    assert all(set(got) == set(range(1, 61)) for got in application.got.values())


def test_an_answer_proves_the_whole_path(broker: EmbeddedBroker, application: Application) -> None:
    let_in(broker, 1)
    answered = ask_for_answer("127.0.0.1", broker.port, "sim-0", "secret-0", "probe-1", within=10)
    assert answered is not None
    assert answered < 10
    assert [fault.reason for fault in application.got["sim-0"][1].faults] == ["no_values"]
    with pytest.raises(ConnectionRefusedError, match="sim-0"):
        ask_for_answer("127.0.0.1", broker.port, "sim-0", "wrong", "probe-2", within=10)
    application.acknowledges = False
    assert ask_for_answer("127.0.0.1", broker.port, "sim-0", "secret-0", "probe-3", within=0.5) is None
