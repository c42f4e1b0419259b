"""The table of vitals, and the page and statements that must keep up with it."""

import re
from pathlib import Path

import pytest

from database.sql import load_sql
from devices import queries
from devices.codecs.lenient import METER_EDGES
from devices.decoded import REASONS
from devices.simulator.habits import Instrument
from devices.simulator.people import INSTRUMENTS
from devices.units import CONVERSION, accepted_units
from devices.vitals import COLUMN, VITALS, Vital

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "vitals.md").read_text(encoding="utf-8")


def number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def row(vital: Vital) -> str:
    first, *others = accepted_units(vital)
    cells = [
        f"`{vital.name}`",
        vital.title,
        ", ".join(vital.loinc),
        f"`{first}`",
        ", ".join(f"`{unit}`" for unit in others) or "–",
        f"{number(vital.low)}–{number(vital.high)}",
        str(vital.decimals),
    ]
    return f"| {' | '.join(cells)} |"


def test_the_page_is_the_table() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert rows == [row(vital) for vital in VITALS]


def test_the_page_names_the_edges_of_meters() -> None:
    for name, (low, high) in METER_EDGES.items():
        assert f"`{name}`" in PAGE
        assert f"{number(low)}–{number(high)}" in PAGE


@pytest.mark.parametrize("vital", VITALS, ids=lambda vital: vital.name)
def test_every_vital_is_named_once_coded_and_ranged(vital: Vital) -> None:
    assert [other.name for other in VITALS].count(vital.name) == 1
    assert all(re.fullmatch(r"[0-9]{4,5}-[0-9]", code) for code in vital.loinc)
    assert 0 <= vital.low < vital.high
    assert CONVERSION[vital.name, vital.unit] == (1.0, 0.0)


def test_statements_name_the_vitals_in_their_order() -> None:
    schema = (ROOT / "database" / "migrations" / "0001_create_house.sql").read_text(encoding="utf-8")
    table = schema[schema.index("CREATE TABLE measurement (") :]
    assert re.findall(r"^    (\w+) +real,$", table, re.MULTILINE)[: len(VITALS)] == [vital.name for vital in VITALS]
    sql = load_sql(queries.__file__)
    for column, vital in enumerate(VITALS):
        assert f"CASE WHEN coalesce(wrong, 0) & {1 << column} = 0 THEN {vital.name} END AS {vital.name}" in sql["rollup"]
        assert f"SELECT {column} AS vital, {vital.name} AS value" in sql["latest"]
    assert re.findall(r"measurement\.(\w+)(?=[,\n])", sql["measurements"].split("THEN")[0])[-len(VITALS) :] == [*COLUMN]


def test_instruments_measure_vitals() -> None:
    assert all(isinstance(one, Instrument) and set(one.vitals) <= set(COLUMN) for one in INSTRUMENTS.values())


def test_every_reason_is_a_sentence() -> None:
    assert all(re.fullmatch(r"[a-z_]+", reason) and text.endswith(".") for reason, text in REASONS.items())
