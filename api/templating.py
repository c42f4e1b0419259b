"""The template environment: every page is rendered here, escaped, and strict about what it was not given.

Templates lie in `api/templates`. No template ever comes from a user.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from api.access import Viewer

TEMPLATES: Final = Path(__file__).with_name("templates")
STATIC: Final = Path(__file__).with_name("static")


def make_environment() -> Environment:
    """Return the environment; one per process."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["static"] = static_url
    return environment


def render(
    request: Request,
    template: str,
    who: Viewer | None = None,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **context: Any,
) -> HTMLResponse:
    """Return a page. Templates see `viewer`, `csrf` (of the viewer, "" for nobody), `static(path)` and the context."""
    environment: Environment = request.app.state.templates
    page = environment.get_template(template).render(viewer=who, csrf=who.csrf if who else "", **context)
    return HTMLResponse(page, status, headers)


@cache
def static_url(path: str) -> str:
    """Return the address of a file under `api/static`, with a digest so that browsers may keep it for good."""
    digest = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]
    return f"/static/{path}?v={digest}"
