"""The inbox hands on in order, waits no longer than told, and tells its filler when there is room."""

import threading
import time

from ingest.inbox import Inbox
from ingest.message import Message


def _message(number: int) -> Message:
    return Message(1, number, b"t", b"", False, 0)


def test_messages_leave_in_their_order_and_no_more_than_wanted() -> None:
    inbox = Inbox()
    inbox.put(_message(number) for number in range(1, 6))
    assert [one.mid for one in inbox.take(3, 0.0)] == [1, 2, 3]
    assert [one.mid for one in inbox.take(3, 0.0)] == [4, 5]
    assert inbox.take(3, 0.0) == []


def test_whoever_fills_it_waits_for_room() -> None:
    inbox = Inbox()
    inbox.put(_message(number) for number in range(4))
    assert inbox.await_room(5, 0.0)
    assert not inbox.await_room(4, 0.01)
    taker = threading.Timer(0.05, lambda: inbox.take(1, 0.0))
    taker.start()
    began = time.monotonic()
    assert inbox.await_room(4, 5.0)
    assert time.monotonic() - began < 4.0
    taker.join()


def test_what_the_broker_sends_again_is_forgotten_and_the_rest_kept() -> None:
    inbox = Inbox()
    inbox.put([_message(7), _message(0), _message(8)])
    inbox.clear()
    assert [one.mid for one in inbox.take(9, 0.0)] == [0]


def test_after_waking_nobody_waits() -> None:
    inbox = Inbox()
    inbox.put([_message(1), _message(2)])
    inbox.wake()
    assert inbox.await_room(1, 60.0)
    assert len(inbox.take(9, 60.0, 60.0)) == 2
    assert inbox.take(9, 60.0) == []
