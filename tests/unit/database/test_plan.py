"""Which migrations are still to run: the pure part of the runner."""

from pathlib import Path

import pytest

from database.features import name_edition
from database.migrate import EDITION_FILES, EDITIONS, MIGRATIONS, MigrationError, Step, edition_steps, plan, read_steps

STEPS = [Step("0001_a.sql", "one"), Step("0002_b.sql", "two"), Step("0003_c.sql", "three")]
RAN = {step.name: step.checksum for step in STEPS}


def test_an_empty_database_runs_them_all() -> None:
    assert plan(STEPS, {}) == STEPS


def test_only_the_missing_ones_run() -> None:
    assert plan(STEPS, dict(list(RAN.items())[:2])) == STEPS[2:]
    assert plan(STEPS, RAN) == []


def test_repeatable_steps_are_not_taken_for_unknown_files() -> None:
    assert plan(STEPS, RAN | {"timescale/hypertable.sql": "any"}) == []


def test_a_changed_file_is_refused() -> None:
    with pytest.raises(MigrationError, match=r"migrations/0002_b\.sql is not the file"):
        plan(STEPS, RAN | {"0002_b.sql": "other"})


def test_a_file_that_slipped_in_before_others_is_refused() -> None:
    with pytest.raises(MigrationError, match=r"migrations/0002_b\.sql has not run here"):
        plan(STEPS, {name: checksum for name, checksum in RAN.items() if name != "0002_b.sql"})


def test_a_newer_database_is_refused() -> None:
    with pytest.raises(MigrationError, match=r"0004_d\.sql"):
        plan(STEPS, RAN | {"0004_d.sql": "later"})


@pytest.mark.parametrize("names", [["0002_b"], ["0001_a", "0003_c"], ["0001_a", "0001_b"], ["1_a"]])
def test_numbers_have_no_gap_and_no_twin(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / f"{name}.sql").write_text("SELECT 1")
    with pytest.raises(MigrationError, match="no gap and no twin"):
        read_steps(tmp_path)


def test_the_shipped_files_are_in_order() -> None:
    assert read_steps(MIGRATIONS)[0].name == "0001_create_house.sql"


def test_every_edition_file_is_run_by_some_edition() -> None:
    assert {name for names in EDITION_FILES.values() for name in names} == {path.name for path in EDITIONS.glob("*.sql")}
    assert edition_steps("plain") == []


def test_the_checksum_is_of_the_text() -> None:
    assert Step("a", "SELECT 1").checksum == Step("b", "SELECT 1").checksum != Step("a", "SELECT 2").checksum


def test_licences_mean_editions() -> None:
    assert name_edition("2.19.3", None) == "apache"
    assert name_edition(None, "timescale") == "plain"
    assert name_edition("2.22.0", "timescale") == "community"
