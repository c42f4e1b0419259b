"""Splitting SQL files: the cases that a naive split at semicolons gets wrong."""

import pytest

from database.migrate import EDITIONS, MIGRATIONS
from database.statements import Statement, split_statements


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  \n-- only a comment\n/* and another */\n", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1;;\nSELECT 2;", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';';SELECT 2", ["SELECT ';'", "SELECT 2"]),
        ("SELECT 'it''s; fine'; SELECT 2", ["SELECT 'it''s; fine'", "SELECT 2"]),
        (r"SELECT E'a\'; b'; SELECT 2", [r"SELECT E'a\'; b'", "SELECT 2"]),
        ('SELECT "a;b"; SELECT 2', ['SELECT "a;b"', "SELECT 2"]),
        ("SELECT $$a;b$$; SELECT 2", ["SELECT $$a;b$$", "SELECT 2"]),
        ("SELECT $x$a;$$;b$x$; SELECT 2", ["SELECT $x$a;$$;b$x$", "SELECT 2"]),
        ("SELECT 1 -- it's; one\n; SELECT 2", ["SELECT 1 -- it's; one", "SELECT 2"]),
        ("SELECT /* a; /* nested; */ ' */ 1; SELECT 2", ["SELECT /* a; /* nested; */ ' */ 1", "SELECT 2"]),
    ],
)
def test_split(text: str, expected: list[str]) -> None:
    assert [statement.text for statement in split_statements(text)] == expected


def test_each_knows_the_line_it_starts_on() -> None:
    text = "-- a comment\nSELECT 1;\n\n/* two\nlines */ SELECT 2;\nSELECT\n3"
    assert split_statements(text) == [Statement("SELECT 1", 2), Statement("SELECT 2", 5), Statement("SELECT\n3", 6)]


def test_the_community_file_is_what_its_comments_say() -> None:
    starts = [statement.text.split("(")[0].strip() for statement in split_statements((EDITIONS / "community.sql").read_text())]
    assert [start.split("\n")[0] for start in starts] == [
        "ALTER TABLE measurement SET",
        "CALL add_columnstore_policy",
        "CREATE MATERIALIZED VIEW IF NOT EXISTS measurement_quarter",
        "GRANT SELECT ON measurement_quarter TO wardlight_app",
        "SELECT add_continuous_aggregate_policy",
        "SELECT add_retention_policy",
    ]


@pytest.mark.parametrize("path", [*EDITIONS.glob("*.sql"), *MIGRATIONS.glob("*.sql")], ids=lambda path: path.name)
def test_nothing_of_a_file_is_lost(path: object) -> None:
    text = path.read_text()  # type: ignore[attr-defined]
    joined = "".join(statement.text for statement in split_statements(text))
    outside = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    kept = [line for line in joined.splitlines() if not line.lstrip().startswith("--")]
    assert "".join("".join(kept).split()).replace(";", "") == "".join("".join(outside).split()).replace(";", "")
