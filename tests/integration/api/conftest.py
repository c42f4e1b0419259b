"""Fixtures of the HTTP tests."""

from collections.abc import Iterator

import httpx
import pytest

from database.pool import open_pool
from tests.house import House, running_house


@pytest.fixture
def house(plain_database_url: str) -> Iterator[House]:
    """Serve the application over a database of the test's own; the edition of the database cannot matter here."""
    with open_pool(plain_database_url) as pool, running_house(plain_database_url, pool) as running:
        yield running


@pytest.fixture
def coordinator(house: House) -> Iterator[httpx.Client]:
    """Give a coordinator's browser."""
    _, password = house.add_staff("coordinator@clinic.example")
    with house.browser("coordinator@clinic.example", password) as client:
        yield client


@pytest.fixture
def administrator(house: House) -> Iterator[httpx.Client]:
    """Give an administrator's browser."""
    _, password = house.add_staff("administrator@clinic.example", "administrator")
    with house.browser("administrator@clinic.example", password) as client:
        yield client
