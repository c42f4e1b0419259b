"""Outgoing messages stay within the broker's window, in their order, until each is answered."""

from ingest.frames import FrameReader
from ingest.outgoing import Outgoing, Publication


def _messages(count: int) -> list[Publication]:
    return [Publication(f"wardlight/v1/d{number}/ack", b"x" * number, bool(number % 2)) for number in range(count)]


def _read(frames: bytes) -> list[tuple[str, bytes, bool, int]]:
    return [(one.topic.decode(), one.payload, one.retained, one.mid) for one in FrameReader().feed(frames, 1, 1)]


def test_frames_read_back_as_what_was_sent() -> None:
    outgoing, messages = Outgoing(), _messages(300)
    outgoing.add(messages)
    outgoing.open(1_000)
    read = _read(outgoing.take())
    assert [one[:3] for one in read] == [tuple(one) for one in messages]
    assert len({mid for *_, mid in read}) == 300


def test_the_window_opens_again_with_each_answer() -> None:
    outgoing = Outgoing()
    outgoing.open(20)
    outgoing.add(_messages(50))
    sent = _read(outgoing.take())
    assert len(sent) == 20
    assert not outgoing.take()
    for *_, mid in sent[:5]:
        outgoing.answered(mid)
    assert [topic for topic, *_ in _read(outgoing.take())] == [f"wardlight/v1/d{number}/ack" for number in range(20, 25)]
    assert len(outgoing) == 45


def test_what_was_not_answered_is_sent_again_first() -> None:
    outgoing = Outgoing()
    outgoing.add(_messages(4))
    assert not outgoing.take()
    outgoing.open(3)
    _, second, third = _read(outgoing.take())
    outgoing.answered(second[3])
    outgoing.close()
    assert not outgoing.take()
    outgoing.open(3)
    again = _read(outgoing.take())
    assert [one[1] for one in again] == [b"", third[1], b"xxx"]


def test_numbers_in_use_are_not_given_twice() -> None:
    outgoing = Outgoing()
    outgoing.open(2)
    outgoing.add(_messages(2))
    kept, other = (mid for *_, mid in _read(outgoing.take()))
    outgoing.answered(other)
    seen = set()
    for _ in range(65_000):
        outgoing.add(_messages(1))
        ((*_, mid),) = _read(outgoing.take())
        seen.add(mid)
        outgoing.answered(mid)
    assert kept not in seen
    assert max(seen) <= 65_535
