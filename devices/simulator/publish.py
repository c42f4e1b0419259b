"""Publishing: simulated devices at a real broker, one MQTT connection each, all driven by one loop without threads.

The simulator's edge, and the only module of the devices room that touches paho. A device behaves as docs/mqtt.md asks of a real
one: a persistent session, QoS 1, a last will, and every measurement kept until the application acknowledges it. After an
outage what waited goes out as arrays.
"""

import json
import resource
import selectors
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Self

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from devices.simulator.keeping import Keeping, write_measurement, write_time
from devices.simulator.tally import Tally

_KEEP_ALIVE: Final = 60
#: seconds between two attempts to connect: at first, and at most
_RETRY: Final = (0.5, 30.0)
#: seconds between two rounds of keep-alive, retries and patience
_TICK: Final = 0.25
#: descriptors a connection takes: its socket and paho's pair
_DESCRIPTORS: Final = 3


class Fleet:
    """Simulated devices at one broker. Not for several threads."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
        window: int = 20,
        most: int = 200,
        patience: float = 20.0,
        on_measure: Callable[[str, str], None] | None = None,
    ) -> None:
        """Prepare a fleet without devices.

        `window` is how many messages of a device may wait for the broker's answer, `most` how many measurements one message may
        hold, `patience` after how many seconds without progress a device sends again what the application has not acknowledged;
        `now_us` is the devices' clock; `on_measure(device, vital)` hears that a device was asked to measure.
        """
        #: counts so far
        self.tally = Tally()
        self._where = (host, port)
        self._tls = tls
        self.now_us = now_us
        self.window = window
        self.most = most
        self.patience = patience
        self._on_measure = on_measure
        self._devices: dict[str, _Device] = {}
        self._selector = selectors.DefaultSelector()
        self._next_tick = 0.0
        self._busy: set[_Device] = set()

    def __enter__(self) -> Self:
        """Give the fleet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def add(self, device_id: str, secret: str, boot: str, *, battery: int | None = None, room: int = 100_000) -> None:
        """Add a device; it connects by itself. `boot` names this run of its sequence and must never have been used before."""
        _allow_descriptors((len(self._devices) + 1) * _DESCRIPTORS + 100)
        self._devices[device_id] = _Device(self, device_id, secret, Keeping(boot, room), battery)

    def measure(
        self,
        device_id: str,
        time_us: int | None,
        values: Mapping[str, float | tuple[float | str, str]],
        *,
        user_slot: int | None = None,
        flags: Sequence[str] = (),
        context: Mapping[str, Any] | None = None,
    ) -> int:
        """Let a device measure; it is sent when the device can. Return its sequence number.

        A bare number is in the vital's canonical unit, a pair is (value, unit).
        """
        return self.keep(device_id, write_measurement(time_us, values, user_slot=user_slot, flags=flags, context=context))

    def keep(self, device_id: str, measurement: bytes) -> int:
        """Let a device keep and send what `keeping.write_measurement` wrote; return its sequence number."""
        device = self._devices[device_id]
        lost = device.keeping.lost
        seq = device.keeping.add(measurement)
        self.tally.added += 1
        self.tally.lost += device.keeping.lost - lost
        self._busy.add(device)
        return seq

    def held(self, device_id: str | None = None) -> int:
        """Return how many measurements wait for the application's acknowledgement, of one device or all."""
        if device_id is not None:
            return len(self._devices[device_id].keeping)
        return sum(len(device.keeping) for device in self._devices.values())

    def connected(self) -> int:
        """Return how many devices the broker has let in."""
        return sum(device.is_in for device in self._devices.values())

    def turn(self, timeout: float = 0.05) -> None:
        """Do what is due: connect, send, listen. Returns after `timeout` seconds at the latest; call it again and again."""
        now = time.monotonic()
        if now >= self._next_tick:
            self._next_tick = now + _TICK
            for device in self._devices.values():
                device.tick(now)
        for device in list(self._busy):
            device.send()
        for key, events in self._selector.select(max(0.0, min(timeout, self._next_tick - time.monotonic()))):
            key.data.move(events)

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Turn until `until` holds, or for so many seconds; return whether it held."""
        end = time.monotonic() + seconds
        while not (done := until()) and time.monotonic() < end:
            self.turn()
        return done

    def settle(self, seconds: float) -> bool:
        """Turn until the application has acknowledged everything; return whether it did in time."""
        return self.run(seconds, lambda: not self.held())

    def cut(self, device_id: str) -> None:
        """Break a device's connection without a word, as a lost network does; it connects again by itself."""
        self._devices[device_id].break_off()

    def close(self) -> None:
        """Say goodbye for all devices and close their connections; what they hold is forgotten."""
        for device in self._devices.values():
            device.leave()
        self.run(2.0, lambda: not any(device.is_open for device in self._devices.values()))
        for device in self._devices.values():
            device.break_off()
        self._devices.clear()
        self._selector.close()

    def connect(self, client: Client) -> None:
        """Connect a device's client; raises OSError when nobody answers."""
        client.connect(*self._where, keepalive=_KEEP_ALIVE)

    def client(self, device_id: str) -> Client:
        """Return a client for a device, not connected."""
        client = Client(
            CallbackAPIVersion.VERSION2,
            device_id,
            clean_session=False,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = 5.0
        client.max_inflight_messages_set(self.window)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        return client

    # what the devices of the fleet share

    def watch(self, sock: Any, device: "_Device", events: int) -> None:
        """Wait for these events of a socket; 0 for none any more."""
        known = sock.fileno() in self._selector.get_map()
        if not events:
            if known:
                self._selector.unregister(sock)
        elif known:
            self._selector.modify(sock, events, device)
        else:
            self._selector.register(sock, events, device)

    def idle(self, device: "_Device") -> None:
        """Remember that a device has nothing to send, or cannot."""
        self._busy.discard(device)

    def busy(self, device: "_Device") -> None:
        """Remember that a device may have something to send."""
        self._busy.add(device)

    def asked_to_measure(self, device_id: str, vital: str) -> None:
        """Tell whoever lets this device measure."""
        if self._on_measure is not None:
            self._on_measure(device_id, vital)


class _Device:
    """One device and its connection."""

    def __init__(self, fleet: Fleet, device_id: str, secret: str, keeping: Keeping, battery: int | None) -> None:
        self.keeping = keeping
        self.is_in = False
        self._fleet = fleet
        self._id = device_id
        self._battery = battery
        self._unanswered: set[int] = set()
        self._leaving = False
        self._retry_at = 0.0
        self._retry = _RETRY[0]
        self._progress_at = time.monotonic()
        self._client = client = fleet.client(device_id)
        client.username_pw_set(device_id, secret)
        client.will_set(self._topic("state"), json.dumps({"state": "offline", "boot": keeping.boot}), qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_want_write
        client.on_socket_unregister_write = self._on_want_no_write

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, let in or not."""
        return self._client.socket() is not None

    def tick(self, now: float) -> None:
        """Connect when it is time to, keep the connection alive, lose patience."""
        if not self.is_open:
            if not self._leaving and now >= self._retry_at:
                self._retry_at = now + self._retry
                self._retry = min(self._retry * 2, _RETRY[1])
                try:
                    self._fleet.connect(self._client)
                except OSError:
                    self.break_off()
            return
        self._client.loop_misc()
        if self.is_in and len(self.keeping) and now - self._progress_at > self._fleet.patience:
            self._send_again(1)

    def send(self) -> None:
        """Send what waits, as far as the window allows."""
        while self.is_in and len(self._unanswered) < self._fleet.window:
            waiting = self.keeping.unsent
            message = self.keeping.take(self._fleet.now_us(), self._fleet.most, self._battery)
            if message is None:
                break
            self._fleet.tally.sent += waiting - self.keeping.unsent
            self._unanswered.add(self._client.publish(self._topic("readings"), message, qos=1).mid)
        self._fleet.idle(self)

    def move(self, events: int) -> None:
        """Read and write what the socket is ready for."""
        if events & selectors.EVENT_READ:
            self._client.loop_read()
        if events & selectors.EVENT_WRITE and self.is_open:
            self._client.loop_write()

    def leave(self) -> None:
        """Say that the device goes offline, and disconnect."""
        self._leaving = True
        if self.is_in:
            self._client.publish(
                self._topic("state"), json.dumps({"state": "offline", "boot": self.keeping.boot}), qos=1, retain=True
            )
            self._client.disconnect()

    def break_off(self) -> None:
        """Close the connection without a word."""
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            self._client.loop_read()

    def _topic(self, last: str) -> str:
        return f"wardlight/v1/{self._id}/{last}"

    def _send_again(self, from_seq: int) -> None:
        self.keeping.send_again(from_seq)
        self._progress_at = time.monotonic()
        self._fleet.tally.resends += 1
        self._fleet.busy(self)

    # paho's callbacks; an exception in one would end its loop, so each only notes what happened

    def _on_connect(
        self, client: Client, _data: Any, flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._fleet.tally.refused += 1
            return
        self.is_in = True
        self._retry = _RETRY[0]
        self._fleet.tally.connections += 1
        client.subscribe([(self._topic("ack"), 1), (self._topic("command"), 1)])
        state: dict[str, Any] = {"state": "online", "boot": self.keeping.boot, "first": self.keeping.first}
        state |= {"clock": write_time(self._fleet.now_us()), "software": "simulator"}
        if self._battery is not None:
            state["battery"] = self._battery
        self._unanswered.add(client.publish(self._topic("state"), json.dumps(state), qos=1, retain=True).mid)
        if not flags.session_present:
            self.keeping.send_again()  # the broker has forgotten this device, and perhaps more
        self._progress_at = time.monotonic()
        self._fleet.busy(self)

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, _reason: ReasonCode, _properties: Any
    ) -> None:
        self.is_in = False
        self._retry_at = time.monotonic() + self._retry

    def _on_publish(self, _client: Client, _data: Any, mid: int, _reason: ReasonCode, _properties: Any) -> None:
        self._unanswered.discard(mid)
        self._fleet.busy(self)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        with suppress(ValueError, KeyError, TypeError):  # what cannot be understood is not for us
            said = json.loads(message.payload)
            if message.topic.endswith("/ack"):
                self._on_ack(said["boot"], int(said["seq"]))
            elif said["command"] == "resend" and said["boot"] == self.keeping.boot:
                self._send_again(int(said["from_seq"]))
            elif said["command"] == "measure":
                self._fleet.asked_to_measure(self._id, str(said["vital"]))

    def _on_ack(self, boot: str, seq: int) -> None:
        covered = self.keeping.acknowledge(boot, seq)
        if covered:
            self._fleet.tally.acknowledged += covered
            self._progress_at = time.monotonic()
            self._fleet.busy(self)

    def _on_socket_open(self, _client: Client, _data: Any, sock: Any) -> None:
        self._fleet.watch(sock, self, selectors.EVENT_READ)

    def _on_socket_close(self, _client: Client, _data: Any, sock: Any) -> None:
        self._fleet.watch(sock, self, 0)

    def _on_want_write(self, _client: Client, _data: Any, sock: Any) -> None:
        self._fleet.watch(sock, self, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def _on_want_no_write(self, _client: Client, _data: Any, sock: Any) -> None:
        self._fleet.watch(sock, self, selectors.EVENT_READ)


def ask_for_answer(
    host: str, port: int, device_id: str, secret: str, boot: str, *, tls: ssl.SSLContext | None = None, within: float = 15.0
) -> float | None:
    """Send a measurement without values as this device and wait for the application; return the seconds that took.

    None where no acknowledgement came in time. It lands in quarantine as "no_values", so that no made-up value is ever stored.
    `boot` must never have been used before. Raises ConnectionRefusedError when the broker does not let the device in, OSError
    when nobody answers.
    """
    with socket.create_connection((host, port), timeout=5.0):
        pass
    began = time.monotonic()
    with Fleet(host, port, tls=tls) as fleet:
        fleet.add(device_id, secret, boot)
        fleet.keep(device_id, b'"values":{}')
        done = fleet.run(within, lambda: not fleet.held() or bool(fleet.tally.refused))
        if fleet.tally.refused:
            raise ConnectionRefusedError(f"the broker does not let {device_id} in with this secret")
        return time.monotonic() - began if done else None


def _allow_descriptors(wanted: int) -> None:
    """Let this process open as many sockets as it is allowed to, where it wants more than it may now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        limit = wanted * 2 if hard == resource.RLIM_INFINITY else min(max(wanted * 2, soft), hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
