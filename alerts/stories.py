"""Stories: an alert with all that happened to it and to its pages, for `alerts/explain.py`.

Called with a connection inside the caller's transaction; never commits.
"""

from dataclasses import replace
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from alerts.explain import Story
from alerts.explain_routing import Climbing, OwnNumber, Paged, Routing, Withheld
from alerts.queries import find_story
from alerts.rule import REFERENCES
from database.sql import load_sql

SQL: Final = load_sql(__file__, "stories.sql")


def load_story(conn: Connection[Any], public_id: str) -> Story | None:
    """Return an alert's whole story, None where there is no such alert."""
    story = find_story(conn, public_id)
    if story is None:
        return None
    alert, why = story.alert, story.alert.explanation
    is_own = why.get("whose_limit") == "patient's own limit"
    rests_on = why.get("rests_on") or {}
    # what stood in: the scale that a score was counted by, the weight that a change was counted from
    used = {"limit": why.get("limit"), "spo2_scale": rests_on.get("scale"), "dry_weight": rests_on.get("against")}
    wanted = {
        "alert_id": alert.id,
        "patient_id": alert.patient_id,
        "rule": alert.rule if is_own else "",
        "references": list(REFERENCES),
        "fired_at": alert.fired_at,
    }
    with conn.cursor(row_factory=class_row(OwnNumber)) as cursor:
        found = cursor.execute(SQL["load_own_numbers"], wanted).fetchall()
        own = tuple(one for one in found if used[one.name] == one.value)
    with conn.cursor(row_factory=class_row(Withheld)) as cursor:
        withheld = tuple(cursor.execute(SQL["load_withheld"], wanted).fetchall())
    with conn.cursor(row_factory=class_row(Paged)) as cursor:
        pages = tuple(cursor.execute(SQL["load_paged"], wanted).fetchall())
    with conn.cursor(row_factory=class_row(Climbing)) as cursor:
        ladder = cursor.execute(SQL["load_ladder"], wanted).fetchone()
    return replace(story, routing=Routing(own, withheld, pages, ladder))
