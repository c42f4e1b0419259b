"""The locks hold every dependency that is declared, each with a hash."""

import json
import re
import tomllib
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]


def normal(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\s<>=!~;\[]", requirement)[0]).lower()


def locked(name: str) -> dict[str, list[str]]:
    """Return the hashes of each package that a lock pins."""
    entries = re.split(r"\n(?=\S)", (TOP / name).read_text())
    return {normal(entry): re.findall(r"--hash=sha256:([0-9a-f]{64})", entry) for entry in entries if "==" in entry}


@pytest.mark.parametrize("name", ["requirements.lock", "deploy/node.lock", "deploy/theengs.lock", "deploy/theengs-build.lock"])
def test_every_pin_has_a_hash(name: str) -> None:
    pins = locked(name)
    assert pins
    assert [package for package, hashes in pins.items() if not hashes] == []


def test_every_dependency_is_locked() -> None:
    declared = {normal(line) for line in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]}
    assert declared - set(locked("requirements.lock")) == set()


def test_the_build_needs_no_download_of_its_own() -> None:
    assert "setuptools" in locked("requirements.lock")


def test_web_assets_are_pinned_exactly() -> None:
    wanted = json.loads((TOP / "package.json").read_text())["dependencies"]
    packages = json.loads((TOP / "package-lock.json").read_text())["packages"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert all(entry["integrity"].startswith("sha512-") for name, entry in packages.items() if name)
