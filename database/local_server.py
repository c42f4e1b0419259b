"""One PostgreSQL server on this machine: made on first use, started, found again, stopped.

It listens on a Unix socket in a folder that only its account (and root) may enter, so it needs no password, and it is durable
unless told otherwise. It never listens on a network.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from database.placement import Account, ServerError, give, place, remove_cluster
from database.pool import DatabaseUnreachable, connect
from database.postmaster import Postmaster, forget_dead, is_serving, read_postmaster
from database.sql import load_sql

SQL = load_sql(__file__)

#: longest path of a Unix socket that every system takes, in bytes
_LONGEST_SOCKET = 100
#: bytes of the log that the next start keeps
_LONGEST_LOG = 10_000_000
_SIGNALS: Mapping[str, signal.Signals] = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}


@dataclass(frozen=True, slots=True)
class Installation:
    """The server's programs, and how they see the world."""

    #: folder with initdb and postgres, as they see it themselves
    programs: Path
    #: major version, as PG_VERSION has it
    major: str
    #: whom they run as
    account: Account
    #: folder they are locked into by chroot; None: none
    chroot: Path | None = None
    #: where clusters must lie; None: in the data folder
    home: Path | None = None

    def command(self, program: str, *arguments: str) -> list[str]:
        """Return the command line that runs one of the programs."""
        plain = [str(self.programs / program), *arguments]
        if self.chroot is None:
            return plain
        chroot = shutil.which("chroot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "chroot"
        return [chroot, f"--userspec={self.account.uid}:{self.account.gid}", "--groups=", str(self.chroot), *plain]

    def inside(self, path: Path) -> str:
        """Return a path of ours as the programs see it."""
        return str(path if self.chroot is None else "/" / path.relative_to(self.chroot.resolve()))

    def outside(self, path: str) -> Path:
        """Return one of the programs' paths as we see it."""
        return Path(path) if self.chroot is None else self.chroot.resolve() / path.lstrip("/")


class LocalServer:
    """A server over one data folder; two objects over the same folder are the same server."""

    def __init__(self, data_dir: Path, installation: Installation, settings: Mapping[str, str] | None = None) -> None:
        """Prepare nothing yet. `settings` are PostgreSQL's own and hold from the next start of the server."""
        self.data_dir = data_dir.absolute()
        self.installation = installation
        self.settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._shortcut: Path | None = None

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it, committed work kept."""
        self.stop()

    @property
    def cluster(self) -> Path:
        """Folder of the database files, the socket and the log."""
        return place(self.data_dir, self.installation.account, self.installation.home)

    @property
    def _log(self) -> Path:
        return self.data_dir / "cluster" / "log"

    def start(self, patience: float = 300.0) -> None:
        """Return when it takes connections: made if new, adopted if it already runs, recovered if it died.

        `patience` in seconds covers recovery after a crash. Raises ServerError with the end of the server's log.
        """
        with self._one_at_a_time():
            cluster = self.cluster
            files = cluster / "pgdata"
            if not files.exists():
                self._initialise(cluster)
            if (made_by := (files / "PG_VERSION").read_text().strip()) != self.installation.major:
                raise ServerError(
                    f"{files} was made by PostgreSQL {made_by}, and this is {self.installation.major}: dump and restore it"
                )
            self._begin(cluster, time.monotonic() + patience)

    def stop(self, mode: Literal["fast", "immediate"] = "fast", patience: float = 60.0) -> None:
        """Stop it: "fast" ends sessions and writes a checkpoint; "immediate" is a crash that the next start recovers from.

        Does nothing if it does not run. Raises ServerError when it has not ended after `patience` seconds.
        """
        until = time.monotonic() + patience
        if (running := self._living()) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(running.pid, _SIGNALS[mode])
        while (alive := self._living()) is not None and running is not None and alive.pid == running.pid:
            if time.monotonic() > until:
                raise ServerError(f"PostgreSQL (process {alive.pid}) did not stop within {patience:.0f} s; see {self._log}")
            time.sleep(0.02)
        mine = self._process
        if mine is not None and (running is None or running.pid == mine.pid):
            if running is None:  # it was launched and has not said yet that it serves
                mine.send_signal(_SIGNALS[mode])
            mine.wait()
            self._process = None
        if self._shortcut is not None:
            shutil.rmtree(self._shortcut, ignore_errors=True)
            self._shortcut = None

    def remove(self) -> None:
        """Stop it and delete every database it holds; for tests and for beginning afresh."""
        self.stop("immediate")
        remove_cluster(self.data_dir)

    def is_running(self) -> bool:
        """Return whether its process lives, whoever started it."""
        return self._living() is not None

    def url(self, database: str = "wardlight") -> str:
        """Return the URL of a database of this server, created if missing. It logs in as the superuser."""
        if database != "postgres":
            self.create_database(database)
        return self._address(database)

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database unless it exists, as a copy of a template that nobody is connected to."""
        with connect(self._address("postgres"), role=None, autocommit=True) as conn:
            found = conn.execute(SQL["database_exists"], {"name": name}).fetchone()
            if found is None or not found[0]:
                copy = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
                with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    conn.execute(sql.SQL("CREATE DATABASE {}{}").format(sql.Identifier(name), copy))

    def drop_database(self, name: str) -> None:
        """Drop a database if it exists, ending the sessions in it."""
        with connect(self._address("postgres"), role=None, autocommit=True) as conn:
            conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _initialise(self, cluster: Path) -> None:
        """Make the database files beside their place and move them there whole."""
        unfinished = cluster / "pgdata.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        characters = "UTF-8" if sys.platform == "darwin" else "C.UTF-8"
        arguments = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", f"--lc-ctype={characters}"]
        if self.settings.get("fsync") == "off":
            arguments.append("--no-sync")
        command = self.installation.command("initdb", f"--pgdata={self.installation.inside(unfinished)}", *arguments)
        done = subprocess.run(command, check=False, capture_output=True, text=True, **self._identity())
        if done.returncode != 0:
            raise ServerError(f"initdb failed in {unfinished}: {(done.stderr or done.stdout).strip()[-600:]}")
        unfinished.rename(cluster / "pgdata")

    def _begin(self, cluster: Path, until: float) -> None:
        """Return once it answers; launch it as soon as no process of it is left, be it stopping, dying or dead."""
        launched = False
        while True:
            found = self._living()
            if found is not None and found.status in {"ready", "standby"} and self._answers():
                return
            if time.monotonic() > until:
                raise ServerError(f"PostgreSQL is not ready yet; if it is recovering, try again later: {self._last_words()}")
            if found is None and self._process is None:
                # a server that was killed leaves processes that must end before the next one may begin
                if launched and "pre-existing shared memory block" not in self._last_words():
                    raise ServerError(f"PostgreSQL did not start: {self._last_words()}")
                self._launch(cluster)
                launched = True
            time.sleep(0.02)

    def _answers(self) -> bool:
        """Return whether it takes a connection: one that was just killed still looks ready for a moment."""
        try:
            connect(self._address("postgres"), role=None).close()
        except (DatabaseUnreachable, ServerError):
            return False
        return True

    def _launch(self, cluster: Path) -> None:
        """Start the process over what the last one left."""
        forget_dead(cluster / "pgdata", cluster / "socket")
        socket = cluster / "socket"
        if not socket.exists():
            socket.mkdir(mode=0o700)
            give(socket, self.installation.account)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self.installation.inside(
                self._short(socket) if self.installation.chroot is None else socket
            ),
            "unix_socket_permissions": "0700",
            "port": "5432",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "shared_buffers": "128MB",
            **self.settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = self.installation.command("postgres", "-D", self.installation.inside(cluster / "pgdata"), *options)
        mode = "wb" if self._log.exists() and self._log.stat().st_size > _LONGEST_LOG else "ab"
        with self._log.open(mode) as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **self._identity()
            )
        # whoever ends it, even another object over this folder, it is waited for and leaves no zombie
        threading.Thread(target=self._process.wait, daemon=True, name="postgres").start()

    def _identity(self) -> dict[str, Any]:
        """Return what makes a process run as the server's account, with nothing of our environment."""
        mine: dict[str, Any] = {"cwd": "/", "env": {"PATH": "/usr/bin:/bin", "LC_MESSAGES": "C"}, "umask": 0o077}
        if os.geteuid() == 0 and self.installation.chroot is None:
            mine |= {"user": self.installation.account.uid, "group": self.installation.account.gid, "extra_groups": []}
        return mine

    def _living(self) -> Postmaster | None:
        """Return the server's process, whoever started it; None when there is none."""
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        files = (self.data_dir / "cluster").resolve() / "pgdata"
        found = read_postmaster(files)
        if found is None or not is_serving(found.pid, self.installation.inside(files)):
            return None
        return found

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            return self._log.read_bytes()[-800:].decode(errors="replace").strip()
        return "it left no log"

    def _address(self, database: str) -> str:
        found = self._living()
        if found is None:
            raise ServerError(f"the server of {self.data_dir} does not run: start it first")
        folder = self._short(self.installation.outside(found.socket_dir))
        return f"postgresql://postgres@/{quote(database, safe='')}?host={quote(str(folder), safe='')}&port=5432"

    def _short(self, folder: Path) -> Path:
        """Return a path to a folder of sockets that is short enough for one, by a link if need be."""
        if len(os.fsencode(folder / ".s.PGSQL.5432")) <= _LONGEST_SOCKET:
            return folder
        if self._shortcut is None:
            self._shortcut = Path(tempfile.mkdtemp(prefix="wardlight-"))
            (self._shortcut / "s").symlink_to(folder)
            give(self._shortcut, self.installation.account)
        return self._shortcut / "s"

    @contextlib.contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Let one process at a time prepare and start this folder's server."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with (self.data_dir / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
