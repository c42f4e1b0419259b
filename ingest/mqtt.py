"""The MQTT edge: the only place of the ingest path that touches paho.

Receives into the inbox and sends acknowledgements when told to; decides nothing and opens no transaction. Nothing here is
acknowledged by itself: QoS 1 with manual ack, a session that the broker keeps, and an epoch that counts connections, so that
an acknowledgement never reaches another connection than the one its message came over (packet identifiers are reused).
"""

import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import numpy as np
import paho.mqtt
import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.frames import FrameReader, MalformedStream
from ingest.inbox import Inbox
from ingest.message import Message
from ingest.outgoing import Outgoing, Publication

log = structlog.get_logger()

#: client id of the one active ingest; a persistent session belongs to it
CLIENT_ID: Final = "wardlight-ingest"
TOPICS: Final = ("wardlight/v1/+/readings", "wardlight/v1/+/state", "home/+/BTtoMQTT/#")
#: messages the broker may send ahead of our acknowledgements, and that wait here at most; must exceed the largest batch
WINDOW: Final = 20_000
#: seconds the broker keeps our session and its queue while we are away
SESSION_EXPIRY: Final = 7 * 24 * 3600
#: seconds that what has begun to arrive is given company, so that a steady stream of single messages is read in pieces
_GATHER: Final = 0.001
_READ_SIZE: Final = 1 << 18
#: seconds to wait for room in the inbox before looking after the connection in between
_ROOM_SECONDS: Final = 0.1
#: what a broker takes ahead of its answers if it says nothing (OASIS MQTT 5.0 §3.2.2.3.3)
_NO_MAXIMUM: Final = 65_535
#: reason codes from here on are refusals (OASIS MQTT 5.0 §2.4)
_REFUSED: Final = 0x80
_PINNED: Final = "2.2.0"
_INTERNALS: Final = ("_packet_read", "_packet_handle", "_packet_queue", "_sock_recv", "_in_packet", "_last_bytes_received")


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker is and who we are there; made from a URL such as mqtts://user:password@host:8883."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool
    ca_file: str | None = None

    @classmethod
    def parse(cls, url: str, ca_file: str = "") -> "BrokerAddress":
        """Raise ValueError naming what is wrong with the URL, never its password."""
        parts = urlsplit(url)
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
            raise ValueError("the broker URL must look like mqtt://user:password@host:1883 or mqtts://…:8883")
        tls = parts.scheme == "mqtts"
        return cls(
            host=parts.hostname,
            port=parts.port or (8883 if tls else 1883),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls=tls,
            ca_file=ca_file or None,
        )


class Subscriber:
    """A persistent subscription that fills an inbox; one per process."""

    def __init__(
        self, address: BrokerAddress, inbox: Inbox, on_session: Callable[[bool], None], *, reader: str = "bulk"
    ) -> None:
        """Prepare it; `on_session` hears on every connection whether the broker still had our session."""
        self._inbox = inbox
        self._address = address
        bulk = reader == "bulk" and _bulk_reader_fits()
        self.client = _BulkClient(CLIENT_ID, inbox) if bulk else _EpochClient(CLIENT_ID)
        client = self.client
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.manual_ack_set(True)
        client.max_inflight_messages_set(WINDOW)
        client.reconnect_delay_set(min_delay=1, max_delay=15)
        if address.username:
            client.username_pw_set(address.username, address.password)
        if address.tls:
            client.tls_set(ca_certs=address.ca_file, tls_version=ssl.PROTOCOL_TLS_CLIENT)
        #: set once the broker has confirmed the subscriptions of this connection
        self.subscribed = threading.Event()
        self._on_session = on_session

    @property
    def epoch(self) -> int:
        """Number of the current connection."""
        return self.client.epoch

    def start(self) -> None:
        """Connect and keep connected, in a thread of paho's; raises OSError when the first connection fails."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY
        properties.ReceiveMaximum = WINDOW
        self.client.connect(self._address.host, self._address.port, keepalive=30, clean_start=False, properties=properties)
        self.client.loop_start()

    def stop(self) -> None:
        """Disconnect, keep the session at the broker, and forget what was not committed."""
        self.subscribed.clear()
        self.client.disconnect()
        self.client.loop_stop()
        self._inbox.clear()

    def is_alive(self) -> bool:
        """Whether the network thread runs: a dead one looks connected for ever."""
        return self.client.is_network_alive()

    def acknowledge(self, messages: Iterable[Message]) -> None:
        """Acknowledge committed messages in their order of arrival; those of an older connection are dropped."""
        self.client.acknowledge(messages)

    def publish(self, publications: Iterable[Publication]) -> None:
        """Send at QoS 1 without waiting; what the broker has not answered when a connection ends is sent again on the next."""
        self.client.send(publications)

    def _on_message(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        now = time.time_ns() // 1000
        # `message.topic` decodes and may raise, which would kill the network thread
        topic = message._topic  # noqa: SLF001
        self._inbox.put([Message(self.client.epoch, message.mid, topic, bytes(message.payload), message.retain, now)])

    def _on_connect(self, client: Client, userdata: Any, flags: ConnectFlags, reason: ReasonCode, properties: Any) -> None:
        if reason.is_failure:
            log.error("broker_refused", reason=str(reason))
            return
        log.info("broker_connected", session_present=flags.session_present, epoch=self.epoch)
        self.client.open(getattr(properties, "ReceiveMaximum", _NO_MAXIMUM))
        # retained state is wanted once for a new subscription; retained readings of a known session were seen before
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        client.subscribe([(topic, options) for topic in TOPICS])
        try:
            self._on_session(flags.session_present)
        except Exception:  # an exception here would kill the network thread while it still looks connected
            log.exception("session_callback_failed")

    def _on_disconnect(
        self, client: Client, userdata: Any, flags: DisconnectFlags, reason: ReasonCode, properties: Any
    ) -> None:
        self.subscribed.clear()
        self._inbox.clear()
        log.info("broker_disconnected", reason=str(reason))

    def _on_subscribe(self, client: Client, userdata: Any, mid: int, reasons: Sequence[ReasonCode], properties: Any) -> None:
        refused = [topic for topic, reason in zip(TOPICS, reasons, strict=False) if reason.is_failure]
        if refused:
            log.error("subscription_refused", topics=refused)
        if TOPICS[0] not in refused:
            self.subscribed.set()


def _bulk_reader_fits() -> bool:
    """Whether this is the paho whose internals the fast reader knows; otherwise its public callbacks are used."""
    probe = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    missing = [name for name in _INTERNALS if not hasattr(probe, name)]
    if paho.mqtt.__version__ != _PINNED or missing:
        log.warning("bulk_reader_off", paho=paho.mqtt.__version__, known=_PINNED, missing=missing)
        return False
    return True


class _EpochClient(Client):
    """paho that counts its connections and acknowledges only what came over the current one."""

    def __init__(self, client_id: str) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5)
        self.epoch = 0
        # held while acknowledgements are queued, so that none slips into the connection after the one it is for
        self._turn = threading.Lock()

    def reconnect(self) -> MQTTErrorCode:
        with self._turn:
            self.epoch += 1
            self._forget_partial()
        return super().reconnect()

    def is_network_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def acknowledge(self, messages: Iterable[Message]) -> None:
        with self._turn:
            for message in messages:
                if message.mid and message.epoch == self.epoch:
                    self.ack(message.mid, 1)

    def send(self, publications: Iterable[Publication]) -> None:
        for topic, payload, retain in publications:
            self.publish(topic, payload, qos=1, retain=retain)

    def open(self, room: int) -> None:
        """Begin to send on a connection that takes so many messages ahead of its answers."""

    def _forget_partial(self) -> None:
        """Drop what belonged to the connection before."""


class _BulkClient(_EpochClient):
    """paho that reads its socket in large pieces, and joins acknowledgements and what else it sends into one write.

    Stock paho 2.2 costs four `recv` and a `select` a message, one `send` an acknowledgement, and for each message that we
    publish more than decoding ten.
    """

    def __init__(self, client_id: str, inbox: Inbox) -> None:
        super().__init__(client_id)
        self._inbox = inbox
        self._frames = FrameReader()
        self._outgoing = Outgoing()

    def _forget_partial(self) -> None:
        self._frames = FrameReader()
        self._outgoing.close()

    def send(self, publications: Iterable[Publication]) -> None:
        with self._turn:
            self._outgoing.add(publications)
            self._send_waiting()

    def open(self, room: int) -> None:
        with self._turn:
            self._outgoing.open(room)
            self._send_waiting()

    def _send_waiting(self) -> None:
        if frames := self._outgoing.take():
            self._packet_queue(0x32, frames, 0, 1)

    def _take_answers(self, answers: list[bytes]) -> None:
        with self._turn:
            for body in answers:
                self._outgoing.answered(body[0] << 8 | body[1])
                if len(body) > 2 and body[2] >= _REFUSED:
                    log.error("publication_refused", reason=body[2])
            self._send_waiting()

    def _packet_read(self) -> MQTTErrorCode:
        if not self._inbox.await_room(WINDOW, _ROOM_SECONDS):
            return MQTTErrorCode.MQTT_ERR_AGAIN  # what is not read stays with the broker
        time.sleep(_GATHER)
        try:
            data = self._sock_recv(_READ_SIZE)
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_AGAIN
        except OSError:
            return MQTTErrorCode.MQTT_ERR_CONN_LOST
        return self._take(data) if data else MQTTErrorCode.MQTT_ERR_CONN_LOST

    def _take(self, data: bytes) -> MQTTErrorCode:
        """Hand on what has arrived."""
        with self._msgtime_mutex:
            self._last_bytes_received = time.monotonic()
        try:
            messages = self._frames.feed(data, self.epoch, time.time_ns() // 1000)
            if self._frames.answers:
                self._take_answers(self._frames.answers)
        except (MalformedStream, IndexError):
            log.exception("mqtt_stream_malformed")
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        handed = 0
        for first, body, before in self._frames.others:
            self._inbox.put(messages[handed:before])
            handed = before
            if (failure := self._handle_packet(first, body)) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return failure
        if handed < len(messages):
            self._inbox.put(messages[handed:])
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_packet(self, first: int, body: bytes) -> MQTTErrorCode:
        """Let paho handle a packet that is no PUBLISH, exactly as if it had read it itself."""
        packet = self._in_packet
        packet["command"], packet["packet"], packet["remaining_length"], packet["pos"] = first, bytearray(body), len(body), 0
        try:
            return self._packet_handle()
        finally:
            packet["command"], packet["packet"], packet["remaining_length"], packet["pos"] = 0, bytearray(), 0, 0

    def acknowledge(self, messages: Iterable[Message]) -> None:
        with self._turn:
            mids = [message.mid for message in messages if message.mid and message.epoch == self.epoch]
            if not mids:
                return
            pubacks = np.empty(len(mids), [("header", ">u2"), ("mid", ">u2")])
            pubacks["header"] = struct.unpack(">H", b"\x40\x02")[0]
            pubacks["mid"] = mids
            self._packet_queue(0x40, pubacks.tobytes(), 0, 1)
