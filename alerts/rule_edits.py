"""Rule edits in the database: which are in force for every process, and how one begins and ends.

Every transaction that judges asks `stamp` first, so that a change is in force with the next batch of every worker, and
patients whom nothing reaches are judged again by the sweep. Never commits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from alerts.edits import edit
from alerts.overlay import overlay
from alerts.rule import Rule
from alerts.rule_files import RuleError
from alerts.rules import RuleSet
from database.sql import load_sql

SQL: Final = load_sql(__file__, "rule_edits.sql")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RuleEdit:
    """A change of a rule on the screen, in force until it ended."""

    public_id: str
    rule: str
    version: int
    #: fields as in a rule file
    changes: dict[str, Any]
    #: where its numbers come from
    source: str
    reason: str
    #: who set it
    set_by: str
    created_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    ended_reason: str | None
    #: what its trial found before it went live
    figures: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RuleTrial:
    """What a change would have done."""

    id: int
    public_id: str
    rule: str
    changes: dict[str, Any]
    source: str
    #: digest of the rule set that was live
    against: str
    days: int
    figures: dict[str, Any]
    made_by: int
    made_at: datetime


def stamp(conn: Connection[Any]) -> int:
    """Return a number that changes with every edit that begins or ends."""
    row = conn.execute(SQL["stamp"]).fetchone()
    return 0 if row is None else int(row[0])


def rules_in_force(conn: Connection[Any], files: RuleSet) -> RuleSet:
    """Return the rules of the files with the edits in force; one that no longer fits its file is left out, and logged."""
    changed: list[Rule] = []
    for name, version, changes, source in conn.execute(SQL["edits_in_force"]).fetchall():
        try:
            changed.append(edit(files.by_name[name], changes, version, source))
        except (KeyError, RuleError):
            log.exception("rule_edit_unusable", rule=name, version=version)
    return overlay(files, changed) if changed else files


def list_edits(conn: Connection[Any], rule: str | None = None) -> list[RuleEdit]:
    """Return the edits of a rule, or of all, newest first."""
    with conn.cursor(row_factory=class_row(RuleEdit)) as cursor:
        return cursor.execute(SQL["list_edits"], {"rule": rule}).fetchall()


def add_trial(
    conn: Connection[Any],
    rule: str,
    changes: Mapping[str, Any],
    source: str,
    against: str,
    days: int,
    figures: Mapping[str, Any],
    staff_id: int,
    now: datetime,
) -> str:
    """Keep what a trial found; return its public id."""
    given = {
        "rule": rule, "changes": Jsonb(dict(changes)), "source": source, "against": against, "days": days,
        "figures": Jsonb(dict(figures)), "made_by": staff_id, "made_at": now,
    }  # fmt: skip
    row = conn.execute(SQL["add_trial"], given).fetchone()
    assert row is not None
    return str(row[0])


def find_trial(conn: Connection[Any], public_id: str) -> RuleTrial | None:
    """Return one trial."""
    with conn.cursor(row_factory=class_row(RuleTrial)) as cursor:
        return cursor.execute(SQL["find_trial"], {"public_id": public_id}).fetchone()


def next_version(conn: Connection[Any], files: RuleSet, rule: str) -> int:
    """Return the version that the next edit of a rule would have."""
    row = conn.execute(SQL["last_version"], {"rule": rule}).fetchone()
    return max(files.by_name[rule].version, 0 if row is None else int(row[0])) + 1


def begin_edit(conn: Connection[Any], files: RuleSet, trial: RuleTrial, reason: str, staff_id: int, now: datetime) -> str:
    """Put a tried change in force in the place of the one before; return its public id. Raises RuleError."""
    conn.execute(SQL["lock_edits"])
    version = next_version(conn, files, trial.rule)
    edit(files.by_name[trial.rule], trial.changes, version, trial.source)
    end_edit(conn, trial.rule, f"replaced by version {version}", staff_id, now)
    given = {"rule": trial.rule, "version": version, "trial_id": trial.id, "reason": reason, "staff_id": staff_id, "now": now}
    row = conn.execute(SQL["add_edit"], given).fetchone()
    assert row is not None
    return str(row[0])


def end_edit(conn: Connection[Any], rule: str, reason: str, staff_id: int, now: datetime) -> bool:
    """Take back the edit of a rule, so that its file is in force again; say whether there was one."""
    return conn.execute(SQL["end_edit"], {"rule": rule, "reason": reason, "staff_id": staff_id, "now": now}).rowcount > 0
