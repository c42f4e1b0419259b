"""What the server can do, found out once: plain PostgreSQL, TimescaleDB under Apache, or TimescaleDB community.

The migration runner asks here which edition steps apply, and `wardlight doctor` shows the answer. Nothing else branches on
the edition: the application's SQL is the same for all three.
"""

from dataclasses import dataclass
from typing import Any, Literal

from psycopg import Connection
from psycopg.rows import dict_row

from database.sql import load_sql

SQL = load_sql(__file__)

Edition = Literal["plain", "apache", "community"]


@dataclass(frozen=True, slots=True)
class Features:
    """What `detect` found in one database."""

    #: "plain" without TimescaleDB, "apache" or "community" by the licence that its library runs under
    edition: Edition
    #: PostgreSQL's version, such as "17.12"
    server_version: str
    #: version of the extension in this database; None where there is none
    timescaledb_version: str | None


def name_edition(timescaledb_version: str | None, licence: str | None) -> Edition:
    """Return the edition that an extension version and the setting `timescaledb.license` mean.

    >>> name_edition(None, None), name_edition("2.19.3", "apache"), name_edition("2.22.0", "timescale")
    ('plain', 'apache', 'community')
    """
    if timescaledb_version is None:
        return "plain"
    return "community" if licence == "timescale" else "apache"


def detect(conn: Connection[Any]) -> Features:
    """Return what this connection's database offers; one query, no lock."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(SQL["detect_features"]).fetchone()
    assert row is not None, "a SELECT without FROM returns one row"
    version = row["timescaledb_version"]
    return Features(name_edition(version, row["licence"]), row["server_version"].split()[0], version)
