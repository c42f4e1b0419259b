"""Whose measurement it is, by device, slot and time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.attribution import Attribution
from devices.batch import NO_SLOT, NOBODY

ANNA, BERT = 11, 12


def attribution(*rows: tuple[int, int, int, int, int]) -> Attribution:
    """Rows of (device, slot, patient, start, end)."""
    table = np.array(rows, np.int64).reshape(-1, 5)
    return Attribution.of(*(table[:, column] for column in range(5)))


def whose(found: Attribution, device: int, slot: int, moment: int) -> int:
    return int(found.patients(np.array([device], np.int32), np.array([slot], np.int16), np.array([moment], np.int64))[0])


def test_an_assignment_holds_from_its_start_until_before_its_end() -> None:
    one = attribution((1, NO_SLOT, ANNA, 100, 200))
    assert [whose(one, 1, NO_SLOT, moment) for moment in (99, 100, 199, 200)] == [NOBODY, ANNA, ANNA, NOBODY]
    assert whose(one, 2, NO_SLOT, 150) == NOBODY


def test_a_device_passed_on_belongs_to_each_in_turn() -> None:
    passed_on = attribution((1, NO_SLOT, BERT, 200, 900), (1, NO_SLOT, ANNA, 100, 200))
    assert [whose(passed_on, 1, NO_SLOT, moment) for moment in (150, 200, 899)] == [ANNA, BERT, BERT]


def test_slots_of_a_shared_device_are_kept_apart_and_a_guest_is_nobody() -> None:
    shared = attribution((1, 1, ANNA, 0, 900), (1, 2, BERT, 0, 900))
    assert [whose(shared, 1, slot, 5) for slot in (1, 2, 3, NO_SLOT)] == [ANNA, BERT, NOBODY, NOBODY]


def test_an_assignment_without_a_slot_takes_any_slot_only_while_no_slot_is_assigned() -> None:
    mixed = attribution((1, NO_SLOT, ANNA, 0, 900), (1, 2, BERT, 500, 900))
    assert [whose(mixed, 1, slot, 100) for slot in (0, 1, 2, 99, NO_SLOT)] == [ANNA] * 5
    assert [whose(mixed, 1, slot, 600) for slot in (1, 2, NO_SLOT)] == [NOBODY, BERT, ANNA]


def test_nothing_is_assigned() -> None:
    assert whose(attribution(), 1, 1, 5) == NOBODY
    assert len(attribution().patients(np.zeros(0, np.int32), np.zeros(0, np.int16), np.zeros(0, np.int64))) == 0


_assignment = st.tuples(st.integers(1, 3), st.integers(-1, 2), st.integers(1, 9), st.integers(0, 50), st.integers(1, 30))
_reading = st.tuples(st.integers(1, 4), st.integers(-1, 3), st.integers(0, 90))


@given(st.lists(_assignment, max_size=12), st.lists(_reading, max_size=20))
def test_all_at_once_is_the_same_as_one_by_one_in_words(
    drawn: list[tuple[int, ...]], readings: list[tuple[int, int, int]]
) -> None:
    kept: list[tuple[int, int, int, int, int]] = []
    for device, slot, patient, start, length in drawn:
        if not any(d == device and s == slot and start < e and b < start + length for d, s, _, b, e in kept):
            kept.append((device, slot, patient, start, start + length))
    found = attribution(*kept)
    columns = np.array(readings, np.int64).reshape(-1, 3)
    together = found.patients(columns[:, 0], columns[:, 1], columns[:, 2]).tolist()
    for (device, slot, moment), answer in zip(readings, together, strict=True):
        now = {s: patient for d, s, patient, start, end in kept if d == device and start <= moment < end}
        slotted = any(s != NO_SLOT for s in now)
        expected = now.get(slot, NOBODY if slotted else now.get(NO_SLOT, NOBODY))
        assert answer == expected
