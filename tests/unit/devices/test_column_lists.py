"""Wherever SQL lists the vitals' columns, it lists all of them in the order of the table: that order is the column number."""

import re
from pathlib import Path

import pytest

from devices.vitals import VITALS

_HOUSE = Path(__file__).parents[3]
_NAMES = [vital.name for vital in VITALS]
_VITAL = re.compile(r"\b(?:" + "|".join(_NAMES) + r")\b")
_FILES = [
    "alerts/escalation/calls.sql",
    "alerts/queries.sql",
    "alerts/swept/queries.sql",
    "alerts/triage/queries.sql",
    "api/pages/queries.sql",
    "database/migrations/0001_create_house.sql",
    "database/timescale/community.sql",
    "devices/queries.sql",
    "devices/recording.sql",
]
#: files that also speak of single vitals: there only what stands in ARRAY[…] is a list
_ARRAYS = ["care/plan/queries.sql"]


@pytest.mark.parametrize("path", _ARRAYS)
def test_every_array_of_columns_is_whole_and_in_order(path: str) -> None:
    found = [_VITAL.findall(one) for one in re.findall(r"ARRAY\[([^\]]*)\]", (_HOUSE / path).read_text())]
    arrays = [one for one in found if one]
    assert arrays, f"{path} lists no vitals any more; take it off this test's list"
    assert all(one == _NAMES for one in arrays)


@pytest.mark.parametrize("path", _FILES)
def test_every_list_of_columns_is_whole_and_in_order(path: str) -> None:
    found = _VITAL.findall((_HOUSE / path).read_text())
    runs = [name for place, name in enumerate(found) if place == 0 or name != found[place - 1]]
    assert runs, f"{path} lists no vitals any more; take it off this test's list"
    assert runs == _NAMES * (len(runs) // len(_NAMES))


def test_no_other_sql_lists_them() -> None:
    others = {
        str(path.relative_to(_HOUSE))
        for room in ("alerts", "api", "care", "database", "devices", "ingest", "messaging")
        for path in (_HOUSE / room).rglob("*.sql")
        if "fvc" in path.read_text()
    }
    assert others <= {*_FILES, *_ARRAYS}
