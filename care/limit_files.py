"""The one file of what holds for every limit (`care/limits.toml`), read once when a process starts."""

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Final

from care.limits import LimitPolicy
from care.programme import ProgrammeError
from devices.vitals import COLUMN

SHIPPED: Final = Path(__file__).with_name("limits.toml")


def load_policy(file: Path = SHIPPED) -> LimitPolicy:
    """Return what holds for every limit. Raises ProgrammeError, which names file, field and the way out."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        rows = [content["longest_order"], *content.get("distance", [])]
        days = content["longest_order"]["days"]
        distance = {row["vital"]: float(row["points"]) for row in content.get("distance", [])}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise ProgrammeError(f"{file}: cannot be read: {error}; compare it with the shipped file") from error
    for row in rows:
        if not str(row.get("source", "")).strip():
            raise ProgrammeError(f'{file}: a number has no source; add source = "where it comes from" to each table')
    if type(days) is not int or not 1 <= days <= 366:
        raise ProgrammeError(f"{file}: longest_order: days is {days!r}; write a whole number from 1 to 366")
    for vital, points in distance.items():
        if vital not in COLUMN or points <= 0:
            raise ProgrammeError(f"{file}: distance: {vital!r} {points:g}; write a vital and a number above nothing")
    return LimitPolicy(timedelta(days=days), distance)
