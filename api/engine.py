"""What a request that writes readings or corrections judges with.

Each request has an engine of its own, since an engine's cache belongs to one transaction at a time; the rules are read once,
when the application is made.
"""

from typing import Annotated

from fastapi import Depends, Request

from alerts.engine import Engine
from ingest.commit import Committer


def engine(request: Request) -> Engine:
    """Return an engine with the rules of this process."""
    return Engine(request.app.state.rules)


def committer(request: Request) -> Committer:
    """Return a committer with the rules of this process."""
    return Committer(engine(request))


Judging = Annotated[Engine, Depends(engine)]
Committing = Annotated[Committer, Depends(committer)]
