"""Logs: one event name and ids a line, on standard error; JSON for machines, colours where somebody watches.

An exception is written as its type and the places it came through, never in its own words: those may quote a name, a value or a
secret, as PostgreSQL's do.
"""

import logging
import sys
import traceback
from typing import Any, Final, Literal

import structlog
from structlog.typing import EventDict, Processor

from api.settings import Settings

#: places of an exception that are written, the innermost first
_FRAMES: Final = 8
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
        without_words,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[Processor]
    if _form(settings.log_format) == "json":
        renderer = [structlog.processors.JSONRenderer()]
    else:
        renderer = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
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


def without_words(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Put the type of an exception and where it came through in its place."""
    given = event.pop("exc_info", None)
    error = (
        given
        if isinstance(given, BaseException)
        else given[1]
        if isinstance(given, tuple)
        else sys.exc_info()[1]
        if given
        else None
    )
    if error is not None:
        frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
        event["kind"] = type(error).__name__
        event["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames)]
    return event


def _form(chosen: str) -> Literal["json", "console"]:
    if chosen == "auto":
        return "console" if sys.stderr.isatty() else "json"
    return "json" if chosen == "json" else "console"
