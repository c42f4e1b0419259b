"""Fixtures of the alerts room."""

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection

from database.pool import connect


@pytest.fixture
def plain_connection(plain_database_url: str) -> Iterator[Connection[Any]]:
    """Give a connection on plain PostgreSQL, where the edition cannot matter."""
    with connect(plain_database_url) as opened:
        yield opened
        opened.rollback()
