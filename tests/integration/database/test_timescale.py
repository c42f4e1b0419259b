"""What TimescaleDB adds: the hypertable for real, and the community statements as far as an Apache server can judge them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection, errors

from database import migrate as runner
from database.features import Features, detect
from database.migrate import EDITIONS, migrate
from database.pool import connect
from database.statements import Statement, split_statements
from devices.vitals import VITALS
from tests.clusters import Cluster

COMMUNITY = split_statements((EDITIONS / "community.sql").read_text())
MEASURE = """
INSERT INTO measurement (device_time, measured_at, received_at, seq, device_id, boot, patient_id, heart_rate, suspect)
SELECT t, t, t, 1, 1, 1, 7, 71, 0 FROM generate_series('2026-10-01Z'::timestamptz, '2026-10-29Z', INTERVAL '7 days') AS t
"""


@pytest.fixture
def timescale_url(timescale_cluster: Cluster) -> Iterator[str]:
    with timescale_cluster.fresh_database() as url:
        yield url


@pytest.fixture
def owner(timescale_url: str) -> Iterator[Connection[Any]]:
    with connect(timescale_url, role="wardlight_owner", autocommit=True) as conn:
        yield conn


def test_measurements_lie_in_chunks_of_seven_days(owner: Connection[Any]) -> None:
    assert owner.execute(
        "SELECT hypertable_name, column_name, time_interval FROM timescaledb_information.dimensions"
    ).fetchone() == ("measurement", "device_time", timedelta(days=7))
    owner.execute(MEASURE)
    assert owner.execute("SELECT count(*) FROM timescaledb_information.chunks").fetchone() == (5,)


def test_the_identity_holds_across_chunks(timescale_url: str) -> None:
    with connect(timescale_url) as conn:
        assert conn.execute(MEASURE).rowcount == 5
        assert conn.execute(MEASURE + " ON CONFLICT DO NOTHING").rowcount == 0
        with pytest.raises(errors.UniqueViolation):
            conn.execute(MEASURE)


def test_a_database_that_began_plain_moves_its_rows_into_chunks(timescale_cluster: Cluster) -> None:
    with timescale_cluster.fresh_database() as url:
        with connect(url, role=None, autocommit=True) as conn:
            conn.execute("DROP EXTENSION timescaledb CASCADE")
            conn.execute("DELETE FROM schema_migration WHERE name LIKE 'timescale/%'")
        with connect(url) as app:
            app.execute(MEASURE)
        assert migrate(url) == ["timescale/hypertable.sql"]
        with connect(url) as app:
            assert app.execute("SELECT count(*) FROM measurement").fetchone() == (5,)


def as_plain_view(statement: Statement) -> str:
    """Return the continuous aggregate's own query as a view that any server with time_bucket can make."""
    query = statement.text[statement.text.index("SELECT") : statement.text.rindex("WITH NO DATA")]
    return f"CREATE VIEW measurement_quarter AS {query}"


def test_an_apache_server_never_runs_the_community_file(owner: Connection[Any]) -> None:
    if detect(owner).edition == "community":
        pytest.skip("this server has the community edition")
    applied = [row[0] for row in owner.execute("SELECT name FROM schema_migration WHERE name LIKE 'timescale/%'")]
    assert applied == ["timescale/hypertable.sql"]


def test_community_statements_lack_nothing_but_the_licence(owner: Connection[Any]) -> None:
    """Names, arguments and columns are all known to the server; each statement is refused for its licence alone."""
    if detect(owner).edition == "community":
        pytest.skip("this server has the community edition, where migrate itself has run them")
    refused = []
    for statement in COMMUNITY:
        if statement.text.startswith("GRANT"):
            owner.execute(statement.text.encode())
            continue
        with pytest.raises(errors.FeatureNotSupported, match="apache"):
            owner.execute(statement.text.encode())
        refused.append(statement.text.split("(")[0].split()[0])
        if statement.text.startswith("CREATE MATERIALIZED VIEW"):
            owner.execute(as_plain_view(statement).encode())
    assert refused == ["ALTER", "CALL", "CREATE", "SELECT", "SELECT"]


def test_an_unknown_name_in_the_community_file_would_be_noticed(owner: Connection[Any]) -> None:
    """The test above can fail: a misspelt argument is another error than a missing licence."""
    with pytest.raises(errors.UndefinedFunction):
        owner.execute("SELECT add_retention_policy('measurement', drop_afterwards => INTERVAL '10 years')")


def test_quarter_hours_leave_suspect_values_out_and_know_every_vital(owner: Connection[Any]) -> None:
    view = next(statement for statement in COMMUNITY if statement.text.startswith("CREATE MATERIALIZED"))
    owner.execute(as_plain_view(view).encode())
    for column, vital in enumerate(VITALS):
        owner.execute(
            f"""INSERT INTO measurement
                (device_time, measured_at, received_at, seq, device_id, boot, patient_id, suspect, {vital.name})
            SELECT t, t, t, %(seq)s, 1, 1, 7, suspect, value FROM (VALUES
                ('2026-10-01 08:00Z'::timestamptz, 0, 10), ('2026-10-01 08:14:59Z', 0, 20),
                ('2026-10-01 08:07Z', %(bit)s, 9999), ('2026-10-01 08:15Z', 0, 30)) AS v (t, suspect, value)""".encode(),
            {"seq": column, "bit": 1 << column},
        )
        name = vital.name
        found = owner.execute(
            f"SELECT {name}_count, {name}_min, {name}_max, {name}_sum FROM measurement_quarter ORDER BY quarter".encode()
        ).fetchall()
        assert found == [(2, 10, 20, 30), (1, 30, 30, 30)], name


def test_the_licence_decides(timescale_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a server of the community edition `migrate` would run the community file, after the hypertable."""
    ran: list[str] = []
    monkeypatch.setattr(runner, "detect", lambda _: Features("community", "17.12", "2.22.0"))
    monkeypatch.setattr(runner, "_apply_edition", lambda _, step: ran.append(step.name))
    with timescale_cluster.fresh_database(migrated=False) as url:
        runner.migrate(url)
    assert ran == ["timescale/hypertable.sql", "timescale/community.sql"]


def parse(conn: Connection[Any], statement: str) -> None:
    """Have PostgreSQL's own parser read one statement without running it, as the body of a block that returns first."""
    inside = statement.replace("SELECT", "PERFORM", 1) if statement.startswith("SELECT") else statement
    conn.execute(f"DO $body$ BEGIN RETURN; {inside}; END $body$".encode())


def test_each_piece_of_an_edition_file_is_one_statement(plain_cluster: Cluster) -> None:
    """Even without TimescaleDB the grammar is checked."""
    with connect(plain_cluster.server.url("postgres"), role=None, autocommit=True) as conn:
        for path in sorted(EDITIONS.glob("*.sql")):
            for statement in split_statements(path.read_text()):
                parse(conn, statement.text)
        with pytest.raises(errors.SyntaxError):
            parse(conn, COMMUNITY[0].text.replace("SET", "SOT"))
