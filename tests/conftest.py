"""Fixtures that every room's tests share: real servers, and a database of its own for each test.

A part that this machine lacks skips its tests with the reason, and fails them where CI=1.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from database.pool import connect, open_pool
from tests.clusters import Cluster, running_cluster, why_no_timescale
from tests.parts import lacking

pytest_plugins = ["tests.broker", "tests.ingesting"]


@pytest.fixture(scope="session")
def plain_cluster() -> Iterator[Cluster]:
    """Plain PostgreSQL for the whole run."""
    with running_cluster("plain") as cluster:
        yield cluster


@pytest.fixture(scope="session")
def timescale_cluster() -> Iterator[Cluster]:
    """PostgreSQL with TimescaleDB for the whole run."""
    if (reason := why_no_timescale()) is not None:
        lacking(reason)
    with running_cluster("timescale") as cluster:
        yield cluster


@pytest.fixture(scope="session", params=["plain", "timescale"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Each edition in turn."""
    found: Cluster = request.getfixturevalue(f"{request.param}_cluster")
    return found


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    """Give a migrated database of the test's own, on each edition in turn; its login owns everything."""
    with cluster.fresh_database() as url:
        yield url


@pytest.fixture
def plain_database_url(plain_cluster: Cluster) -> Iterator[str]:
    """Give a migrated database on plain PostgreSQL, where the edition cannot matter."""
    with plain_cluster.fresh_database() as url:
        yield url


@pytest.fixture
def pool(database_url: str) -> Iterator[ConnectionPool[Connection[Any]]]:
    """Give a pool that acts as the application's role."""
    with open_pool(database_url) as opened:
        yield opened


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection[Any]]:
    """Give one connection that acts as the application's role; what it did not commit is rolled back."""
    with connect(database_url) as opened:
        yield opened
        opened.rollback()
