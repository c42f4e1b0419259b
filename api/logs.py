"""Logs: one event name and ids a line, on standard error; JSON for machines, colours where somebody watches.

Tracebacks are written without local variables: those may hold a name, a value or a secret.
"""

import logging
import sys
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor

from api.settings import Settings

#: libraries whose everyday lines are noise here
_QUIET = ("uvicorn.error", "uvicorn", "asyncio", "httpx", "psycopg.pool")


def configure_logs(settings: Settings, process: str) -> None:
    """Send our lines and those of libraries to standard error, in the chosen form; `process` is added to each."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]

    def add_process(_logger: Any, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    before: list[Processor] = [
        add_process,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[Processor]
    if _form(settings.log_format) == "json":
        renderer = [structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))]
        renderer.append(structlog.processors.JSONRenderer())
    else:
        plain = structlog.dev.plain_traceback
        renderer = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer]
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _form(chosen: str) -> Literal["json", "console"]:
    if chosen == "auto":
        return "console" if sys.stderr.isatty() else "json"
    return "json" if chosen == "json" else "console"
