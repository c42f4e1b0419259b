"""The migration runner on real servers."""

from psycopg import Connection

from database.features import detect


def test_a_fresh_database_has_the_schema(connection: Connection[tuple[object, ...]]) -> None:
    assert connection.execute("SELECT count(*) FROM measurement").fetchone() == (0,)
    assert detect(connection).edition in {"plain", "apache"}
