"""`wardlight serve`: the coordinator's screens and the HTTP interface, until told to stop."""

import signal
from datetime import UTC, datetime
from types import FrameType

import structlog

from api.app import create_app
from api.commands.schema import need_migrated
from api.exits import Code, NotReady
from api.running import need_database
from api.server import make_server
from api.settings import Settings
from database.heartbeat import new_instance
from database.pool import open_pool

log = structlog.get_logger()


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or Ctrl-C; return the exit code. Raises NotReady when the port is taken."""
    settings = need_database(settings)
    need_migrated(settings.database_url)
    # uvicorn stops on these and then raises them once more, for whoever was in charge before it: that is us, and we are done
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _note)
    with open_pool(settings.database_url, max_size=settings.database_pool_size) as pool:
        server = make_server(
            create_app(settings, pool, instance=new_instance("serve", datetime.now(UTC))),
            settings.http_host,
            settings.http_port,
        )
        log.info("serving", host=settings.http_host, port=settings.http_port)
        try:
            server.run()
        except SystemExit as error:  # uvicorn's word for a port that it cannot have
            raise NotReady(
                f"{settings.http_host}:{settings.http_port} cannot be listened on, most likely because it is taken: "
                "set WARDLIGHT_HTTP_PORT to another port"
            ) from error
    return Code.DONE


def _note(number: int, frame: FrameType | None) -> None:
    log.info("stopping", signal=signal.Signals(number).name)
