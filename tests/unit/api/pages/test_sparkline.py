"""What a sparkline shows, and what it says to who cannot see it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from api.pages.sparkline import HEIGHT, WIDTH, Limit, draw

NOW = 1_795_000_000.0


def test_marks_what_is_beyond_and_tells_the_story() -> None:
    at = [NOW - 86400 * day for day in (3, 2, 1, 0)]
    line = draw(at, [92, 91, 90, 85], [Limit("<", 88)], NOW, "Oxygen saturation", "%", 0)
    assert len(line.marks) == 1
    assert line.marks[0] == line.newest
    assert line.limits and line.band is not None and line.band[0] == 0
    assert line.label == "Oxygen saturation, 3 days: 85 to 92 %, newest 85; 1 of 4 beyond the limit"


def test_an_old_line_ends_where_its_readings_end() -> None:
    at = [NOW - 86400 * day for day in (9, 8, 7, 6)]
    line = draw(at, [1, 2, 1, 2], [], NOW, "Steps", "steps", 0)
    assert line.tail
    assert line.newest is not None and line.newest[0] < WIDTH / 2
    assert not draw([*at, NOW], [1, 2, 1, 2, 1], [], NOW, "Steps", "steps", 0).tail


def test_nothing_measured_is_said_and_never_drawn_as_well() -> None:
    line = draw([], [], [Limit("<", 88)], NOW, "Oxygen saturation", "%", 0)
    assert (line.path, line.newest, line.label) == ("", None, "Oxygen saturation: no readings in this time")


def test_a_far_limit_does_not_flatten_the_line() -> None:
    assert not draw([NOW - 60, NOW], [70, 72], [Limit(">", 150)], NOW, "Heart rate", "/min", 0).limits


def test_many_readings_keep_their_extremes() -> None:
    values = np.full(5000, 95.0)
    values[1234] = 71
    line = draw(NOW - np.arange(5000)[::-1] * 60.0, values, [Limit("<", 88)], NOW, "Oxygen saturation", "%", 0)
    assert len(line.marks) == 1
    assert len(line.path) < 3000


@given(st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=400), st.floats(-1e5, 1e5), st.sampled_from(["<", "<=", ">", ">="]))
def test_never_draws_outside_its_frame(values: list[float], limit: float, operator: str) -> None:
    at = [NOW - 60.0 * i for i in range(len(values))][::-1]
    line = draw(at, values, [Limit(operator, limit)], NOW, "Any", "u", 1)
    numbers = line.path.replace("M", " ").replace("L", " ").split()
    assert all(0 <= float(x) <= WIDTH for x in numbers[::2])
    assert all(0 <= float(y) <= HEIGHT for y in numbers[1::2])
    assert line.band is None or (line.band[0] >= 0 and line.band[1] > 0 and sum(line.band) <= HEIGHT + 0.2)
