"""The way from settings to simulated devices at the broker in use: their secrets let in, their connections made."""

import ssl
from collections.abc import Callable, Iterable
from pathlib import Path

from api.commands.device import credentials_of
from api.enrolment import DeviceSecrets
from api.settings import Settings
from devices.simulator.publish import Fleet
from ingest.mqtt import BrokerAddress


def let_in(settings: Settings, devices: Iterable[str]) -> DeviceSecrets:
    """Let made-up devices in at the broker; return their secrets. Devices that it already knows are left alone."""
    secrets = DeviceSecrets.of(settings.data_dir)
    credentials = credentials_of(settings)
    known = credentials.known()
    missing = sorted(set(devices) - known)
    if missing:
        credentials.add_many({device: secrets.of_device(device) for device in missing})
    return secrets


def open_fleet(settings: Settings, *, most: int = 200, on_measure: Callable[[str, str], None] | None = None) -> Fleet:
    """Return a fleet without devices at the broker in use."""
    host, port, tls = broker_of(settings)
    return Fleet(host, port, tls=tls, most=most, on_measure=on_measure)


def broker_of(settings: Settings) -> tuple[str, int, ssl.SSLContext | None]:
    """Return host, port and TLS of the broker in use, for a connection as a device."""
    address = BrokerAddress.parse(settings.mqtt_url, settings.mqtt_ca_file)
    tls = ssl.create_default_context(cafile=settings.mqtt_ca_file or None) if address.tls else None
    return address.host, address.port, tls


def rules_folder(settings: Settings) -> Path | None:
    """Return the folder of rules in use, None for the shipped ones."""
    return Path(settings.rules_dir) if settings.rules_dir else None
