"""What a device says about itself."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.decoded import Unreadable
from devices.state_message import StateMessage, decode_state


def test_online_and_its_last_will() -> None:
    online = decode_state(
        b'{"state":"online","boot":"k3f9","first":1010,"clock":"2026-11-23T13:00:00Z","battery":81,"software":"2.1"}'
    )
    assert online == StateMessage(True, "k3f9", 1010, 1_795_438_800_000_000, 81, "2.1")
    assert decode_state(b'{"state":"offline","boot":"k3f9"}') == StateMessage(False, "k3f9")


def test_broken_parts_are_left_out() -> None:
    payload = b'{"state":"online","boot":7,"first":0,"clock":"noon","battery":300,"software":"a\\u0000"}'
    assert decode_state(payload) == StateMessage(True)


@pytest.mark.parametrize("payload", [b"", b"online", b"[]", b'{"state":"asleep"}', b'{"state":[]}', b"\xff", b"[" * 9999])
def test_what_is_no_state_is_unreadable(payload: bytes) -> None:
    with pytest.raises(Unreadable):
        decode_state(payload)


@given(st.binary(max_size=80))
def test_whatever_the_bytes_only_unreadable_is_raised(payload: bytes) -> None:
    with suppress(Unreadable):
        decode_state(payload)
