"""Numpy columns survive the way to PostgreSQL and back."""

import datetime as dt

import numpy as np
import psycopg
import pytest

from database.arrays import fetch_arrays, register_arrays


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (np.array([1, -2, 30_000], "i2"), "smallint[]"),
        (np.array([1, -2, 2**31 - 1], "i4"), "int[]"),
        (np.array([1, -2, 2**62], "i8"), "bigint[]"),
        (np.array([1.5, -2.25], "f4"), "real[]"),
        (np.array([0.1, float("inf")], "f8"), "float8[]"),
        (np.array([True, False]), "boolean[]"),
        (np.array([], "i4"), "int[]"),
    ],
)
def test_numbers_arrive_as_they_are(plain_database_url: str, column: np.ndarray, kind: str) -> None:
    with psycopg.connect(plain_database_url) as connection:
        register_arrays(connection)
        (back, sent_as) = connection.execute("SELECT %(c)s, pg_typeof(%(c)s)::text", {"c": column}).fetchone() or ()
    assert back == column.tolist()
    assert (
        sent_as
        == {
            "smallint[]": "smallint[]",
            "int[]": "integer[]",
            "bigint[]": "bigint[]",
            "real[]": "real[]",
            "float8[]": "double precision[]",
            "boolean[]": "boolean[]",
        }[kind]
    )


def test_microseconds_arrive_as_aware_times(plain_database_url: str) -> None:
    moment = dt.datetime(2026, 3, 8, 7, 59, 59, 123_457, dt.UTC)
    with psycopg.connect(plain_database_url) as connection:
        register_arrays(connection)
        column = np.array([int(moment.timestamp() * 1_000_000)], "i8").view("M8[us]")
        row = connection.execute("SELECT (%s::timestamptz[])[1]", [column]).fetchone()
    assert row == (moment,)


def test_bytes_of_fixed_width_keep_their_trailing_zeros(plain_database_url: str) -> None:
    with psycopg.connect(plain_database_url) as connection:
        register_arrays(connection)
        row = connection.execute("SELECT %s", [np.array([b"ab\0\0", b"\0\0\0c"], "S4")]).fetchone()
    assert row == ([b"ab\0\0", b"\0\0\0c"],)


def test_a_dtype_without_an_array_type_is_refused(plain_database_url: str) -> None:
    with psycopg.connect(plain_database_url) as connection:
        register_arrays(connection)
        with pytest.raises(TypeError, match="complex128"):
            connection.execute("SELECT %s", [np.array([1j])])


def test_columns_come_back_as_arrays(plain_database_url: str) -> None:
    statement = """
        SELECT array_agg(n::int), array_agg(n::real / 2),
               array_agg('2026-03-08 07:00+00'::timestamptz + n * interval '1 us'),
               array_agg('infinity'::timestamptz), array_agg(n::smallint) FILTER (WHERE n > 9)
        FROM generate_series(1, 3) AS n
    """
    with psycopg.connect(plain_database_url) as connection:
        whole, real, time, endless, none = fetch_arrays(connection, statement, {})
    assert whole.tolist() == [1, 2, 3]
    assert real.tolist() == [0.5, 1.0, 1.5]
    assert time.tolist() == [1_772_953_200_000_000 + n for n in (1, 2, 3)]
    assert endless.tolist() == [2**63 - 1] * 3
    assert (len(none), none.dtype) == (0, np.dtype("i2"))
