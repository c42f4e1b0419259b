"""`wardlight alert explain`: an alert in plain words, for whoever has no screen at hand."""

from datetime import UTC

from alerts.explain import explain
from alerts.queries import find_story
from api.exits import CommandError
from api.running import need_database
from api.settings import Settings
from database.pool import connect


def explain_alert(settings: Settings, alert_id: str) -> list[str]:
    """Return the lines that explain an alert, times in UTC; raises CommandError when there is none."""
    with connect(need_database(settings).database_url) as conn:
        story = find_story(conn, alert_id)
    if story is None:
        raise CommandError(f"there is no alert {alert_id!r}: the id is the last part of its address on the screen")
    return explain(story, UTC)
