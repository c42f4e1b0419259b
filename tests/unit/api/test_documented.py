"""docs/http.md says what the code does: every problem, event and figure is in it."""

import re
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[3]
TEXT = (HOUSE / "docs/http.md").read_text(encoding="utf-8")
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in sorted((HOUSE / "api").rglob("*.py")))


def _words(pattern: str) -> list[str]:
    return sorted({word for found in re.findall(pattern, SOURCES) for word in ([found] if isinstance(found, str) else found)})


PROBLEMS = _words(r'Problem\(\s*\d+,\s*"([a-z_]+)"') + _words(r'^        \d{3}: \("([a-z_]+)"')
FIGURES = _words(r'MetricFamily\(\s*"(wardlight_[a-z_]+)"')
PINGS = [word for word in _words(r'Ping\("([a-z_]+)"') if word != "recheck"]


def test_there_is_something_to_document() -> None:
    assert len(PROBLEMS) > 20 and len(FIGURES) > 8 and len(PINGS) == 4


@pytest.mark.parametrize("word", PROBLEMS + PINGS)
def test_problems_and_events_are_documented(word: str) -> None:
    assert f"`{word}`" in TEXT


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_documented(name: str) -> None:
    assert f"`{name}`" in TEXT or f"`{name}_total`" in TEXT
