"""Sequences against the plainest model there is: a set of numbers."""

from hypothesis import given
from hypothesis import strategies as st

from devices.sequence import MOST_RANGES, Sequence

_STEPS = st.lists(
    st.one_of(st.integers(1, 40).map(lambda n: ("take", n)), st.integers(1, 45).map(lambda n: ("give up", n))), max_size=80
)


@given(_STEPS)
def test_i2_a_number_is_fresh_once_whatever_the_order(steps: list[tuple[str, int]]) -> None:
    sequence, taken, settled_below = Sequence(), set[int](), 1
    for verb, number in steps:
        if verb == "take":
            assert sequence.take(number) == (number not in taken)
            taken.add(number)
        else:
            sequence.give_up(number)
            settled_below = max(settled_below, number)
        high = settled_below - 1
        while high + 1 in taken:
            high += 1
        assert sequence.high == high
    held = {n for start, end in zip(sequence.above[::2], sequence.above[1::2], strict=True) for n in range(start, end + 1)}
    assert held == {n for n in taken if n > sequence.high}
    lost = {n for start, end in sequence.given_up for n in range(start, end + 1)}
    assert lost == set(range(1, sequence.high + 1)) - taken


def test_a_number_given_up_in_an_earlier_life_is_still_fresh_once() -> None:
    sequence = Sequence(high=20, gaps=[(5, 9)])
    assert sequence.take(7)
    assert not sequence.take(7)
    assert not sequence.take(4)
    assert sequence.filled
    assert sequence.gaps == [(5, 6), (8, 9)]


def test_holes_without_end_are_given_up_oldest_first() -> None:
    sequence = Sequence()
    for number in range(2, 2 * MOST_RANGES + 4, 2):
        assert sequence.take(number)
    assert sequence.given_up == [(1, 1)]
    assert sequence.high == 2
    assert len(sequence.above) == 2 * MOST_RANGES
