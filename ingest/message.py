"""What arrives: one MQTT message as the network thread hands it on, before anybody has looked inside."""

from msgspec import Struct


class Message(Struct, frozen=True, gc=False):
    """One PUBLISH as received; a struct without garbage tracking, since tens of thousands may wait at a time."""

    #: which connection it came over; an acknowledgement of an older one is dropped
    epoch: int
    #: packet identifier, 0 for QoS 0
    mid: int
    #: as sent, not decoded
    topic: bytes
    #: as sent
    payload: bytes
    #: whether the broker kept it from before we subscribed
    retained: bool
    #: arrival, microseconds since 1970 UTC
    received: int
