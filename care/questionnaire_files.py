"""Questionnaire files: reads `care/questionnaires/*.toml`; refusals name file, field and the way out."""

import re
import tomllib
from pathlib import Path
from typing import Any, Final

from care.programme import ProgrammeError
from care.questionnaire import Question, Questionnaire

#: the questionnaires that come with Wardlight
SHIPPED: Final = Path(__file__).with_name("questionnaires")

_FIELDS: Final = {"version": int, "title": str, "source": str, "question": list}
_QUESTION: Final = ("name", "text", "answers", "red_flag_from")


def load_questionnaires(folder: Path = SHIPPED) -> dict[str, Questionnaire]:
    """Return the questionnaires of every `*.toml` in a folder, by name. Raises ProgrammeError."""
    return {file.stem: read_questionnaire(file) for file in sorted(folder.glob("*.toml"))}


def read_questionnaire(file: Path) -> Questionnaire:
    """Return the questionnaire of one file; its name is the file's. Raises ProgrammeError."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProgrammeError(f"{file}: cannot be read as TOML: {error}") from error
    for key, kind in _FIELDS.items():
        if type(content.get(key)) is not kind or not content[key]:
            raise ProgrammeError(f"{file}: {key} is {content.get(key)!r}; write {kind.__name__}, not empty")
    if unknown := sorted(set(content) - set(_FIELDS)):
        raise ProgrammeError(f"{file}: nobody knows the field {unknown[0]!r}; known are {', '.join(_FIELDS)}")
    questions = tuple(_question(f"{file}: question {n}", one) for n, one in enumerate(content["question"], 1))
    if len({question.name for question in questions}) < len(questions):
        raise ProgrammeError(f"{file}: two questions have one name; give each its own")
    return Questionnaire(file.stem, content["version"], content["title"], content["source"], questions)


def _question(where: str, table: Any) -> Question:
    if not isinstance(table, dict) or (unknown := sorted(set(table) - set(_QUESTION))):
        raise ProgrammeError(f"{where}: nobody knows {unknown[0]!r}; known are {', '.join(_QUESTION)}")
    name, text, answers = table.get("name", ""), table.get("text", ""), table.get("answers", [])
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ProgrammeError(f"{where}: name is {name!r}; write lower case words joined by underscores")
    if not isinstance(text, str) or not text.strip():
        raise ProgrammeError(f"{where}: text is empty; write what is asked")
    if not isinstance(answers, list) or len(answers) < 2 or not all(isinstance(one, str) and one.strip() for one in answers):
        raise ProgrammeError(f"{where}: answers is {answers!r}; write at least two, from no trouble to the most")
    flag = table.get("red_flag_from")
    if flag is not None and (type(flag) is not int or not 1 <= flag < len(answers)):
        raise ProgrammeError(
            f"{where}: red_flag_from is {flag!r}; write the points, 1 to {len(answers) - 1}, from which it is one"
        )
    return Question(name, text, tuple(answers), flag)
