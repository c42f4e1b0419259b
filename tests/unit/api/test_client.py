"""Whose address counts: nobody's word is taken but a named proxy's."""

from types import SimpleNamespace

import pytest
from starlette.requests import Request

from api.client import client_address, is_local, trusted_networks
from api.settings import SettingsError


def _request(peer: str, trusted: str = "", **headers: str) -> Request:
    return Request(
        {
            "type": "http",
            "client": (peer, 1234),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
            "app": SimpleNamespace(state=SimpleNamespace(trusted=trusted_networks(trusted))),
        }
    )


@pytest.mark.parametrize(
    ("peer", "trusted", "forwarded", "counts"),
    [
        ("203.0.113.7", "", "198.51.100.1", "203.0.113.7"),
        ("127.0.0.1", "", "198.51.100.1", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "127.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "127.0.0.1, 10.0.0.0/8", "198.51.100.1, 10.0.0.9", "198.51.100.1"),
        ("203.0.113.7", "10.0.0.0/8", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.2", "10.0.0.0/8", "unknown", "unknown"),
    ],
)
def test_the_address_that_counts(peer: str, trusted: str, forwarded: str, counts: str) -> None:
    assert client_address(_request(peer, trusted, x_forwarded_for=forwarded)) == counts


def test_local_means_this_machine_and_no_proxy() -> None:
    assert is_local(_request("127.0.0.1")) and is_local(_request("::1"))
    assert not is_local(_request("203.0.113.7"))
    assert not is_local(_request("testclient"))
    for header in ("forwarded", "x_forwarded_for", "x_real_ip", "via"):
        assert not is_local(_request("127.0.0.1", **{header: "127.0.0.1"}))


def test_a_proxy_that_is_no_address_is_refused_at_the_start() -> None:
    with pytest.raises(SettingsError, match=r"WARDLIGHT_TRUSTED_PROXIES: 'proxy\.local'"):
        trusted_networks("127.0.0.1, proxy.local")
