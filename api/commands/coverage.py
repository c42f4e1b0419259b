"""`wardlight coverage`: what would keep an alert from being answered, before the night shows it. Changes nothing."""

from datetime import UTC, datetime

from api.commands.schema import need_migrated
from api.routes.coverage import Coverage, load_coverage
from api.running import need_database
from api.settings import Settings
from database.pool import connect


def examine_coverage(settings: Settings) -> Coverage:
    """Return who is there for each open alert, and what is lacking."""
    settings = need_database(settings)
    need_migrated(settings.database_url)
    with connect(settings.database_url) as conn:
        return load_coverage(conn, datetime.now(UTC))


def in_lines(told: Coverage) -> list[str]:
    """Return what is lacking, a line each, and how many open alerts nobody can be reached for."""
    lines = []
    for lack in told.lacks:
        when = ""
        if lack.starts_at is not None and lack.ends_at is not None:
            when = f" from {lack.starts_at:%Y-%m-%d %H:%M} until {lack.ends_at:%Y-%m-%d %H:%M} UTC"
        lines.append(f"{lack.kind:12} {lack.about}: {lack.what}{when}. Way out: {lack.mend}")
    alone = [one for one in told.alerts if one.cover.owner is None]
    lines.append(f"{len(told.alerts)} open alerts, {len(alone)} of them with nobody who can be reached")
    return lines
