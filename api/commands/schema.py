"""The check that every long-running process makes first: the database must have the schema of this release."""

from api.exits import NotReady
from database.migrate import pending
from database.pool import connect


def need_migrated(url: str) -> None:
    """Raise NotReady unless the database is up to date; raises DatabaseUnreachable when it does not answer."""
    with connect(url) as conn:
        if missing := pending(conn):
            raise NotReady(f"the database lacks {', '.join(missing)}: run `wardlight migrate`")
