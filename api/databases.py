"""The database servers that `wardlight up` can run by itself, by the word that chooses one."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from database.debian import TimescaleServer, prepare_root
from database.embedded import EmbeddedServer
from database.local_server import LocalServer

#: what `up --database` takes
KINDS: Final = ("embedded", "timescale")


def cache_dir() -> Path:
    """Return the folder in which what is downloaded or built once is kept."""
    return Path.home() / ".cache" / "wardlight"


def local_server(kind: str, folder: Path, progress: Callable[[str], None] = print) -> LocalServer:
    """Return the server of a kind over a data folder; nothing is started, though TimescaleDB may first have to be unpacked."""
    if kind == "timescale":
        return TimescaleServer(prepare_root(cache_dir(), progress), folder)
    return EmbeddedServer(folder)
