"""What the benchmarks make of what they measured: percentiles, ratios, and the shape of `latest.json`."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import Figure, as_json, as_table, percentile, ratio_of_medians

_FIGURE = Figure(
    "P1", "a drain", 57_123.4, "messages/s", "mosquitto_sub, 74,000", 0.7719, ">= 1.0", False, {"rounds": [57_123.4, 1 / 3]}
)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1), st.floats(0, 1))
def test_a_percentile_is_a_value_that_enough_others_do_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(one <= found for one in values) >= share * len(values)
    assert sum(one < found for one in values) <= share * len(values)


def test_the_ends_are_the_smallest_and_the_largest() -> None:
    assert (percentile([3, 1, 2], 0.0), percentile([3, 1, 2], 1.0)) == (1, 3)


def test_of_nothing_there_is_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_a_ratio_is_of_the_medians() -> None:
    assert ratio_of_medians([10.0, 30.0, 1_000.0], [60.0, 1.0, 61.0]) == 0.5


def test_the_file_has_what_readers_of_it_rely_on() -> None:
    written = json.loads(json.dumps(as_json([_FIGURE], {"cores": 2}), allow_nan=False))
    assert {"value", "unit", "against", "ratio", "goal"} <= written["P1"].keys()
    assert (written["P1"]["value"], written["P1"]["ratio"], written["P1"]["reached"]) == (57_120.0, 0.7719, False)
    assert written["P1"]["detail"]["rounds"] == [57_120.0, 0.3333]
    assert written["machine"] == {"cores": 2}


def test_what_a_system_cannot_tell_is_null() -> None:
    unknown = Figure("P10", "memory", math.nan, "MB", "200 MB", math.nan, "<= 1.0", False)
    assert json.loads(json.dumps(as_json([unknown], {}), allow_nan=False))["P10"]["value"] is None


def test_the_table_says_whether_the_goal_is_reached() -> None:
    table = as_table([_FIGURE])
    assert "57,123 messages/s against mosquitto_sub, 74,000" in table
    assert "ratio 0.77, goal >= 1.0: not yet" in table
