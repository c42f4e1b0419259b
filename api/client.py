"""Where a request comes from: the address that throttling counts and that /metrics may trust.

A forwarding header is believed only from a proxy that the operator named; without one, it merely shows that the request was
forwarded, which makes it anything but local.
"""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from fastapi import Request

from api.settings import SettingsError

FORWARDING: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")

Networks = tuple[IPv4Network | IPv6Network, ...]


def trusted_networks(text: str, name: str = "WARDLIGHT_TRUSTED_PROXIES") -> Networks:
    """Return the networks that a setting names. Raises SettingsError.

    >>> trusted_networks("127.0.0.1, 10.0.0.0/8")
    (IPv4Network('127.0.0.1/32'), IPv4Network('10.0.0.0/8'))
    """
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise SettingsError(
            f"{name}: {error}; write addresses or networks with commas between: 127.0.0.1, 10.0.0.0/8"
        ) from None


def client_address(request: Request) -> str:
    """Return the address of the client: the last one in X-Forwarded-For that no trusted proxy has."""
    trusted: Networks = request.app.state.trusted
    address = request.client.host if request.client else ""
    hops = [hop.strip() for line in request.headers.getlist("x-forwarded-for") for hop in line.split(",")]
    while hops and _is_in(address, trusted):
        address = hops.pop()
    return address


def is_local(request: Request) -> bool:
    """Tell whether the request was made on this very machine, by no proxy's hand."""
    if any(name in request.headers for name in FORWARDING):
        return False
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _is_in(address: str, networks: Networks) -> bool:
    try:
        return any(ip_address(address) in network for network in networks)
    except ValueError:
        return False
