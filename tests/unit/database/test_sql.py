"""Reading named SQL."""

from pathlib import Path

import pytest

from database.sql import load_sql


def write(folder: Path, text: str) -> str:
    (folder / "queries.sql").write_text(text)
    return str(folder / "queries.py")


def test_blocks_are_read_by_name(tmp_path: Path) -> None:
    beside = write(tmp_path, "-- The room's SQL.\n\n-- name: one\nSELECT 1\n\n-- name: two\n-- why\nSELECT\n    2\n")
    assert dict(load_sql(beside)) == {"one": "SELECT 1", "two": "-- why\nSELECT\n    2"}


def test_a_name_used_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'one' is named twice"):
        load_sql(write(tmp_path, "-- name: one\nSELECT 1\n-- name: one\nSELECT 2\n"))


def test_a_statement_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="before the first"):
        load_sql(write(tmp_path, "SELECT 1\n-- name: one\nSELECT 2\n"))
