"""docs/programmes.md tells every programme, field and text, and nothing that is gone."""

import re
from datetime import timedelta
from pathlib import Path

from api.pages.plan import EVERY
from care.limit_files import load_policy
from care.plan.own import LONGEST_PAUSE
from care.programme import TEXTS, Programme
from care.programme_files import _PROGRAMME, load_programmes

PAGE = (Path(__file__).parents[3] / "docs" / "programmes.md").read_text(encoding="utf-8")


def row(programme: Programme) -> str:
    """Return the row of the table that tells a programme."""
    asked = "; ".join(
        f"`{one.measure}` {EVERY[one.every // timedelta(minutes=1)]}" + (f" at {', '.join(one.at)}" if one.at else "")
        for one in programme.schedule
    )
    rules, questionnaires = (
        ", ".join(f"`{name}`" for name in names) or "—" for names in (programme.rules, programme.questionnaires)
    )
    return f"| `{programme.name}` | {rules} | {asked} | {questionnaires} |"


def test_every_programme_is_told_as_it_is() -> None:
    told = re.findall(r"^\| `[a-z_]+` \| [^|]* \| [^|]* \| [^|]* \|$", PAGE, re.MULTILINE)
    assert told == [row(programme) for programme in load_programmes().values()]


def test_every_field_and_text_is_told() -> None:
    assert set(re.findall(r"^\| `(\w+)` \| [^|]* \|$", PAGE, re.MULTILINE)) == set(_PROGRAMME)
    assert all(f"`{name}`" in PAGE for name in TEXTS)


def test_the_numbers_are_those_of_the_code() -> None:
    policy = load_policy()
    assert f"an end within {policy.longest_order.days} days" in PAGE
    assert f"stays {policy.distance['spo2']:g} points" in PAGE
    assert f"after {LONGEST_PAUSE.days} days at the latest" in PAGE
