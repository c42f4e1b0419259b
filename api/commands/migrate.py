"""`wardlight migrate`: bring the database to the schema of this release."""

from api.running import need_database
from api.settings import Settings
from database.migrate import migrate as apply_missing


def migrate(settings: Settings) -> list[str]:
    """Apply what is missing as the owner of the schema; return the names of what was applied."""
    url = settings.database_owner_url or need_database(settings).database_url
    return apply_missing(url)
