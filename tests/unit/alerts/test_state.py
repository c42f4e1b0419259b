"""States, packed and unpacked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from alerts.state import FIRING, INACTIVE, NEVER, PENDING, States, StateUnreadable, pack, unpack
from devices.vitals import VITALS

RULES = 16
TIMES = st.one_of(st.just(NEVER), st.integers(0, 4_000_000_000_000_000))


def stored(states: States) -> list[bytes]:
    """Return the bytes that the database would keep."""
    packed, lengths = pack(states)
    return [one.tobytes()[:length] for one, length in zip(packed, lengths.tolist(), strict=True)]


@st.composite
def some_states(draw: st.DrawFn) -> States:
    patients = draw(st.integers(1, 5))
    status = draw(arrays.arrays(np.uint8, (patients, RULES), elements=st.sampled_from([INACTIVE, PENDING, FIRING])))
    since = draw(arrays.arrays(np.int64, (patients, RULES), elements=st.integers(0, 4_000_000_000_000_000)))
    return States(
        newest=draw(arrays.arrays(np.int64, (patients, len(VITALS)), elements=TIMES)),
        doubted=draw(arrays.arrays(np.int64, (patients, len(VITALS)), elements=TIMES)),
        status=status,
        streak=np.where(status == PENDING, 3, 0).astype(np.uint8),
        since=np.where(status == INACTIVE, NEVER, since),
    )


@given(some_states())
def test_what_was_packed_comes_back(states: States) -> None:
    back = unpack(stored(states), RULES)
    for name in States.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(back, name), getattr(states, name))
        assert getattr(back, name).dtype == getattr(states, name).dtype


@given(some_states(), st.integers(0, 4))
def test_bytes_do_not_depend_on_the_company(states: States, row: int) -> None:
    row = min(row, len(states) - 1)
    assert stored(states)[row] == stored(states.take(np.array([row])))[0]


def test_a_usual_patient_is_small_and_an_unknown_one_is_nothing() -> None:
    states = States.empty(1, RULES)
    states.newest[0, :6] = 1_795_420_800_000_000
    assert len(stored(states)[0]) == 58
    states.status[:], states.since[:] = FIRING, 1
    assert len(stored(states)[0]) <= 270
    assert unpack([b"", stored(states)[0]], RULES).status[0].tolist() == [INACTIVE] * RULES


@pytest.mark.parametrize("damage", [b"\x01", b"\x02" + b"\0" * 9, b"\x01\x09" + b"\0" * 8])
def test_damaged_bytes_are_refused(damage: bytes) -> None:
    with pytest.raises(StateUnreadable):
        unpack([damage], RULES)


def test_a_rule_beyond_the_rule_set_is_refused() -> None:
    states = States.empty(1, RULES)
    states.status[0, RULES - 1], states.since[0, RULES - 1] = FIRING, 1
    with pytest.raises(StateUnreadable):
        unpack(stored(states), RULES - 1)
