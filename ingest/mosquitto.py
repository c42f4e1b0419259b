"""Mosquitto's program: where it is, or how to get it without being root.

Looks for an installed one (Debian's, Homebrew's); where there is none and Debian's tools are at hand, the package and the
libraries it lacks are unpacked beside the data and run from there. Starts nothing.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_PLACES = (
    "/usr/sbin",
    "/usr/local/sbin",
    "/opt/homebrew/sbin",
    "/opt/homebrew/opt/mosquitto/sbin",
    "/usr/local/opt/mosquitto/sbin",
)


class MosquittoMissing(Exception):
    """There is no Mosquitto and it cannot be unpacked; the message says which line to run."""


@dataclass(frozen=True, slots=True)
class Mosquitto:
    """A Mosquitto that can be started."""

    #: the program
    program: Path
    #: version as the program gives it, "2.0.11"
    version: str
    #: folders with libraries that the system lacks
    libraries: tuple[Path, ...] = ()

    def environment(self) -> dict[str, str]:
        """Return the environment to start it in."""
        return dict(os.environ) | ({"LD_LIBRARY_PATH": os.pathsep.join(map(str, self.libraries))} if self.libraries else {})


def find_mosquitto(cache: Path | None = None) -> Mosquitto | None:
    """Return the installed Mosquitto, else the one unpacked in `cache`, else None."""
    for folder in (*os.environ.get("PATH", "").split(os.pathsep), *_PLACES):
        if folder and (program := Path(folder, "mosquitto")).is_file() and (found := _try(program, ())):
            return found
    root = cache / "root" if cache else None
    if root is None or not (program := root / "usr/sbin/mosquitto").is_file():
        return None
    return _try(
        program, tuple(sorted({path.parent for folder in ("lib", "usr/lib") for path in root.glob(f"{folder}/*/*.so*")}))
    )


def get_mosquitto(cache: Path) -> Mosquitto:
    """Return an installed Mosquitto, or unpack Debian's into `cache` (a few seconds, once).

    Raises MosquittoMissing when neither can be done.
    """
    if found := find_mosquitto(cache):
        return found
    if shutil.which("apt-get") and shutil.which("dpkg-deb"):
        try:
            _unpack(cache)
        except subprocess.CalledProcessError as error:
            words = (error.stderr or "").strip().splitlines()
            raise MosquittoMissing(
                _advice(f"Debian's package could not be fetched ({words[-1] if words else error})")
            ) from error
        if found := find_mosquitto(cache):
            return found
    raise MosquittoMissing(_advice("Mosquitto, the MQTT broker, is not installed"))


def _advice(problem: str) -> str:
    line = "brew install mosquitto" if shutil.which("brew") else "sudo apt-get install mosquitto"
    return f"{problem}. Run: {line}"


def _try(program: Path, libraries: tuple[Path, ...]) -> Mosquitto | None:
    environment = Mosquitto(program, "", libraries).environment()
    try:
        said = subprocess.run([program, "-h"], env=environment, capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"mosquitto version (\S+)", said)
    return Mosquitto(program, match[1], libraries) if match else None


def _unpack(cache: Path) -> None:
    """Download the package with what is not installed of its dependencies, and lay the files out under cache/root."""
    packages = cache / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    wanted = ["mosquitto"]
    for name in wanted:  # grows while it is walked
        for line in _run(["apt-cache", "depends", "--important", name], packages).splitlines():
            kind, _, needed = line.strip().partition(": ")
            if kind == "Depends" and needed not in wanted and not needed.startswith("<") and not _is_installed(needed):
                wanted.append(needed)
    _run(["apt-get", "download", "-q", *wanted], packages)
    fresh = cache / "root.new"
    shutil.rmtree(fresh, ignore_errors=True)
    for package in packages.glob("*.deb"):
        _run(["dpkg-deb", "-x", str(package), str(fresh)], packages)
    shutil.rmtree(cache / "root", ignore_errors=True)
    fresh.rename(cache / "root")


def _run(command: list[str], folder: Path) -> str:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def _is_installed(package: str) -> bool:
    asked = ["dpkg-query", "-W", "-f", "${db:Status-Status}", package]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout == "installed"
