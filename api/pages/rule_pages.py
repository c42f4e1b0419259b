"""Rules and how they do: the list, one rule with its editor and the trial of a change, and the scorecards.

An edge. What a form changes goes through the same functions as the JSON interface.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import APIRouter, Request
from psycopg import Connection
from starlette.responses import RedirectResponse, Response

from alerts import rule_edits
from alerts.backtest.scorecard import ALL
from alerts.edits import EDITORS, changes_of, edit, loosened
from alerts.rule import Rule
from alerts.rule_files import RuleError
from alerts.rules import RuleSet
from api.access import Form, SignedIn, Viewer, record
from api.engine import InForce
from api.pages import queries, rule_view
from api.pages.forms import fill
from api.pages.frame import show
from api.problems import Problem
from api.routes import limit_previews as previews
from api.routes import rules as interface
from api.routes.scorecards import load_scorecards
from api.transaction import Now, Transaction

router = APIRouter(include_in_schema=False)

#: days back that scorecards count
_BACK: Final = 90
#: days back that a trial may count
DAYS: Final = (7, 30, 90)


@router.get("/rules")
def rules_page(request: Request, who: SignedIn, conn: Transaction, now: Now, rules: InForce) -> Response:
    """List the rules in force, the emergency band first."""
    files: RuleSet = request.app.state.rules
    order = {"emergency": 0, "high": 1, "medium": 2, "low": 3}
    lines = [rule_view.line_of(rule, files.by_name[rule.name].version) for rule in rules.rules]
    record(conn, who, "list_rules", "rules", now)
    lines.sort(key=lambda line: (order[line.word], line.title, line.name))
    return show(request, conn, who, now, "rules.html", active="/rules", lines=lines)


@router.get("/rules/{name}")
def rule_page(request: Request, name: str, who: SignedIn, conn: Transaction, now: Now, rules: InForce) -> Response:
    """Show one rule: what it says, where its numbers come from, how it has done, and its editor."""
    rule = interface.find_rule(rules, name)
    record(conn, who, "read_rule", f"rule/{name}", now)
    return _page(request, conn, who, now, rules, rule)


@router.post("/rules/{name}/trial")
def trial(request: Request, name: str, who: SignedIn, conn: Transaction, now: Now, form: Form, rules: InForce) -> Response:
    """Try other numbers on stored readings, and show what they would have done."""
    rule = interface.find_rule(rules, name)
    changes = changes_of(rule, rule_view.read_fields(rule, form))
    days = form.get("days", "30")
    if not changes:
        said = "Nothing differs from what is in force: change a number first."
        return _page(request, conn, who, now, rules, rule, form=form, refused=said, status=409)
    try:
        body = fill(
            interface.NewTrial,
            {"rule": name, "changes": changes, "source": form.get("source", ""), "days": int(days) if days.isdecimal() else 0},
        )
        told = interface.run(conn, request.app.state.rules, rules, body, who, now)
    except Problem as problem:
        return _page(request, conn, who, now, rules, rule, form=form, refused=problem.detail, status=problem.status)
    return _page(request, conn, who, now, rules, rule, form=form, told=told)


@router.post("/rules/{name}/live")
def put_in_force(
    request: Request, name: str, who: SignedIn, conn: Transaction, now: Now, form: Form, rules: InForce
) -> Response:
    """Put a tried change in force."""
    given = {"trial": form.get("trial", ""), "reason": form.get("reason", "")}
    interface.put_in_force(name, fill(interface.NewEdit, given), request, who, conn, now, rules)
    return RedirectResponse(f"/rules/{name}", 303)


@router.post("/rules/{name}/file")
def take_back(request: Request, name: str, who: SignedIn, conn: Transaction, now: Now, form: Form, rules: InForce) -> Response:
    """Take back a change, so that the file is in force again."""
    body = fill(interface.Withdrawal, {"reason": form.get("reason", "")})
    interface.take_back(name, body, request, who, conn, now, rules)
    return RedirectResponse(f"/rules/{name}", 303)


@router.get("/scorecards")
def scorecards_page(request: Request, who: SignedIn, conn: Transaction, now: Now, rules: InForce) -> Response:
    """Show how each rule has done with people."""
    cards, pairs = load_scorecards(conn, rules, now - timedelta(days=_BACK), now)
    record(conn, who, "list_scorecards", "scorecards", now, days=_BACK)
    groups: dict[str, list[rule_view.CardLine]] = {}
    for card in sorted(cards, key=lambda one: -one.alerts if one.programme == ALL else 0):
        groups.setdefault(card.rule, [])
    for card in cards:
        groups[card.rule].append(rule_view.card_line(card))
    known = {rule.name: rule.title for rule in rules.rules}
    return show(
        request,
        conn,
        who,
        now,
        "scorecards.html",
        active="/scorecards",
        groups=[(name, known.get(name, name.replace("_", " ")), name in known, lines) for name, lines in groups.items()],
        pairs=[(rule_view.card_line(pair.baseline), rule_view.card_line(pair.fixed)) for pair in pairs],
        days=_BACK,
    )


@router.get("/patients/{public_id}/limits/preview")
def limit_preview(
    request: Request,
    public_id: str,
    who: SignedIn,
    conn: Transaction,
    now: Now,
    rules: InForce,
    rule: str = "",
    limit: str = "",
) -> Response:
    """Show what a patient's own limit would have done with their own readings: a fragment for a form."""
    told, refused = None, ""
    try:
        told = previews.run(conn, rules, public_id, rule, fill(previews.Wanted, {"limit": limit.replace(",", ".")}), who, now)
    except Problem as problem:
        if problem.status == 404:
            raise
        refused = problem.detail
    return show(
        request,
        conn,
        who,
        now,
        "limit_preview.html",
        told=told,
        refused=refused,
        sides=rule_view.sides(told.figures) if told else (),
        episodes=rule_view.episodes_of(told.figures, {}) if told else [],
    )


def _page(
    request: Request,
    conn: Connection[Any],
    who: Viewer,
    now: datetime,
    rules: RuleSet,
    rule: Rule,
    *,
    form: Mapping[str, str] | None = None,
    told: interface.TrialTold | None = None,
    refused: str = "",
    status: int = 200,
) -> Response:
    files: RuleSet = request.app.state.rules
    cards, _ = load_scorecards(conn, rules, now - timedelta(days=_BACK), now)
    names = queries.load_names(conn, rule_view.patients_of(told.figures)) if told else {}
    return show(
        request,
        conn,
        who,
        now,
        "rule.html",
        status=status,
        active="/rules",
        rule=rule,
        line=rule_view.line_of(rule, files.by_name[rule.name].version),
        file_version=files.by_name[rule.name].version,
        fields=rule_view.fields_of(rule, form),
        form=form or {},
        days=DAYS,
        told=told,
        sides=rule_view.sides(told.figures) if told else (),
        is_looser=_is_looser(rules, files, rule, told),
        episodes=rule_view.episodes_of(told.figures, names) if told else [],
        refused=refused,
        may_edit=who.role in EDITORS,
        edits=rule_edits.list_edits(conn, rule.name),
        cards=[rule_view.card_line(card) for card in cards if card.rule == rule.name],
    )


def _is_looser(rules: RuleSet, files: RuleSet, rule: Rule, told: interface.TrialTold | None) -> bool:
    if told is None:
        return False
    try:
        return loosened(rules, rule.name, edit(files.by_name[rule.name], told.changes, rule.version + 1, "tried"))
    except RuleError:
        return False
