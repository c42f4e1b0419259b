"""`wardlight rules test`: tests of rules as data, for the shipped rules and for users' own; needs no database."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from alerts.backtest.case import Case
from alerts.backtest.case_files import CaseError, read_cases
from alerts.backtest.case_told import tell
from alerts.backtest.cases import Judged, judge
from alerts.rule_files import RuleError
from alerts.rules import RuleSet, load_rules
from api.exits import Code, CommandError
from api.settings import Settings

#: the tests of the shipped rules, where Wardlight runs from its source tree
SHIPPED: Final = Path(__file__).parents[2] / "tests" / "rules"


class _Unusable(CommandError):
    """A file cannot be understood."""

    code = Code.USAGE


def run_cases(settings: Settings, files: Sequence[Path], rules: Path | None, *, show: bool) -> Code:
    """Judge every case of every file; say what came otherwise, and how many hold."""
    try:
        used = load_rules(rules or (settings.rules_dir if files else None))
        cases = [case for file in files or _shipped() for case in read_cases(file)]
    except (RuleError, CaseError) as error:
        raise _Unusable(str(error)) from error
    console = Console(highlight=False, soft_wrap=True, markup=False)
    judged = _judged(cases, used, console)
    for one in judged:
        if not one.holds or show:
            for line in tell(one):
                console.print(line)
            console.print()
    _count(judged, console)
    return Code.DONE if all(one.holds for one in judged) else Code.FAILED


def _judged(cases: Sequence[Case], rules: RuleSet, console: Console) -> list[Judged]:
    columns = (TextColumn("judging cases"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        return [judge(case, rules) for case in progress.track(cases)]


def _count(judged: Sequence[Judged], console: Console) -> None:
    total, failed = Counter(one.case.file for one in judged), Counter(one.case.file for one in judged if not one.holds)
    for file, count in total.items():
        said = f"{failed[file]} of {count} fail" if failed[file] else f"{count} hold"
        console.print(f"{file}: {said}")
    wrong = sum(failed.values())
    console.print(f"{len(judged)} cases: {f'{wrong} fail' if wrong else 'all hold'}")


def _shipped() -> list[Path]:
    files = sorted(SHIPPED.glob("*.toml"))
    if not files:
        raise CommandError(f"the tests of the shipped rules are not installed here ({SHIPPED}); name the files to run")
    return files
