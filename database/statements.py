"""Split the text of an SQL file into its statements, so that each can run, and fail, under its own line number.

Understands what PostgreSQL's lexer does: quotes, E-strings, dollar quotes, both kinds of comment. Pure: nothing is
executed here.
"""

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      (?P<line>--[^\n]*)
    | (?P<block>/\*)
    | (?P<escaped>\b[eE]'(?:[^'\\]|\\.|'')*')
    | (?P<quoted>'(?:[^']|'')*')
    | (?P<name>"(?:[^"]|"")*")
    | (?P<dollar>\$(?P<tag>[A-Za-z_]\w*)?\$.*?\$(?(tag)(?P=tag))\$)
    | (?P<end>;)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a file, without its semicolon."""

    #: the statement, comments inside it included
    text: str
    #: line of the file that it starts on, from 1
    line: int


def split_statements(text: str) -> list[Statement]:
    r"""Return the statements of a file in order; comments between them are dropped.

    >>> [s.text for s in split_statements("SELECT ';'; -- one; two\nSELECT $$;$$")]
    ["SELECT ';'", 'SELECT $$;$$']
    """
    found: list[Statement] = []
    start = position = 0
    while match := _TOKEN.search(text, position):
        position = match.end()
        if match["block"]:
            position = _end_of_comment(text, match.start())
        if match["end"]:
            _append(found, text, start, match.start())
            start = position
        elif (match["line"] or match["block"]) and not text[start : match.start()].strip():
            start = position
    _append(found, text, start, len(text))
    return found


def _append(found: list[Statement], text: str, start: int, end: int) -> None:
    body = text[start:end]
    if body.strip():
        before = start + len(body) - len(body.lstrip())
        found.append(Statement(body.strip(), text.count("\n", 0, before) + 1))


def _end_of_comment(text: str, start: int) -> int:
    """Return where the block comment ends that starts here; PostgreSQL lets them nest."""
    depth = 0
    for match in re.finditer(r"/\*|\*/", text[start:]):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return start + match.end()
    return len(text)
