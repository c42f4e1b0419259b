"""What every committed file must keep to: sizes, names, and nothing that belongs to one machine."""

import re
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[3]
LISTED = subprocess.run(["git", "ls-files", "-z"], cwd=TOP, capture_output=True, text=True, check=False).stdout.split("\0")
FILES = sorted(TOP / name for name in LISTED if name and (TOP / name).is_file())

# put together here, so that this file does not hold what it looks for
REGISTRY = re.compile(
    r"https?://[a-z.-]*(" + "|".join(["py" + "pi", "python" + "hosted", "npm" + "js", "deb" + "ian"]) + r")\."
)
INDEX = re.compile(r"--(extra-)?index" + "-url|" + r"registry\s*=\s*\"?http")
MACHINE = re.compile("|".join(["/" + "work/", "/home/" + r"\w", "/Users/" + r"\w"]))


@pytest.fixture(autouse=True)
def in_a_clone() -> None:
    assert FILES, "these tests read the list of committed files, so they run in a git clone"


def texts(*suffixes: str) -> list[tuple[str, str]]:
    found = []
    for path in FILES:
        if not suffixes or path.suffix in suffixes:
            try:
                found.append((str(path.relative_to(TOP)), path.read_text(encoding="utf-8")))
            except UnicodeDecodeError:
                continue
    return found


def test_no_file_names_a_registry() -> None:
    names = (
        "lock",
        "requirements",
        "Makefile",
        "Dockerfile",
        "package",
        "pyproject",
        "setup",
        ".ci",
        ".npmrc",
        ".json",
        ".yml",
    )
    held = [name for name, text in texts() if any(part in name for part in names) and REGISTRY.search(text)]
    assert held == []
    assert [name for name, text in texts() if INDEX.search(text)] == []


def test_no_file_names_a_machine() -> None:
    assert [name for name, text in texts() if MACHINE.search(text)] == []


def test_the_patterns_find_what_they_are_for() -> None:
    assert REGISTRY.search("https://registry." + "npm" + "js.org/x")
    assert INDEX.search("--extra-index" + "-url x")
    assert MACHINE.search("/" + "work/x")


def test_package_locks_name_no_address() -> None:
    assert '"resolved"' not in (TOP / "package-lock.json").read_text()
    for name in ("requirements.lock", "deploy/node.lock"):
        assert "://" not in (TOP / name).read_text()


def test_files_fit_the_head() -> None:
    sources = texts(".py", ".js", ".css", ".html")
    assert {name: text.count("\n") for name, text in sources if text.count("\n") > 400} == {}


def test_there_is_no_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base", "service"}
    assert [name for name, _ in texts(".py") if Path(name).stem in drawers] == []


def test_every_module_says_what_it_is() -> None:
    assert [name for name, text in texts(".py") if text.strip() and not text.lstrip().startswith(('"""', 'r"""', "#!"))] == []
