"""What a request that writes readings or corrections judges with.

Each request has an engine of its own, since an engine's cache belongs to one transaction at a time; the rule files are read
once, when the application is made, and the edits in force with every request.
"""

from typing import Annotated

from fastapi import Depends, Request

from alerts import rule_edits
from alerts.engine import Engine
from alerts.rules import RuleSet
from api.transaction import Transaction
from ingest.commit import Committer


def engine(request: Request) -> Engine:
    """Return an engine with the rules of this process."""
    return Engine(request.app.state.rules)


def committer(request: Request) -> Committer:
    """Return a committer with the rules of this process."""
    return Committer(engine(request))


def rules_in_force(request: Request, conn: Transaction) -> RuleSet:
    """Return the rules of this process with the edits that are in force now."""
    files: RuleSet = request.app.state.rules
    stamp = rule_edits.stamp(conn)
    known: tuple[int, RuleSet] = getattr(request.app.state, "rules_in_force", (0, files))
    if known[0] != stamp:
        known = (stamp, rule_edits.rules_in_force(conn, files))
        request.app.state.rules_in_force = known
    return known[1]


InForce = Annotated[RuleSet, Depends(rules_in_force)]
Judging = Annotated[Engine, Depends(engine)]
Committing = Annotated[Committer, Depends(committer)]
