"""The embedded broker, tried by real clients: what is delivered counts, not what is acknowledged."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from ingest.broker import EmbeddedBroker, embedded_credentials, watched_credentials
from ingest.credentials import CredentialsError, new_secret
from ingest.probe import is_let_in


class Client:
    """A device or account at the broker, keeping what it sees."""

    def __init__(self, url: str, client_id: str = "", clean: bool = False) -> None:
        parts = urlsplit(url)
        self.seen: list[tuple[str, bytes]] = []
        self.refused: ReasonCode | None = None
        self.cut_at: float | None = None
        self.paho = mqtt.Client(CallbackAPIVersion.VERSION2, client_id or parts.username or "", clean_session=clean)
        self.paho.username_pw_set(parts.username, parts.password)
        self.paho.on_message = lambda client, data, message: self.seen.append((message.topic, message.payload))
        self.paho.on_connect = self._connected
        self.paho.on_disconnect = self._disconnected
        self.paho.connect("127.0.0.1", parts.port or 0)
        self.paho.loop_start()
        until(lambda: self.paho.is_connected() or self.refused is not None)

    def _connected(self, client: object, data: object, flags: object, reason: ReasonCode, properties: object) -> None:
        self.refused = reason if reason.is_failure else None

    def _disconnected(self, client: object, data: object, flags: object, reason: ReasonCode, properties: object) -> None:
        self.cut_at = self.cut_at or time.monotonic()

    def subscribe(self, topic: str) -> None:
        done: list[int] = []
        self.paho.on_subscribe = lambda client, data, mid, reasons, properties: done.append(mid)
        self.paho.subscribe(topic, 1)
        until(lambda: bool(done))

    def publish(self, topic: str, payload: str = "x", qos: int = 1, retain: bool = False) -> None:
        self.paho.publish(topic, payload, qos, retain).wait_for_publish(5)

    def close(self) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()


@pytest.fixture
def client() -> Iterator[Callable[..., Client]]:
    opened: list[Client] = []

    def connect(url: str, client_id: str = "", clean: bool = False) -> Client:
        opened.append(Client(url, client_id, clean))
        return opened[-1]

    yield connect
    for each in opened:
        each.close()


def until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def device(broker: EmbeddedBroker, device_id: str) -> str:
    secret = new_secret()
    broker.credentials.add(device_id, secret)
    return broker.url(device_id, secret)


#: who publishes, on which topic, and whether it must arrive
WRITES = [
    ("a1", "wardlight/v1/a1/readings", True),
    ("a1", "wardlight/v1/a1/state", True),
    ("a1", "wardlight/v1/a1/ack", False),
    ("a1", "wardlight/v1/a1/command", False),
    ("a1", "wardlight/v1/b2/readings", False),
    ("a1", "wardlight/v1/b2/state", False),
    ("a1", "wardlight/v1/b2/ack", False),
    ("a1", "wardlight/v1/a1/readings/more", False),
    ("a1", "home/gateway/BTtoMQTT/A4C138000001", False),
    ("a1", "elsewhere", False),
    ("ingest", "wardlight/v1/a1/ack", True),
    ("ingest", "wardlight/v1/a1/command", True),
    ("ingest", "wardlight/v1/a1/readings", False),
    ("theengs", "home/gateway/BTtoMQTT/A4C138000001", True),
    ("theengs", "wardlight/v1/a1/readings", False),
    ("theengs", "wardlight/v1/a1/ack", False),
]

#: who subscribes to what, and on which topics it must then hear something
READS = [
    ("a1", "wardlight/v1/a1/ack", {"wardlight/v1/a1/ack"}),
    ("a1", "wardlight/v1/a1/command", {"wardlight/v1/a1/command"}),
    ("a1", "#", {"wardlight/v1/a1/ack", "wardlight/v1/a1/command"}),
    ("a1", "wardlight/v1/+/readings", set()),
    ("a1", "wardlight/v1/b2/ack", set()),
    ("a1", "home/#", set()),
    ("theengs", "wardlight/#", set()),
    ("theengs", "home/#", {"home/g/BTtoMQTT/A4C138000001"}),
    (
        "ingest",
        "#",
        {f"wardlight/v1/{d}/{leaf}" for d in ("a1", "b2") for leaf in ("readings", "state", "ack", "command")}
        | {"home/g/BTtoMQTT/A4C138000001"},
    ),
]

WATCH = {"watcher": ("topic readwrite #",)}


def test_a_user_writes_only_where_it_may(mosquitto: None, tmp_path: Path, client: Callable[..., Client]) -> None:
    with EmbeddedBroker(tmp_path / "mosquitto", accounts=WATCH) as broker:
        urls = {name: device(broker, name) for name in ("a1", "b2")} | {
            name: broker.url(name) for name in ("ingest", "theengs")
        }
        watcher = client(broker.url("watcher"))
        watcher.subscribe("#")
        for number, (user, topic, _) in enumerate(WRITES):
            client(urls[user]).publish(topic, str(number))
        watcher.publish("done")
        until(lambda: ("done", b"x") in watcher.seen)
        arrived = {(topic, int(payload)) for topic, payload in watcher.seen if topic != "done"}
        assert arrived == {(topic, number) for number, (_, topic, allowed) in enumerate(WRITES) if allowed}


def test_a_user_hears_only_what_it_may(mosquitto: None, tmp_path: Path, client: Callable[..., Client]) -> None:
    with EmbeddedBroker(tmp_path / "mosquitto", accounts=WATCH) as broker:
        urls = {name: device(broker, name) for name in ("a1", "b2")} | {
            name: broker.url(name) for name in ("ingest", "theengs")
        }
        watcher = client(broker.url("watcher"))
        topics = [f"wardlight/v1/{d}/{leaf}" for d in ("a1", "b2") for leaf in ("readings", "state", "ack", "command")]
        for user, pattern, expected in READS:
            reader = client(urls[user], clean=True)
            reader.subscribe(pattern)
            for topic in (*topics, "home/g/BTtoMQTT/A4C138000001"):
                watcher.publish(topic)
            until(lambda: {topic for topic, _ in reader.seen} == expected)  # noqa: B023 — called at once
            time.sleep(0.05)
            assert {topic for topic, _ in reader.seen} == expected, (user, pattern)
            reader.close()


@pytest.mark.parametrize(
    "url", ["mqtt://127.0.0.1:{port}", "mqtt://a1:wrong@127.0.0.1:{port}", "mqtt://stranger:x@127.0.0.1:{port}"]
)
def test_nobody_enters_without_a_secret(broker: EmbeddedBroker, client: Callable[..., Client], url: str) -> None:
    device(broker, "a1")
    assert client(url.format(port=broker.port), client_id="a1").refused is not None


def test_a_device_enters_and_is_shut_out_of_a_live_broker(broker: EmbeddedBroker, client: Callable[..., Client]) -> None:
    first, other, ingest = client(device(broker, "a1")), client(device(broker, "b2")), client(broker.url())
    ingest.subscribe("wardlight/v1/+/readings")
    first.publish("wardlight/v1/a1/readings", "1")
    until(lambda: len(ingest.seen) == 1)
    started = time.monotonic()
    broker.credentials.revoke("a1")
    until(lambda: first.cut_at is not None)
    assert first.cut_at is not None and first.cut_at - started < 5
    until(lambda: first.refused is not None)
    other.publish("wardlight/v1/b2/readings", "2")
    until(lambda: len(ingest.seen) == 2)
    assert other.cut_at is None and ingest.cut_at is None, "nobody else is cut"
    assert broker.credentials.known() == {"b2"}


def test_rotation_cuts_the_old_secret_and_keeps_the_session(broker: EmbeddedBroker, client: Callable[..., Client]) -> None:
    url = device(broker, "a1")
    first, ingest = client(url), client(broker.url())
    first.subscribe("wardlight/v1/a1/ack")
    secret = broker.credentials.rotate("a1")
    until(lambda: first.refused is not None)
    first.close()
    ingest.publish("wardlight/v1/a1/ack", "7")
    again = client(broker.url("a1", secret))
    until(lambda: again.seen == [("wardlight/v1/a1/ack", b"7")])


def test_no_client_takes_over_the_session_of_another(broker: EmbeddedBroker, client: Callable[..., Client]) -> None:
    ingest = client(broker.url())
    ingest.subscribe("wardlight/v1/+/readings")
    thief, victim = client(device(broker, "a1"), client_id="ingest"), client(device(broker, "b2"))
    victim.publish("wardlight/v1/b2/readings")
    until(lambda: len(ingest.seen) == 1)
    assert ingest.cut_at is None and thief.seen == []


def test_a_thousand_devices_take_seconds(broker: EmbeddedBroker, client: Callable[..., Client]) -> None:
    secrets = {f"d{number:04}": new_secret() for number in range(1000)}
    started = time.monotonic()
    broker.credentials.add_many(secrets)
    assert time.monotonic() - started < 3
    assert client(broker.url("d0999", secrets["d0999"])).refused is None


def test_what_is_held_outlives_a_restart(broker: EmbeddedBroker, client: Callable[..., Client]) -> None:
    url, ingest = device(broker, "a1"), client(broker.url())
    ingest.subscribe("wardlight/v1/+/readings")
    ingest.subscribe("wardlight/v1/+/state")
    ingest.close()
    sender = client(url)
    for number in range(50):
        sender.publish("wardlight/v1/a1/readings", str(number))
    sender.publish("wardlight/v1/a1/readings", "at most once", qos=0)
    sender.publish("wardlight/v1/a1/state", "online", retain=True)
    sender.close()
    port = broker.port
    broker.restart()
    assert broker.port == port
    later = client(broker.url())
    until(lambda: len(later.seen) == 52)
    assert later.seen[:51] == [("wardlight/v1/a1/readings", str(n).encode()) for n in range(50)] + [
        ("wardlight/v1/a1/readings", b"at most once")
    ]


def test_a_crash_loses_at_most_what_came_since_the_last_save(
    mosquitto: None, tmp_path: Path, client: Callable[..., Client]
) -> None:
    with EmbeddedBroker(tmp_path / "mosquitto", autosave_seconds=1) as broker:
        url, ingest = device(broker, "a1"), client(broker.url())
        ingest.subscribe("wardlight/v1/+/readings")
        ingest.close()
        sender = client(url)
        sender.publish("wardlight/v1/a1/readings", "1")
        sender.close()
        time.sleep(2.5)
        broker.kill()
        broker.start()
        later = client(broker.url())
        until(lambda: later.seen == [("wardlight/v1/a1/readings", b"1")])


def test_more_than_a_window_of_unacknowledged_messages_is_delivered(broker: EmbeddedBroker) -> None:
    """20 in flight, Mosquitto's default, would stall a batch that is acknowledged after its commit."""
    sender = Client(device(broker, "a1"))
    slow = Client(broker.url())
    slow.paho.manual_ack_set(True)
    slow.subscribe("wardlight/v1/+/readings")
    for number in range(3000):
        sender.paho.publish("wardlight/v1/a1/readings", str(number), 1)
    until(lambda: len(slow.seen) == 3000)
    sender.close()
    slow.close()


def test_a_message_beyond_the_limit_ends_its_sender_and_is_not_acknowledged(
    broker: EmbeddedBroker, client: Callable[..., Client]
) -> None:
    sender = client(device(broker, "a1"))
    sent = sender.paho.publish("wardlight/v1/a1/readings", "x" * (300 * 1024), 1)
    until(lambda: sender.cut_at is not None)
    assert not sent.is_published()


def test_another_process_changes_the_devices_of_a_running_broker(broker: EmbeddedBroker, client: Callable[..., Client]) -> None:
    folder = broker.credentials._path.parent
    secret = new_secret()
    embedded_credentials(folder).add("a1", secret)
    assert client(broker.url("a1", secret)).refused is None


def test_a_stale_note_sends_no_signal_to_a_stranger(mosquitto: None, tmp_path: Path) -> None:
    """The note of a broker that crashed may name a process that is now something else."""
    told: list[int] = []
    before = signal.signal(signal.SIGHUP, lambda number, frame: told.append(number))
    try:
        (tmp_path / "broker.json").write_text(json.dumps({"pid": os.getpid(), "port": 1}))
        embedded_credentials(tmp_path).add("a1", new_secret())
    finally:
        signal.signal(signal.SIGHUP, before)
    assert told == []
    assert embedded_credentials(tmp_path).known() == {"a1"}


def test_start_again_on_the_same_folder_goes_on(mosquitto: None, tmp_path: Path, client: Callable[..., Client]) -> None:
    with EmbeddedBroker(tmp_path / "m") as broker:
        secret = new_secret()
        broker.credentials.add("a1", secret)
        ingest = urlsplit(broker.url()).password
    with EmbeddedBroker(tmp_path / "m") as broker:
        assert urlsplit(broker.url()).password == ingest
        assert client(broker.url("a1", secret)).refused is None


@pytest.mark.parametrize(
    "bad", ["", "a/b", "a+b", "a#", "a:b", "a b", "ingest", "theengs", "wardlight-probe", "é", "x" * 65, "a\nb"]
)
def test_an_id_that_is_no_device_id_is_refused(broker: EmbeddedBroker, bad: str) -> None:
    with pytest.raises(CredentialsError):
        broker.credentials.add(bad, "secret")


def test_rotating_a_stranger_says_so(broker: EmbeddedBroker) -> None:
    with pytest.raises(CredentialsError, match="knows no device 'nobody'"):
        broker.credentials.rotate("nobody")


def test_a_broker_that_takes_up_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.probe.WITHIN", 0.2)
    with pytest.raises(CredentialsError, match=r"the broker at 127\.0\.0\.1:1 did not take it up"):
        watched_credentials(tmp_path / "passwords", "mqtt://127.0.0.1:1").add("a1", "secret")


def test_a_broker_elsewhere_is_awaited_until_its_watcher_has_taken_up_the_change(broker: EmbeddedBroker) -> None:
    """A thread plays the watcher that deploy/mosquitto runs beside a broker in another container."""
    shared = broker.credentials._path
    devices = watched_credentials(shared, broker.url())
    seen, stop = shared.read_bytes(), threading.Event()

    def watch() -> None:
        nonlocal seen
        while not stop.wait(0.1):
            if (now := shared.read_bytes()) != seen:
                seen = now
                os.kill(broker.pid or 0, signal.SIGHUP)

    watcher = threading.Thread(target=watch)
    watcher.start()
    secret = new_secret()
    devices.add("a1", secret)
    assert is_let_in("127.0.0.1", broker.port, "a1", secret)
    devices.revoke("a1")
    assert is_let_in("127.0.0.1", broker.port, "a1", secret) is False
    stop.set()
    watcher.join()
