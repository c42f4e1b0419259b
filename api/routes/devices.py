"""Devices: added with a secret that is shown once, scheduled, given another secret, revoked.

The broker is told outside of any transaction (I4): the row is committed first, and every call can be repeated.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from api.access import SignedIn, record
from api.documented import DeviceId, Text, Word, problems
from api.outside import OUTSIDE
from api.problems import Problem, not_found
from api.transaction import Now, Transaction
from devices import queries
from devices.codecs import CODECS
from devices.device import Device, DeviceExists
from ingest.credentials import Credentials, CredentialsError, new_secret

router = APIRouter(prefix="/devices", tags=["devices"])

DeviceOut = Annotated[Device, OUTSIDE]
#: codecs whose devices speak to the broker themselves; others are heard through a gateway, which has the credential
OWN_CREDENTIAL = frozenset({"native"})


def _check_codec(name: str) -> str:
    if name not in CODECS:
        raise ValueError(f"this is no codec; there are {', '.join(sorted(CODECS))}")
    return name


def _check_schedule(every: timedelta) -> timedelta:
    if not timedelta(minutes=1) <= every <= timedelta(days=366):
        raise ValueError("a schedule lies between one minute and 366 days")
    return every


Schedule = Annotated[timedelta, AfterValidator(_check_schedule)]


class NewDevice(BaseModel):
    """A device to add."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"public_id": "scale-7f3a", "kind": "scale", "model": "ExampleScale 2", "expected_every": "P1D"}
        },
    )
    public_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")] | None = Field(
        None, description="its user name and client id at the broker; left out, one is made up"
    )
    kind: Word = Field(description="what it is, in a word: cuff, scale, oximeter, gateway")
    model: Text = ""
    codec: Annotated[Word, AfterValidator(_check_codec)] = "native"
    expected_every: Schedule | None = Field(None, description="how often a reading is due; left out, it is never called silent")


class DeviceChange(BaseModel):
    """A device's schedule."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"expected_every": "PT12H"}})
    expected_every: Schedule | None = Field(description="how often a reading is due; null, it is never called silent")


class Through(BaseModel):
    """The gateway that a device is heard through."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"gateway": "hub-2f"}})
    gateway: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")] | None = Field(
        description="id of the gateway; null, it is heard by itself"
    )


@dataclass(frozen=True, slots=True)
class Equipped:
    """A device with the secret to put into it."""

    #: what it is
    device: DeviceOut
    #: password at the broker, shown this once; null for what is heard through a gateway
    secret: str | None


@router.get("", responses=problems())
def list_devices(
    who: SignedIn,
    conn: Transaction,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> list[DeviceOut]:
    """List devices by their id, revoked ones too."""
    return queries.list_devices(conn, limit=limit, offset=offset)


@router.get("/{device_id}", responses=problems(404))
def get_device(device_id: DeviceId, who: SignedIn, conn: Transaction) -> DeviceOut:
    """Return one device and how it is."""
    return _load(conn, device_id)


@router.post("", status_code=201, responses=problems(409))
def add_device(request: Request, body: NewDevice, who: SignedIn, conn: Transaction, now: Now) -> Equipped:
    """Add a device. The secret in the answer is shown this once; the device signs in to the broker with it."""
    public_id = body.public_id or f"{body.kind[:40]}-{secrets.token_hex(4)}"
    try:
        device = queries.add_device(
            conn, public_id, body.kind, model=body.model, codec=body.codec, expected_every=body.expected_every, now=now
        )
    except DeviceExists:
        raise Problem(409, "device_exists", "there is a device of this id already; choose another") from None
    record(conn, who, "add_device", f"device/{public_id}", now)
    if body.codec not in OWN_CREDENTIAL:
        return Equipped(device, None)
    secret = new_secret()
    _tell_broker(request, conn, lambda broker: broker.add(public_id, secret))
    return Equipped(device, secret)


@router.patch("/{device_id}", responses=problems(404))
def schedule_device(device_id: DeviceId, body: DeviceChange, who: SignedIn, conn: Transaction, now: Now) -> DeviceOut:
    """Say how often readings of a device are due."""
    _load(conn, device_id)
    device = queries.schedule_device(conn, device_id, body.expected_every)
    record(conn, who, "schedule_device", f"device/{device_id}", now)
    return device


@router.post("/{device_id}/gateway", responses=problems(404, 409))
def set_gateway(device_id: DeviceId, body: Through, who: SignedIn, conn: Transaction, now: Now) -> DeviceOut:
    """Say which gateway a device is heard through: that one's silence explains the device's, and never the other way round."""
    device = _load(conn, device_id)
    gateway = None if body.gateway is None else queries.find_device(conn, body.gateway)
    if body.gateway is not None and (gateway is None or gateway.id == device.id):
        raise Problem(409, "unknown_gateway", "there is no other device of this id; add the gateway first")
    queries.set_gateway(conn, device.id, gateway.id if gateway else None)
    record(conn, who, "set_gateway", f"device/{device_id}", now, gateway=body.gateway or "")
    return _load(conn, device_id)


@router.post("/{device_id}/secret", responses=problems(404, 409))
def renew_secret(request: Request, device_id: DeviceId, who: SignedIn, conn: Transaction, now: Now) -> Equipped:
    """Give a device another secret, shown this once; the one it had stops working and its connection is cut."""
    device = _load(conn, device_id)
    if device.revoked_at is not None or device.codec not in OWN_CREDENTIAL:
        raise Problem(409, "no_credential", "this device is revoked, or heard through a gateway that has the credential")
    record(conn, who, "renew_secret", f"device/{device_id}", now)
    secret = new_secret()
    _tell_broker(request, conn, lambda broker: broker.add(device_id, secret))
    return Equipped(device, secret)


@router.post("/{device_id}/revoke", responses=problems(404))
def revoke_device(request: Request, device_id: DeviceId, who: SignedIn, conn: Transaction, now: Now) -> DeviceOut:
    """Take nothing more from a device: its secret stops working and its connection is cut. May be repeated."""
    _load(conn, device_id)
    device = queries.revoke_device(conn, device_id, now)
    record(conn, who, "revoke_device", f"device/{device_id}", now)
    if device.codec in OWN_CREDENTIAL:
        _tell_broker(request, conn, lambda broker: broker.revoke(device_id))
    return device


def _load(conn: Transaction, public_id: str) -> Device:
    if (device := queries.find_device(conn, public_id)) is None:
        raise not_found("device")
    return device


def _tell_broker(request: Request, conn: Transaction, tell: Callable[[Credentials], Any]) -> None:
    broker: Credentials | None = request.app.state.credentials
    if broker is None:
        raise Problem(
            503, "no_broker", "this server manages no broker; an operator runs it beside one", headers={"Retry-After": "60"}
        )
    conn.commit()  # what the broker is told must be true, and no network call happens inside a transaction
    try:
        tell(broker)
    except (CredentialsError, OSError):
        raise Problem(
            503,
            "broker_unavailable",
            "the device is written down, but the broker did not answer; ask for a new secret, or revoke again, in a moment",
            headers={"Retry-After": "10"},
        ) from None
