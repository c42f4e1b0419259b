"""Column-wise placing in time agrees with the one clock rule, measurement by measurement."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.clock import correct
from devices.columns import Columns
from devices.decoded import Decoded
from ingest.times import place_in_time

_NOW = 1_795_000_000_000_000
_HOUR = 3_600_000_000
_MOMENT = st.one_of(
    st.none(),
    st.integers(_NOW - 100 * _HOUR, _NOW + 100 * _HOUR),
    st.sampled_from([0, 1, _NOW, _NOW + 1, 1_420_070_400_000_000]),
)


@given(st.lists(st.tuples(_MOMENT, _MOMENT, st.booleans()), min_size=1, max_size=20))
def test_every_row_is_placed_as_the_clock_rule_says(rows: list[tuple[int | None, int | None, bool]]) -> None:
    measurements = [
        Decoded([], [], boot="b" if sequenced else None, seq=1 if sequenced else None, time=time, clock=clock)
        for time, clock, sequenced in rows
    ]
    placed = place_in_time(Columns.of(measurements), np.full(len(rows), _NOW, np.int64), np.zeros(len(rows), bool))
    for row, (time, clock, sequenced) in enumerate(rows):
        expected = correct(time, clock, _NOW, sequenced)
        assert (placed.device_time[row], placed.measured_at[row]) == (expected.device_time, expected.measured_at)
        assert placed.flags.get(row, ()) == expected.flags
        assert placed.impossible.get(row) == expected.impossible


def test_a_kept_message_without_a_time_has_no_place() -> None:
    placed = place_in_time(Columns.of([Decoded([], [])] * 2), np.full(2, _NOW, np.int64), np.array([True, False]))
    assert list(placed.impossible) == [0]
