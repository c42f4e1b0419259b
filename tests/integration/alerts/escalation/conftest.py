"""Fixtures of the tests of escalation."""

from typing import Any

import pytest
from psycopg import Connection

from tests.integration.alerts.escalation.clinic import Clinic


@pytest.fixture
def clinic(plain_connection: Connection[Any]) -> Clinic:
    """Give a clinic on plain PostgreSQL, where the edition cannot matter."""
    return Clinic(plain_connection)
