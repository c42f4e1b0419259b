"""The wheel holds every file that the program reads, and nothing that it does not."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[3]
ROOMS = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
READ = {".sql", ".toml", ".html", ".css", ".js", ".svg"}


def committed() -> list[str]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=TOP, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name and (TOP / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build the wheel from a copy of what is committed, with the web assets that set-up fetched."""
    copy = tmp_path_factory.mktemp("source")
    for name in committed():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TOP / name, copy / name)
    vendor = copy / "api/static/vendor"
    vendor.mkdir(parents=True, exist_ok=True)
    (vendor / "htmx.min.js").write_text("/* as fetched at set-up */")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet", "--no-index"]
    subprocess.run([*command, "--wheel-dir", str(copy / "out"), str(copy)], check=True, capture_output=True)
    (built,) = (copy / "out").glob("*.whl")
    return zipfile.ZipFile(built)


def test_every_module_and_every_file_that_is_read_is_in_it(wheel: zipfile.ZipFile) -> None:
    wanted = {name for name in committed() if name.split("/")[0] in ROOMS and Path(name).suffix in {*READ, ".py"}}
    assert len(wanted) > 20
    assert wanted - set(wheel.namelist()) == set()


def test_web_assets_are_in_it_though_they_are_not_committed(wheel: zipfile.ZipFile) -> None:
    assert "api/static/vendor/htmx.min.js" in wheel.namelist()


def test_nothing_else_is_in_it(wheel: zipfile.ZipFile) -> None:
    outside = {name for name in wheel.namelist() if name.split("/")[0] not in ROOMS and ".dist-info/" not in name}
    assert outside == set()


def test_it_is_an_application_under_its_licence_and_never_uploaded(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    metadata = Parser().parsestr(wheel.read(next(name for name in names if name.endswith(".dist-info/METADATA"))).decode())
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "Private :: Do Not Upload" in metadata.get_all("Classifier", [])
    licence = wheel.read(next(name for name in names if name.endswith("/LICENSE"))).decode()
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in licence
    points = wheel.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    assert "wardlight = api.cli:main" in points
