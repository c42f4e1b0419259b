"""States, packed and unpacked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from alerts.state import (
    FIRING,
    INACTIVE,
    NEVER,
    PENDING,
    Layout,
    States,
    StateUnreadable,
    forget_condition,
    forget_doubt,
    pack,
    unpack,
)
from devices.vitals import VITALS

RULES = 16
MEMORIES = (np.dtype([("day", "<i4"), ("value", "<f4", (3,))]), np.dtype([("at", "<i8")]))
LAYOUT = Layout(RULES, MEMORIES)
TIMES = st.one_of(st.just(NEVER), st.integers(0, 4_000_000_000_000_000))


def stored(states: States) -> list[bytes]:
    """Return the bytes that the database would keep."""
    packed, lengths = pack(states)
    return [one.tobytes()[:length] for one, length in zip(packed, lengths.tolist(), strict=True)]


def assert_same(one: States, other: States) -> None:
    for name in States.__dataclass_fields__:
        mine, theirs = getattr(one, name), getattr(other, name)
        for left, right in zip(mine, theirs, strict=True) if name == "memory" else [(mine, theirs)]:
            np.testing.assert_array_equal(left, right)
            assert left.dtype == right.dtype


@st.composite
def some_states(draw: st.DrawFn) -> States:
    patients = draw(st.integers(1, 5))
    states = States.empty(patients, LAYOUT)
    states.newest[:] = draw(arrays.arrays(np.int64, states.newest.shape, elements=TIMES))
    states.doubted[:] = draw(arrays.arrays(np.int64, states.doubted.shape, elements=TIMES))
    shape = (patients, RULES)
    states.status[:] = draw(arrays.arrays(np.uint8, shape, elements=st.sampled_from([INACTIVE, PENDING, FIRING])))
    since = draw(arrays.arrays(np.int64, shape, elements=st.integers(0, 4_000_000_000_000_000)))
    states.since[:] = np.where(states.status == INACTIVE, NEVER, since)
    states.held[:] = np.where(states.status == INACTIVE, NEVER, since + 1)
    states.streak[:] = np.where(states.status == PENDING, 3, 0)
    states.announced[:] = np.where(states.status == FIRING, 84.5, 0)
    for row in range(patients):
        states.memory[0][row] = draw(st.sampled_from([(0, (0, 0, 0)), (20_000, (81.5, 0, 80))]))
        states.memory[1][row] = (draw(st.sampled_from([0, 1 << 40])),)
    return states


@given(some_states())
def test_what_was_packed_comes_back(states: States) -> None:
    assert_same(unpack(stored(states), LAYOUT), states)


@given(some_states(), st.integers(0, 4))
def test_bytes_do_not_depend_on_the_company(states: States, row: int) -> None:
    row = min(row, len(states) - 1)
    assert stored(states)[row] == stored(states.take(np.array([row])))[0]


def test_a_usual_patient_is_small_and_an_unknown_one_is_nothing() -> None:
    states = States.empty(1, LAYOUT)
    states.newest[0, :6] = 1_795_420_800_000_000
    assert len(stored(states)[0]) == 59
    states.status[0, :3], states.since[0, :3] = FIRING, 1
    assert len(stored(states)[0]) <= 130
    assert unpack([b"", stored(states)[0]], LAYOUT).status[0].tolist() == [INACTIVE] * RULES


@pytest.mark.parametrize(
    "damage", [b"\x02", b"\x01" + b"\0" * 10, b"\x02\x09" + b"\0" * 9, b"\x02\0\x01" + b"\0" * 8 + b"\x07"]
)
def test_damaged_bytes_are_refused(damage: bytes) -> None:
    with pytest.raises(StateUnreadable):
        unpack([damage], LAYOUT)


def test_a_rule_or_signal_beyond_the_rule_set_is_refused() -> None:
    states = States.empty(1, LAYOUT)
    states.status[0, RULES - 1], states.since[0, RULES - 1] = FIRING, 1
    states.memory[1]["at"] = 5
    with pytest.raises(StateUnreadable):
        unpack(stored(states), Layout(RULES - 1, MEMORIES))
    with pytest.raises(StateUnreadable):
        unpack(stored(states), Layout(RULES, MEMORIES[:1]))


@given(some_states(), st.integers(0, RULES - 1), st.integers(0, len(VITALS) - 1))
def test_a_condition_or_a_doubt_is_forgotten_in_the_packed_state(states: States, rule: int, vital: int) -> None:
    (packed,) = stored(states.take(np.array([0])))
    expected = states.take(np.array([0]))
    expected.status[0, rule], expected.streak[0, rule], expected.announced[0, rule] = INACTIVE, 0, 0
    expected.since[0, rule] = expected.held[0, rule] = NEVER
    expected.newest[0, vital] = max(expected.newest[0, vital], expected.doubted[0, vital])
    expected.doubted[0, vital] = NEVER
    assert_same(unpack([forget_doubt(forget_condition(packed, rule), vital)], LAYOUT), expected)
