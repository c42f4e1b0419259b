"""Where a request comes from: the address that throttling counts and that /metrics may trust.

A forwarding header is believed only from a proxy that the operator named; without one, it merely shows that the request was
forwarded, which makes it anything but local.
"""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from fastapi import Request

FORWARDING: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def client_address(request: Request) -> str:
    """Return the address of the client: the last one in X-Forwarded-For that no trusted proxy has."""
    trusted = [ip_network(text.strip()) for text in request.app.state.settings.trusted_proxies.split(",") if text.strip()]
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


def _is_in(address: str, networks: list[IPv4Network | IPv6Network]) -> bool:
    try:
        return any(ip_address(address) in network for network in networks)
    except ValueError:
        return False
