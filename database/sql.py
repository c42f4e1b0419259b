"""Named SQL: every statement of a room lives in its `queries.sql` and is read once, here.

A block starts with a line `-- name: block_name` and runs to the next one. The text becomes a `LiteralString`, which
psycopg asks for so that no statement is ever built from data.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import LiteralString

_MARK = "-- name:"


def load_sql(beside: str, filename: str = "queries.sql") -> Mapping[str, LiteralString]:
    """Return the named statements of the file beside a module, given that module's path.

    Raises ValueError when a name appears twice or a statement stands before the first name.
    """
    path = Path(beside).with_name(filename)
    blocks: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(_MARK):
            name = line.removeprefix(_MARK).strip()
            if name in blocks:
                raise ValueError(f"{path}: the statement {name!r} is named twice")
            current = blocks[name] = []
        elif current is not None:
            current.append(line)
        elif line.strip() and not line.startswith("--"):
            raise ValueError(f"{path}: a statement stands before the first '{_MARK}' line: {line!r}")
    return MappingProxyType({name: "\n".join(lines).strip() for name, lines in blocks.items()})
