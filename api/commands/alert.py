"""`wardlight alert explain`: an alert in plain words, for whoever has no screen at hand."""

from datetime import UTC

from alerts.explain import explain
from alerts.rejudge import tell
from alerts.rejudging import rejudge_alert
from alerts.stories import load_story
from api.exits import CommandError
from api.running import need_database
from api.settings import Settings
from database.pool import connect


def explain_alert(settings: Settings, alert_id: str, *, rejudge: bool = False) -> list[str]:
    """Return the lines that explain an alert, times in UTC, judged again if wanted; raises CommandError when there is none."""
    again: list[str] = []
    with connect(need_database(settings).database_url) as conn:
        story = load_story(conn, alert_id)
        if story is not None and rejudge:
            lines = tell(rejudge_alert(conn, story.alert), lambda at: f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S %Z}")
            again = ["Judged again:", *(f"  {line}" for line in lines)]
    if story is None:
        raise CommandError(f"there is no alert {alert_id!r}: the id is the last part of its address on the screen")
    return [*explain(story, UTC), *again]
