"""Rules: what judges, tried with other numbers on stored readings, and changed for everybody by who may."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Path, Request
from psycopg import Connection
from pydantic import BaseModel, ConfigDict, Field

from alerts import rule_edits
from alerts.backtest.stored import TooMuch, try_rule
from alerts.edits import EDITORS, edit, editable, why_locked
from alerts.rule import Rule
from alerts.rule_edits import RuleEdit
from alerts.rule_files import RuleError
from alerts.rules import RuleSet
from api.access import SignedIn, Viewer, record
from api.documented import Line, problems
from api.engine import InForce
from api.problems import Problem, not_found
from api.transaction import Now, Transaction

router = APIRouter(prefix="/rules", tags=["rules"])

RuleName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,80}$", examples=["spo2_low"])]
#: a field's value as a rule file writes it: a number, or a word such as "15m" or "medium"
Value = Annotated[str, Field(max_length=12, pattern=r"^[a-z0-9]+$")] | int | float

#: episodes that an answer lists
_LISTED: Final = 200
#: a change goes live while what its trial showed is recent
RECENT: Final = timedelta(hours=24)


class NewTrial(BaseModel):
    """A rule with other numbers, to be tried on the past."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"rule": "spo2_low", "changes": {"limit": 88}, "source": "oximetry pathway of this clinic", "days": 30}
        },
    )
    rule: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,80}$")]
    changes: dict[Annotated[str, Field(max_length=20)], Value] = Field(
        max_length=10, description="limit, for, readings, hysteresis, severity or response, as a rule file writes them"
    )
    source: Line = Field(description="where the new numbers come from")
    days: int = Field(30, ge=1, le=366, description="how many days back are counted")


class NewEdit(BaseModel):
    """A change that was tried, to be put in force."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"trial": "x7Kd2mQ9", "reason": "fewer calls at night; agreed on Monday"}}
    )
    trial: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9_-]+$")]
    reason: Line


class Withdrawal(BaseModel):
    """Why a change is taken back."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "missed two patients"}})
    reason: Line


@dataclass(frozen=True, slots=True)
class RuleSeen:
    """A rule as it judges now."""

    #: every field under its name in a rule file, durations in seconds
    rule: dict[str, Any]
    #: the version in the files
    file_version: int
    #: whether an edit is in force in the place of the file
    is_edited: bool
    #: fields that may be changed here
    editable: list[str]
    #: why none may, null where some may
    locked: str | None


@dataclass(frozen=True, slots=True)
class RuleTold:
    """A rule and how it came to be as it is."""

    seen: RuleSeen
    #: newest first
    edits: list[RuleEdit]


@dataclass(frozen=True, slots=True)
class TrialTold:
    """What a change would have done."""

    #: random id of the trial: what puts it in force
    id: str
    rule: str
    changes: dict[str, Any]
    days: int
    #: both sides, and the episodes gained, lost and kept (docs/backtest.md)
    figures: dict[str, Any]


@router.get("", responses=problems())
def list_rules(request: Request, who: SignedIn, conn: Transaction, now: Now, rules: InForce) -> list[RuleSeen]:
    """List the rules that judge now."""
    record(conn, who, "list_rules", "rules", now)
    return [seen(rule, request.app.state.rules) for rule in rules.rules]


@router.get("/{name}", responses=problems(404))
def get_rule(request: Request, name: RuleName, who: SignedIn, conn: Transaction, now: Now, rules: InForce) -> RuleTold:
    """Return one rule, with every edit that was ever in force."""
    rule = find_rule(rules, name)
    record(conn, who, "read_rule", f"rule/{name}", now)
    return RuleTold(seen(rule, request.app.state.rules), rule_edits.list_edits(conn, name))


@router.post("/backtest", responses=problems(409))
def backtest(body: NewTrial, request: Request, who: SignedIn, conn: Transaction, now: Now, rules: InForce) -> TrialTold:
    """Play a changed rule over stored readings beside what is live. Changes nothing; more than 400,000 are refused."""
    return run(conn, request.app.state.rules, rules, body, who, now)


@router.post("/{name}/edits", responses=problems(403, 404, 409))
def put_in_force(
    name: RuleName, body: NewEdit, request: Request, who: SignedIn, conn: Transaction, now: Now, rules: InForce
) -> RuleTold:
    """Put a tried change in force for everybody; patients are judged again by it. Administrators and clinicians only."""
    check_editor(who)
    find_rule(rules, name)
    trial = rule_edits.find_trial(conn, body.trial)
    if trial is None or trial.rule != name:
        raise Problem(409, "unknown_trial", "there is no trial of this rule by that id; try the change first")
    if trial.against != rules.digest or now - trial.made_at > RECENT:
        raise Problem(409, "trial_outdated", "the rules have changed since, or it was tried more than a day ago; try it again")
    files: RuleSet = request.app.state.rules
    try:
        edited = rule_edits.begin_edit(conn, files, trial, body.reason, who.staff_id, now)
    except (KeyError, RuleError) as error:
        raise Problem(409, "rule_refused", str(error)) from None
    record(conn, who, "edit_rule", f"rule/{name}", now, edit=edited, changes=trial.changes, trial=trial.public_id)
    return _told(conn, files, name)


@router.post("/{name}/edits/end", responses=problems(403, 404, 409))
def take_back(
    name: RuleName, body: Withdrawal, request: Request, who: SignedIn, conn: Transaction, now: Now, rules: InForce
) -> RuleTold:
    """Take back the edit of a rule, so that its file is in force again. Administrators and clinicians only."""
    check_editor(who)
    find_rule(rules, name)
    if not rule_edits.end_edit(conn, name, body.reason, who.staff_id, now):
        raise Problem(409, "not_edited", "no edit of this rule is in force; its file is")
    record(conn, who, "end_rule_edit", f"rule/{name}", now)
    return _told(conn, request.app.state.rules, name)


def run(conn: Connection[Any], files: RuleSet, rules: RuleSet, body: NewTrial, who: Viewer, now: datetime) -> TrialTold:
    """Try a change, keep what it showed, and return it. Raises Problem."""
    if all(one.name != body.rule for one in rules.rules):
        raise Problem(409, "unknown_rule", "no rule of this name is in force; GET /api/v1/rules lists them")
    try:
        candidate = edit(files.by_name[body.rule], body.changes, rule_edits.next_version(conn, files, body.rule), body.source)
        trial, known = try_rule(conn, rules, candidate, now - timedelta(days=body.days), now)
    except RuleError as error:
        raise Problem(409, "rule_refused", str(error)) from None
    except TooMuch as error:
        raise Problem(409, "too_much_history", str(error)) from None
    figures: dict[str, Any] = msgspec.to_builtins(trial.as_json(known.public_id.__getitem__, _LISTED, body.rule))
    made = rule_edits.add_trial(conn, body.rule, body.changes, body.source, rules.digest, body.days, figures, who.staff_id, now)
    record(conn, who, "backtest_rule", f"rule/{body.rule}", now, changes=body.changes, days=body.days, trial=made)
    return TrialTold(made, body.rule, dict(body.changes), body.days, figures)


def find_rule(rules: RuleSet, name: str) -> Rule:
    """Return a rule in force. Raises a 404 problem."""
    rule = next((one for one in rules.rules if one.name == name), None)
    if rule is None:
        raise not_found("rule")
    return rule


def seen(rule: Rule, files: RuleSet) -> RuleSeen:
    """Return a rule as it is shown."""
    written = files.by_name[rule.name].version
    return RuleSeen(rule.as_json(), written, rule.version != written, list(editable(rule)), why_locked(rule))


def check_editor(who: Viewer) -> None:
    """Raise a 403 problem unless the viewer may change rules."""
    if who.role not in EDITORS:
        raise Problem(403, "editors_only", "only clinicians and administrators may change a rule; ask one of them")


def _told(conn: Connection[Any], files: RuleSet, name: str) -> RuleTold:
    rule = find_rule(rule_edits.rules_in_force(conn, files), name)
    return RuleTold(seen(rule, files), rule_edits.list_edits(conn, name))
