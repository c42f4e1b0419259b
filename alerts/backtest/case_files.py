"""Case files: reads tests of rules (`tests/rules/*.toml` and users' own), and refuses what nobody could have meant.

Every refusal names file, case, field and the way out. Knows no rules: whether a case names one that there is, and what comes
of it, is `alerts/backtest/cases.py`'s.
"""

import re
import tomllib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerts.backtest.case import Case, Expected, OwnLimit, moment_after
from alerts.backtest.series import SeriesError, codes_of, values_of
from alerts.people import FOREVER
from alerts.rule import REFERENCES, SEVERITIES
from alerts.rule_files import duration
from devices.vitals import COLUMN

#: when a case begins that does not say: a Monday morning, on the patient's clock
_START: Final = "2026-11-23 08:00"
#: fields of a case
FIELDS: Final = ("name", "programmes", "zone", "start", "every", "series", *REFERENCES, "limits", "fires", "only", "ignored")
_SERIES: Final = ("every", "at", "values")
#: fields of what must fire
FIRES: Final = ("rule", "at", "until", "severity", "worsened", "value", "told")
_LIMIT: Final = ("rule", "limit", "from", "until")


class CaseError(Exception):
    """A file of cases cannot be used; the message names file, case, field and the way out."""


def read_cases(file: Path) -> list[Case]:
    """Return the cases of one file. Raises CaseError."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CaseError(f"{file}: cannot be read as TOML: {error}") from error
    if set(content) != {"case"} or not isinstance(content["case"], list) or not content["case"]:
        raise CaseError(f"{file}: holds {sorted(content)}; a file of cases is a list of [[case]] tables and nothing else")
    cases = [_Reader(file, number, table).case() for number, table in enumerate(content["case"], 1)]
    names = [case.name for case in cases]
    for name in names:
        if names.count(name) > 1:
            raise CaseError(f"{file}: two cases are called {name!r}; give each a name of its own")
    return cases


class _Reader:
    """Reads one `[[case]]` table."""

    def __init__(self, file: Path, number: int, table: dict[str, Any]) -> None:
        self._file, self._table = file, table
        name = table.get("name")
        self._where = f"{file}: case {name!r}" if isinstance(name, str) else f"{file}: case number {number}"
        self._known(table, FIELDS, "")
        for key in ("name", "series", "fires"):
            if key not in table:
                raise CaseError(f"{self._where}: the field {key!r} is missing")

    def case(self) -> Case:
        """Return the case. Raises CaseError."""
        self._start = start = self._when(self._given("start", str, _START), self._given("zone", str, "UTC"))
        readings: dict[int, dict[str, float]] = {}
        codes: dict[int, str] = {}
        for vital, text in self._given("series", dict, {}).items():
            times, series = self._series(vital, text)
            if vital == "consciousness":
                found = enumerate(self._read(vital, codes_of, series))
                codes |= {times[place]: code for place, code in found if code is not None}
                continue
            if vital not in COLUMN:
                raise CaseError(
                    f"{self._where}: nobody knows the vital {vital!r}; known are {', '.join(COLUMN)}, consciousness"
                )
            for place, value in enumerate(self._read(vital, values_of, series)):
                if value is not None:
                    readings.setdefault(times[place], {})[vital] = value
        if not readings and not codes:
            raise CaseError(f"{self._where}: series holds no reading at all")
        return Case(
            file=self._file,
            name=self._given("name", str, ""),
            zone=str(start.tzinfo),
            start=start,
            programmes=tuple(self._words("programmes")),
            readings=readings,
            consciousness=codes,
            references={key: float(self._table[key]) for key in REFERENCES if self._given(key, (int, float), 0)},
            limits=tuple(self._limit(one) for one in self._tables("limits")),
            expected=tuple(self._expected(one) for one in self._tables("fires")),
            only=tuple(self._words("only")),
            ignored=tuple(self._words("ignored")),
        )

    def _when(self, start: str, zone: str) -> datetime:
        try:
            clock = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise CaseError(f"{self._where}: nobody knows the time zone {zone!r}; write one such as Europe/Berlin") from error
        try:
            return datetime.strptime(start, "%Y-%m-%d %H:%M").replace(tzinfo=clock)
        except ValueError as error:
            raise CaseError(f"{self._where}: start is {start!r}; write the patient's clock as {_START!r}") from error

    def _series(self, vital: str, given: Any) -> tuple["_Steps", str]:
        """Return when the steps of a series are, and the series."""
        table = {"values": given} if isinstance(given, str) else given
        if not isinstance(table, dict):
            raise CaseError(f'{self._where}: series.{vital} is {given!r}; write "97x10 88" or {{ every = "1d", values = "…" }}')
        self._known(table, _SERIES, f"series.{vital}.")
        every = table.get("every", self._table.get("every"))
        if every is None or not isinstance(table.get("values"), str):
            raise CaseError(f'{self._where}: series.{vital} needs values, and every = "5m" of its own or for the whole case')
        first = self._offset(f"series.{vital}.at", table.get("at", "0m"))
        step = self._offset(f"series.{vital}.every", every)
        if not step:
            raise CaseError(f"{self._where}: series.{vital}.every is nothing; write how far apart its steps are")
        return _Steps(self._start, first, step), table["values"]

    def _read(self, vital: str, reader: Any, series: str) -> Any:
        try:
            return reader(series)
        except SeriesError as error:
            raise CaseError(f"{self._where}: series.{vital}: {error}") from error

    def _limit(self, table: dict[str, Any]) -> OwnLimit:
        self._known(table, _LIMIT, "limits.")
        if not isinstance(table.get("rule"), str) or type(table.get("limit")) not in (int, float):
            raise CaseError(f"{self._where}: each of limits needs a rule and a limit")
        since = self._time("limits.from", table.get("from", "0m"))
        until = self._time("limits.until", table["until"]) if "until" in table else FOREVER
        return OwnLimit(table["rule"], float(table["limit"]), since, until)

    def _expected(self, table: dict[str, Any]) -> Expected:
        self._known(table, FIRES, "fires.")
        if not isinstance(table.get("rule"), str) or "at" not in table:
            raise CaseError(f"{self._where}: each of fires needs a rule, and at: which reading makes it fire")
        if table.get("severity", "low") not in SEVERITIES:
            raise CaseError(f"{self._where}: severity is {table['severity']!r}; write one of {', '.join(SEVERITIES)}")
        worsened = table.get("worsened")
        return Expected(
            rule=table["rule"],
            at=self._time("fires.at", table["at"]),
            until=self._time("fires.until", table["until"]) if "until" in table else None,
            severity=table.get("severity"),
            worsened=None if worsened is None else tuple(self._time("fires.worsened", one) for one in worsened),
            value=float(table["value"]) if "value" in table else None,
            told=str(table.get("told", "")),
        )

    def _time(self, key: str, text: Any) -> int:
        return moment_after(self._start, self._offset(key, text))

    def _offset(self, key: str, text: Any) -> timedelta:
        if not isinstance(text, str) or not re.fullmatch(r"(\d+[smhd])+", text):
            raise CaseError(f"{self._where}: {key} is {text!r}; write numbers and s, m, h or d, such as 15m or 2d8h")
        return sum((duration(part) for part in re.findall(r"\d+[smhd]", text)), timedelta(0))

    def _known(self, table: dict[str, Any], fields: tuple[str, ...], prefix: str) -> None:
        for key in table:
            if key not in fields:
                raise CaseError(f"{self._where}: nobody knows the field {prefix + key!r}; known are {', '.join(fields)}")

    def _given(self, key: str, kind: type | tuple[type, ...], otherwise: Any) -> Any:
        value = self._table.get(key, otherwise)
        if not isinstance(value, kind) or isinstance(value, bool):
            kinds = kind if isinstance(kind, tuple) else (kind,)
            raise CaseError(f"{self._where}: {key} is {value!r}; write a {' or '.join(one.__name__ for one in kinds)}")
        return value

    def _words(self, key: str) -> list[str]:
        words: list[str] = self._given(key, list, [])
        if not all(isinstance(word, str) for word in words):
            raise CaseError(f"{self._where}: {key} is {words!r}; write a list of names")
        return words

    def _tables(self, key: str) -> list[dict[str, Any]]:
        tables: list[dict[str, Any]] = self._given(key, list, [])
        if not all(isinstance(table, dict) for table in tables):
            raise CaseError(f'{self._where}: {key} is {tables!r}; write {{ rule = "…", … }} for each')
        return tables


class _Steps:
    """The times of a series: step k lies k times `step` after the first, whole days on the patient's calendar."""

    def __init__(self, start: datetime, first: timedelta, step: timedelta) -> None:
        self._start, self._first, self._step = start, first, step

    def __getitem__(self, place: int) -> int:
        return moment_after(self._start, self._first + place * self._step)
