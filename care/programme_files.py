"""Programme files: reads `care/programmes/*.toml`, and refuses what nobody could have meant.

Every refusal names file, field and the way out. Runs once when a process starts; knows nothing of patients.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import time, timedelta
from pathlib import Path
from typing import Any, Final

from care.pressure import Protocol
from care.programme import LONGEST_TEXT, TEXTS, DefaultReference, Prescription, Programme, ProgrammeError
from devices.vitals import COLUMN, VITALS

#: the programmes that come with Wardlight
SHIPPED: Final = Path(__file__).with_name("programmes")

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_REFERENCES: Final = ("dry_weight", "spo2_scale")
#: what a text may never hold: a patient's condition or values are nobody's business who reads over a shoulder
_TELLING: Final = re.compile(
    r"\d|heart failure|copd|diabet|hypertens|glucose|oxygen|blood pressure|weight|sugar", re.IGNORECASE
)

#: field → (type, whether it must be there)
_PROGRAMME: Final[dict[str, tuple[type, bool]]] = {
    "version": (int, True), "title": (str, True), "rules": (list, True), "schedule": (list, True), "texts": (dict, True),
    "questionnaires": (list, False), "references": (list, False), "pressure_protocol": (dict, False),
}  # fmt: skip
_SCHEDULE: Final[dict[str, tuple[type, bool]]] = {
    "measure": (str, True),
    "every": (str, True),
    "at": (list, False),
    "how": (str, True),
    "source": (str, True),
}
_REFERENCE: Final[dict[str, tuple[type, bool]]] = {
    "name": (str, True),
    "value": (float, False),
    "ask": (str, True),
    "source": (str, True),
}
_PROTOCOL: Final[dict[str, tuple[type, bool]]] = {
    "days": (int, True), "least_days": (int, True), "least_readings": (int, True), "per_sitting": (int, True),
    "apart": (str, True), "morning_until": (int, True), "elevated_systolic": (int, True), "elevated_diastolic": (int, True),
    "source": (dict, True),
}  # fmt: skip
_WORDS: Final = {int: "a whole number", float: "a number", str: "a text", list: "a list", dict: "a table"}


def load_programmes(folder: Path | str | None = None) -> dict[str, Programme]:
    """Return the programmes of every `*.toml` in a folder, by name.

    None or "" reads the shipped ones. Raises ProgrammeError.
    """
    place = Path(folder) if folder else SHIPPED
    files = sorted(place.glob("*.toml"))
    if not files:
        raise ProgrammeError(
            f"{place} holds no programme (*.toml); set WARDLIGHT_PROGRAMMES_DIR to a folder that does, or leave it empty"
        )
    return {file.stem: read_programme(file) for file in files}


def read_programme(file: Path) -> Programme:
    """Return the programme of one file; its name is the file's. Raises ProgrammeError."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProgrammeError(f"{file}: cannot be read as TOML: {error}") from error
    where = str(file)
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", file.stem):
        raise ProgrammeError(f"{where}: the file's name is the programme's: lower case words joined by underscores")
    _check(where, content, _PROGRAMME)
    if content["version"] < 1:
        raise ProgrammeError(f"{where}: version is {content['version']}; count from 1")
    protocol = content.get("pressure_protocol")
    return Programme(
        name=file.stem,
        version=content["version"],
        title=_text(where, "title", content["title"]),
        rules=_names(where, "rules", content["rules"]),
        schedule=tuple(_prescription(f"{where}: schedule {n}", one) for n, one in enumerate(content["schedule"], 1)),
        texts=_texts(where, content["texts"]),
        questionnaires=_names(where, "questionnaires", content.get("questionnaires", [])),
        references=tuple(_reference(f"{where}: references {n}", one) for n, one in enumerate(content.get("references", []), 1)),
        pressure_protocol=None if protocol is None else _protocol(f"{where}: pressure_protocol", protocol),
    )


def _check(where: str, table: Any, shape: Mapping[str, tuple[type, bool]]) -> None:
    if not isinstance(table, dict):
        raise ProgrammeError(f"{where}: is {table!r}; write a table")
    for key in table:
        if key not in shape:
            raise ProgrammeError(f"{where}: nobody knows the field {key!r}; known are {', '.join(shape)}")
    for key, (kind, is_needed) in shape.items():
        if key not in table:
            if is_needed:
                raise ProgrammeError(f"{where}: the field {key!r} is missing")
            continue
        if type(table[key]) is not kind and not (kind is float and type(table[key]) is int):
            raise ProgrammeError(f"{where}: {key} is {table[key]!r}; write {_WORDS[kind]}")


def _text(where: str, key: str, value: str) -> str:
    if not value.strip():
        raise ProgrammeError(f"{where}: {key} is empty; write a sentence")
    return value.strip()


def _names(where: str, key: str, given: list[Any]) -> tuple[str, ...]:
    for name in given:
        if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise ProgrammeError(f"{where}: {key} holds {name!r}; write names in lower case joined by underscores")
    if len(set(given)) < len(given):
        raise ProgrammeError(f"{where}: {key} names something twice; write each once")
    return tuple(given)


def _span(where: str, key: str, text: str) -> timedelta:
    match = re.fullmatch(r"([1-9]\d*)([mhd])", text)
    if match is None:
        raise ProgrammeError(f"{where}: {key} is {text!r}; write a number and m, h or d, such as 12h")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _prescription(where: str, table: Any) -> Prescription:
    _check(where, table, _SCHEDULE)
    if table["measure"] not in COLUMN:
        raise ProgrammeError(f"{where}: measure is {table['measure']!r}; write one of {', '.join(COLUMN)}")
    times = []
    for text in table.get("at", []):
        try:
            times.append(time.fromisoformat(text).strftime("%H:%M"))
        except (TypeError, ValueError):
            raise ProgrammeError(f"{where}: at holds {text!r}; write times of the day such as 07:00") from None
    how, source = (_text(where, key, table[key]) for key in ("how", "source"))
    return Prescription(table["measure"], _span(where, "every", table["every"]), tuple(times), how, source)


def _texts(where: str, table: dict[str, Any]) -> dict[str, str]:
    for key in TEXTS:
        if key not in table:
            raise ProgrammeError(f"{where}: texts has no {key!r}; add it: {TEXTS[key]}")
    for key, text in table.items():
        if key not in TEXTS or not isinstance(text, str) or not text.strip():
            raise ProgrammeError(f"{where}: texts holds {key!r}; write a sentence for each of {', '.join(TEXTS)} and no other")
        if len(text) > LONGEST_TEXT:
            raise ProgrammeError(f"{where}: the text {key!r} has {len(text)} characters; keep to {LONGEST_TEXT}, one message")
        if found := _TELLING.search(text):
            raise ProgrammeError(f"{where}: the text {key!r} says {found[0]!r}; a text names no condition, vital or value")
    return dict(table)


def _reference(where: str, table: Any) -> DefaultReference:
    _check(where, table, _REFERENCE)
    if table["name"] not in _REFERENCES:
        raise ProgrammeError(f"{where}: name is {table['name']!r}; write one of {', '.join(_REFERENCES)}")
    value = table.get("value")
    ask, source = (_text(where, key, table[key]) for key in ("ask", "source"))
    return DefaultReference(table["name"], None if value is None else float(value), ask, source)


def _protocol(where: str, table: Any) -> Protocol:
    _check(where, table, _PROTOCOL)
    given = {key: value for key, value in table.items() if key != "apart"}
    for key in table:
        source = table["source"].get(key)
        if key != "source" and not (isinstance(source, str) and source.strip()):
            raise ProgrammeError(f'{where}: {key} has no source; add {key} = "where the number comes from" under source')
    for key, value in given.items():
        if key != "source" and value < 1:
            raise ProgrammeError(f"{where}: {key} is {value}; write a number above nothing")
    return Protocol(**given, apart=_span(where, "apart", table["apart"]))


def title_of(measure: str) -> str:
    """Return what a prescribed measure is called: systolic_bp stands for the whole pressure.

    >>> title_of("systolic_bp"), title_of("body_weight")
    ('Blood pressure', 'Weight')
    """
    return "Blood pressure" if measure == "systolic_bp" else VITALS[COLUMN[measure]].title
