"""Tests of rules as data: what can be written, what is refused and how, and that a wrong expectation is told."""

from pathlib import Path

import pytest

from alerts.backtest.case_files import CaseError, read_cases
from alerts.backtest.case_told import tell
from alerts.backtest.cases import Judged, judge
from alerts.backtest.series import SeriesError, codes_of, values_of
from alerts.moments import to_datetime
from alerts.rules import load_rules

RULES = load_rules()
FALLS = 'every = "5m"\nseries.spo2 = "97x4 88 85 86 87 97"'
RIGHT = """fires = [
    { rule = "spo2_low", at = "20m", until = "40m", severity = "medium" },
    { rule = "spo2_emergency", at = "25m", until = "35m" },
]"""


def judged(folder: Path, *lines: str) -> Judged:
    """Judge one case by the shipped rules."""
    file = folder / "mine.toml"
    file.write_text("\n".join(("[[case]]", 'name = "mine"', *lines)))
    (case,) = read_cases(file)
    return judge(case, RULES)


def test_a_series_is_read_as_it_is_written() -> None:
    assert values_of("97x3 _x2 88.5 80+0.3x3 5-1x2") == [97, 97, 97, None, None, 88.5, 80, 80.3, 80.6, 5, 4]
    assert codes_of("Ax2 _ C") == ["A", "A", None, "C"]


@pytest.mark.parametrize("series", ["97x", "x3", "97x0", "-5", "97+1", "97 ,88", "97x1000000", "1x60000 1x60000"])
def test_a_series_that_nobody_can_mean_is_refused(series: str) -> None:
    with pytest.raises(SeriesError):
        values_of(series)


def test_what_comes_as_the_case_says_holds(tmp_path: Path) -> None:
    assert judged(tmp_path, FALLS, RIGHT).wrong == ()


@pytest.mark.parametrize(
    ("fires", "told"),
    [
        (RIGHT.replace('"20m"', '"15m"'), "spo2_low should fire at Mon 23 Nov 08:15 (15m); it fired at Mon 23 Nov 08:20 (20m)"),
        (RIGHT.replace('"40m"', '"35m"'), "should end at Mon 23 Nov 08:35 (35m); it did end at Mon 23 Nov 08:40 (40m)"),
        (RIGHT.replace(', until = "35m"', ""), "should last to the end; it did end at Mon 23 Nov 08:35 (35m)"),
        (RIGHT.replace('"medium"', '"high"'), "spo2_low should be of high severity; it is medium"),
        ("fires = []", "spo2_low fired at Mon 23 Nov 08:20 (20m), which nothing says it should"),
        (RIGHT.replace("spo2_low", "spo2_lowest"), "it names the rule 'spo2_lowest', which these rules do not have"),
        (RIGHT[:-1] + '{ rule = "fever", at = "20m" }]', "fever should fire at Mon 23 Nov 08:20 (20m); it fired not at all"),
    ],
)
def test_what_comes_otherwise_is_told(tmp_path: Path, fires: str, told: str) -> None:
    found = judged(tmp_path, FALLS, fires)
    assert not found.holds
    assert any(told in one for one in found.wrong), found.wrong


def test_a_timeline_shows_what_happened_where(tmp_path: Path) -> None:
    told = "\n".join(tell(judged(tmp_path, FALLS, "fires = []")))
    assert "mine.toml: mine" in told
    row = next(line for line in told.splitlines() if "08:25 (25m) " in line and "nothing" not in line)
    assert row.split() == ["Mon", "23", "Nov", "08:25", "(25m)", "85", "worse", "FIRES"]


def test_a_rule_may_be_ignored(tmp_path: Path) -> None:
    only = 'fires = [{ rule = "spo2_low", at = "20m", until = "40m" }]'
    assert not judged(tmp_path, FALLS, only).holds
    assert judged(tmp_path, FALLS, only, 'ignored = ["spo2_emergency"]').holds


def test_a_suspect_value_that_nothing_clean_follows_becomes_a_doubt(tmp_path: Path) -> None:
    series = 'every = "5m"\nseries.spo2 = "97 30 _x{} 98"'
    doubt = 'fires = [{ rule = "doubt", at = "20m", until = "45m" }]'
    assert judged(tmp_path, series.format(7), doubt).wrong == ()
    assert judged(tmp_path, series.format(1), "fires = []").wrong == ()


def test_days_are_days_on_the_patients_calendar(tmp_path: Path) -> None:
    # clocks go forward in the night to 8 March 2026
    weights = 'series.body_weight = { every = "1d", values = "80x4" }'
    found = judged(tmp_path, 'zone = "America/New_York"', 'start = "2026-03-06 07:00"', weights, "fires = []")
    hours = [to_datetime(time).hour for time in found.case.times]
    assert hours == [12, 12, 11, 11]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (['series.spo2 = "97"', "fires = []"], 'needs values, and every = "5m"'),
        (['every = "5m"', 'series.spo2 = "9x"', "fires = []"], "series.spo2: '9x' is no part of a series"),
        (['every = "5m"', 'series.spo3 = "97"', "fires = []"], "nobody knows the vital 'spo3'"),
        (['every = "5m"', 'series.consciousness = "X"', "fires = []"], "'X' is no consciousness"),
        (['every = "five"', 'series.spo2 = "97"', "fires = []"], "series.spo2.every is 'five'; write numbers and s, m, h or d"),
        (['every = "0m"', 'series.spo2 = "97"', "fires = []"], "series.spo2.every is nothing"),
        (['every = "5m"', 'series.spo2 = "_x3"', "fires = []"], "series holds no reading at all"),
        (['every = "5m"', 'series.spo2 = "97"'], "the field 'fires' is missing"),
        (['every = "5m"', 'series.spo2 = "97"', "fires = []", "fire = []"], "nobody knows the field 'fire'"),
        (['every = "5m"', 'series.spo2 = "97"', 'fires = [{ rule = "x" }]'], "each of fires needs a rule, and at"),
        (['every = "5m"', 'series.spo2 = "97"', 'fires = [{ rule = "x", at = 5 }]'], "fires.at is 5; write numbers"),
        (['every = "5m"', 'series.spo2 = "97"', 'fires = [{ rule = "x", at = "5m", severity = "red" }]'], "severity is 'red'"),
        (['every = "5m"', 'series.spo2 = "97"', "fires = []", 'zone = "Mars"'], "nobody knows the time zone 'Mars'"),
        (
            ['every = "5m"', 'series.spo2 = "97"', "fires = []", 'start = "today"'],
            "start is 'today'; write the patient's clock",
        ),
        (['every = "5m"', "series.spo2 = 97", "fires = []"], "series.spo2 is 97; write"),
        (['every = "5m"', 'series.spo2 = "97"', "fires = []", 'limits = [{ rule = "x" }]'], "each of limits needs a rule and"),
        (['every = "5m"', 'series.spo2 = "97"', "fires = []", "programmes = [1]"], "programmes is [1]; write a list of names"),
    ],
)
def test_a_case_that_nobody_can_mean_is_refused_with_file_and_case(tmp_path: Path, lines: list[str], told: str) -> None:
    with pytest.raises(CaseError) as error:
        judged(tmp_path, *lines)
    assert "mine.toml: case 'mine': " in str(error.value)
    assert told in str(error.value)


def test_two_cases_of_one_name_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "two.toml"
    file.write_text('[[case]]\nname = "a"\nevery = "5m"\nseries.spo2 = "97"\nfires = []\n' * 2)
    with pytest.raises(CaseError, match="two cases are called 'a'"):
        read_cases(file)
