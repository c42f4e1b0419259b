"""docs/commands.md and docs/settings.md hold every command, option, exit code and setting, and nothing that is gone."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import typer.main
from typer._click import Command

from api.cli import app
from api.exits import MEANING
from api.settings import Settings

DOCS = Path(__file__).parents[3] / "docs"


def commands(command: Any, name: str = "wardlight") -> Iterator[tuple[str, Command]]:
    """Yield every command that help shows, by its full name."""
    if hasattr(command, "commands"):
        for sub, below in command.commands.items():
            if not below.hidden:
                yield from commands(below, f"{name} {sub}")
    else:
        yield name, command


def documented() -> dict[str, str]:
    """Return the text on each command in docs/commands.md."""
    text = (DOCS / "commands.md").read_text()
    parts = re.split(r"^\*\*`(wardlight [^`]*)`\*\*", text, flags=re.MULTILINE)
    return {re.sub(r" [A-Z]+$", "", name): body for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def test_every_command_is_documented_and_no_other() -> None:
    assert set(documented()) == {name for name, _ in commands(typer.main.get_command(app))}


def test_every_option_is_documented_and_no_other() -> None:
    for name, command in commands(typer.main.get_command(app)):
        options = {
            option
            for parameter in command.params
            for option in parameter.opts
            if option.startswith("--") and not getattr(parameter, "hidden", False)
        }
        said = set(re.findall(r"`(--[a-z-]+)", documented()[name]))
        assert said == options, name


def test_every_command_says_what_it_does() -> None:
    for name, command in commands(typer.main.get_command(app)):
        assert command.help, name
        for parameter in command.params:
            is_plain = getattr(parameter, "hidden", False) or parameter.name == "device_id"
            assert is_plain or getattr(parameter, "help", None), f"{name} {parameter.name}"


def test_every_exit_code_is_documented() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", (DOCS / "commands.md").read_text(), flags=re.MULTILINE)
    assert {int(code): meaning for code, meaning in rows} == {int(code): meaning for code, meaning in MEANING.items()}


def test_every_setting_is_documented_with_its_default() -> None:
    rows = re.findall(r"^\| `(WARDLIGHT_\w+)` \| (\S+) \| (.+) \|$", (DOCS / "settings.md").read_text(), flags=re.MULTILINE)
    documented = {name: default.strip("`") for name, default, _ in rows}
    assert documented == {f"WARDLIGHT_{spec.name.upper()}": str(spec.default) or "empty" for spec in fields(Settings)}


def test_the_word_secret_stands_beside_every_secret() -> None:
    rows = dict(re.findall(r"^\| `(WARDLIGHT_\w+)` \| \S+ \| (.+) \|$", (DOCS / "settings.md").read_text(), flags=re.MULTILINE))
    said = {name for name, meaning in rows.items() if "Secret." in meaning}
    assert said == {f"WARDLIGHT_{spec.name.upper()}" for spec in fields(Settings) if spec.metadata.get("secret")}
