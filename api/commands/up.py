"""`wardlight up`: everything on this machine as one tree of processes, and its end in order.

Database, broker, ingest, work, serve, watchdog, and with `--demo` twenty made-up patients whose devices measure. A second start
over the same data folder goes on where the first stopped.
"""

import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from rich.console import Console

from api.databases import KINDS, local_server
from api.exits import Code, CommandError, NotReady
from api.logs import configure_logs
from api.running import Running, find_running, note_running, only_one
from api.settings import Settings
from api.stopping import stop_on_signals
from api.tree import PartFailed, Process, Tree, our_environment, wardlight
from api.watch.heart import Heart
from api.watch.pace import Pace
from database.heartbeat import list_heartbeats
from database.local_server import LocalServer
from database.migrate import migrate
from database.pool import DatabaseUnreachable, connect
from ingest.broker import EmbeddedBroker

#: port of the broker unless it is taken
MQTT_PORT: Final = 1883

#: what `http_host` may be to mean every address of the machine
_EVERY_ADDRESS: Final = ("", "0.0.0.0", "::")  # noqa: S104 — compared with, not listened on


def up(settings: Settings, *, demo: bool, database: str) -> int:
    """Run everything until Ctrl-C or SIGTERM; return the exit code."""
    if database not in KINDS:
        raise CommandError(f"there is no database {database!r} to start: write one of {', '.join(KINDS)}")
    configure_logs(replace(settings, log_level="warning"), "up")  # what people should know is said, not logged
    stop = stop_on_signals()
    with only_one(settings.data_dir) as held:
        if held is None:
            running = find_running(settings.data_dir)
            where = f" at {running.http_url} (process {running.pid})" if running else ", and is just starting"
            _say(f"Wardlight is already running over {settings.data_dir}{where}")
            return Code.DONE
        with _keeper(held) as tell:
            return _House(settings, tell, stop, demo=demo, database=database).run()


class _House:
    """One run of the whole tree."""

    def __init__(
        self, settings: Settings, tell: Callable[[str], None], stop: threading.Event, *, demo: bool, database: str
    ) -> None:
        self._settings = settings
        self._dir = settings.data_dir.absolute()
        self._tell = tell
        self._stop = stop
        self._demo = demo
        self._kind = database
        self._tree = Tree(_say, stop)
        self._began = time.monotonic()
        self._heart: Heart | None = None

    def run(self) -> int:
        """Start, watch, stop; return the exit code."""
        try:
            self._start()
            if self._heart is not None:
                self._heart.start()
            self._tree.watch()
        except PartFailed as error:
            raise NotReady(str(error)) from error
        finally:
            began = time.monotonic()
            _say("stopping")
            if self._heart is not None:
                self._heart.stop()
            self._tree.stop()
            _say(f"everything is stopped ({time.monotonic() - began:.1f} s)")
        return Code.DONE

    def _start(self) -> None:
        url = self._start_database()
        if self._stop.is_set():
            return
        if applied := migrate(self._settings.database_owner_url or url):
            _say(f"schema brought up to date ({len(applied)} files)")
        broker = self._start_broker()
        if self._stop.is_set():
            return
        port = _free_port(self._settings.http_host, self._settings.http_port, "screens")
        is_given = port == self._settings.http_port and self._settings.public_url != Settings().public_url
        address = self._settings.public_url if is_given else f"http://127.0.0.1:{port}"
        running = Running(os.getpid(), url, broker.url(), address)
        note_running(self._settings.data_dir, running)
        environment = self._environment(running, port)
        login = self._seed(url, broker) if self._demo else None
        host = "127.0.0.1" if self._settings.http_host in _EVERY_ADDRESS else self._settings.http_host
        self._start_processes(
            environment, {"ingest": _beats(url, "ingest"), "work": _beats(url, "work"), "serve": _answers(host, port)}
        )
        self._start_processes(environment, {"watchdog": _beats(url, "watchdog")})
        if self._demo:
            self._start_processes(environment, {"simulate --demo": lambda: True})
        self._heart = Heart(url, Pace(self._settings.watch_pace), _say)
        if not self._stop.is_set():
            self._welcome(address, login, url)

    def _start_database(self) -> str:
        if self._settings.database_url:
            _say("database: the one that WARDLIGHT_DATABASE_URL names")
            return self._settings.database_url
        folder = self._dir / ("database" if self._kind == "embedded" else self._kind)
        part = _Database(local_server(self._kind, folder, _say))
        self._tell(f"database {self._kind} {folder}")
        self._tree.start(part, within=300.0)
        return part.server.url()

    def _start_broker(self) -> EmbeddedBroker:
        port = _free_port("127.0.0.1", MQTT_PORT, "broker")
        broker = EmbeddedBroker(self._dir / "mosquitto", port)
        self._tell(f"broker {self._dir / 'mosquitto'}")
        self._tree.start(_Broker(broker))
        return broker

    def _start_processes(self, environment: dict[str, str], commands: Mapping[str, Callable[[], bool]]) -> None:
        """Start commands of ours as processes, and wait until each says that it is ready."""
        if self._stop.is_set():
            return
        parts = []
        for command, ready in commands.items():
            arguments = command.split()
            log = self._dir / "logs" / f"{arguments[0]}.log"
            line = wardlight("--with-parent", *arguments)
            parts.append(Process(arguments[0], line, environment, log, ready, lambda pid: self._tell(f"process {pid}")))
        self._tree.start(*parts)

    def _environment(self, running: Running, port: int) -> dict[str, str]:
        """Return what the processes of the tree are told by the environment."""
        return (
            our_environment()
            | {
                "WARDLIGHT_DATABASE_URL": running.database_url,
                "WARDLIGHT_MQTT_URL": running.mqtt_url,
                "WARDLIGHT_HTTP_PORT": str(port),
                "WARDLIGHT_PUBLIC_URL": running.http_url,
                "WARDLIGHT_DATA_DIR": str(self._dir),
                "WARDLIGHT_LOG_FORMAT": "json",
            }
            | ({"WARDLIGHT_DEMO": "1"} if self._demo else {})
        )

    def _seed(self, url: str, broker: EmbeddedBroker) -> tuple[str, str]:
        from api.demo import seed

        return seed(self._dir, url, broker, _say)

    def _welcome(self, address: str, login: tuple[str, str] | None, url: str) -> None:
        seconds = time.monotonic() - self._began
        lines = ["", f"Wardlight is up after {seconds:.0f} s:  {address}"]
        if login:
            lines.append(f"  sign in as  {login[0]}  with  {login[1]}")
        elif not _has_staff(url):
            lines.append("  nobody can sign in yet: wardlight user add you@example.org --name 'Your name' --role administrator")
        lines += [f"  logs in {self._dir / 'logs'}; stop with Ctrl-C", "  Not a medical device; not for emergencies.", ""]
        for line in lines:
            _say(line)


@dataclass
class _Database:
    """The local database server as a part of the tree."""

    server: LocalServer
    name: str = "database"

    def start(self) -> None:
        self.server.start()

    def is_alive(self) -> bool:
        return self.server.is_running()

    def is_ready(self) -> bool:
        return True  # start() returns when it is

    def last_words(self) -> str:
        return f"see {self.server.data_dir / 'cluster/log'}"

    def stop(self) -> None:
        self.server.stop("fast")

    def kill(self) -> None:
        self.server.stop("immediate")


@dataclass
class _Broker:
    """The embedded broker as a part of the tree."""

    broker: EmbeddedBroker
    name: str = "broker"

    def start(self) -> None:
        self.broker.start()

    def is_alive(self) -> bool:
        return self.broker.pid is not None

    def is_ready(self) -> bool:
        return True  # start() returns when it is

    def last_words(self) -> str:
        return self.broker.last_words()

    def stop(self) -> None:
        self.broker.stop()

    def kill(self) -> None:
        self.broker.kill()


@contextmanager
def _keeper(held: int) -> Iterator[Callable[[str], None]]:
    """Have a process that stops the rest if we are killed; gives what tells it of another part."""
    process = subprocess.Popen(
        wardlight("keep"),
        env=our_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=[held],  # so that nobody starts over this folder while the keeper still clears it
    )
    assert process.stdin is not None
    pipe = process.stdin

    def tell(line: str) -> None:
        pipe.write(f"{line}\n".encode())
        pipe.flush()

    try:
        yield tell
        tell("done")
    finally:
        pipe.close()
        process.wait()


def _free_port(host: str, wanted: int, what: str) -> int:
    """Return the wanted port, or a free one, saying so, when it is taken."""
    try:
        socket.create_server((host, wanted)).close()
    except OSError:
        with socket.create_server((host, 0)) as found:
            port: int = found.getsockname()[1]
        _say(f"port {wanted} is taken; {what}: port {port}")
        return port
    return wanted


def _beats(url: str, process: str) -> Callable[[], bool]:
    """Return what says whether a process has beaten from now on, and does what it is for."""
    since = datetime.now(UTC)

    def is_ready() -> bool:
        try:
            with connect(url) as conn:
                beats = {beat.process: beat for beat in reversed(list_heartbeats(conn, datetime.now(UTC)))}
        except DatabaseUnreachable:
            return False
        beat = beats.get(process)
        return beat is not None and beat.at >= since and bool(beat.detail.get("subscribed", True))

    return is_ready


def _answers(host: str, port: int) -> Callable[[], bool]:
    """Return what says whether `serve` is ready for people."""

    def is_ready() -> bool:
        try:
            address = f"http://{host}:{port}/health/ready"
            with urllib.request.urlopen(address, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    return is_ready


def _has_staff(url: str) -> bool:
    from care.queries import list_staff

    with connect(url) as conn:
        return bool(list_staff(conn))


def _say(line: str) -> None:
    Console(highlight=False, soft_wrap=True, markup=False).print(line)
