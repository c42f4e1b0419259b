"""`wardlight rules backtest`: what rules would have done with recorded or stored readings, before they go live.

Reads and prints; changes nothing. Names no patient: a stored one is known by the record number, a recorded one as the recording
calls them.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from alerts.backtest.cohort import Cohort
from alerts.backtest.compare import Compared, Effort, Side
from alerts.backtest.played import Practice
from alerts.backtest.queries import list_cohort
from alerts.backtest.stored import load_material
from alerts.backtest.trial import Material, Trial, run_trial
from alerts.overlay import overlay
from alerts.rule_files import RuleError, read_rules
from alerts.rules import RuleSet, load_rules
from api.exits import Code, CommandError
from api.running import need_database
from api.settings import Settings
from database.pool import connect
from devices.recorded_history import as_history
from devices.recording_file import RecordingError, read_recording

#: how far back stored history is counted where nobody says
_BACK = timedelta(days=90)
#: episodes that are listed in the terminal
_LISTED = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asked for."""

    files: Sequence[Path] = ()
    rules: Path | None = None
    rule: Sequence[Path] = ()
    patient: Sequence[str] = ()
    programme: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    zone: str | None = None
    minutes: float = Effort().review_minutes
    practice: Practice = Practice()  # noqa: RUF009 - frozen
    json: bool = False


def backtest(settings: Settings, wanted: Wanted) -> int:
    """Play, compare and print; return the exit code. Raises CommandError."""
    console = Console(highlight=False, soft_wrap=True, stderr=wanted.json)
    try:
        live = load_rules(settings.rules_dir)
        candidate = _candidate(live, wanted)
    except RuleError as error:
        raise CommandError(str(error)) from error
    agreed = True
    told = []
    for name, material, called in _materials(settings, wanted, console):
        trial = _run(console, material, live, candidate, wanted)
        agreed &= not trial.disagreements
        if wanted.json:
            told.append({"source": name} | trial.as_json(called))
        else:
            _tell(console, name, trial, called)
    if wanted.json:
        print(json.dumps(told, default=str, indent=2))  # noqa: T201 - the answer, for a machine
    return Code.DONE if agreed else Code.FAILED


def _candidate(live: RuleSet, wanted: Wanted) -> RuleSet | None:
    if wanted.rules is None and not wanted.rule:
        return None
    base = live if wanted.rules is None else load_rules(wanted.rules)
    return overlay(base, [rule for file in wanted.rule for rule in read_rules(file)])


def _materials(settings: Settings, wanted: Wanted, console: Console) -> Any:
    if not wanted.files:
        yield _stored(settings, wanted)
    for file in wanted.files:
        try:
            with console.status(f"reading {file.name}"):
                found = as_history(read_recording(file, wanted.zone))
        except RecordingError as error:
            raise CommandError(str(error)) from error
        if not len(found.batch):
            raise CommandError(f"{file} holds no reading that can be judged")
        for reason, count in sorted(found.refused.items()):
            console.print(f"{file.name}: {count:,} readings left out: {reason}")
        cohort = Cohort.of(found.batch, wanted.programme)
        yield (
            file.name,
            Material(cohort, found.batch, (), wanted.since, wanted.until),
            lambda key, named=found.patients: named[key - 1],
        )


def _stored(settings: Settings, wanted: Wanted) -> tuple[str, Material, Callable[[int], str]]:
    until = wanted.until or datetime.now(UTC)
    since = wanted.since or until - _BACK
    with connect(need_database(settings).database_url) as conn:
        known = list_cohort(conn, list(wanted.patient) or None)
        if missing := set(wanted.patient) - {*known.public_id.values(), *known.record_number.values()}:
            raise CommandError(f"there is no patient {min(missing)!r}: give a record number, or the id in their address")
        material = load_material(conn, known, since, until)
    if not len(material.history):
        raise CommandError(f"nothing was measured from {since:%Y-%m-%d} to {until:%Y-%m-%d}; choose another time")
    return f"database, {since:%Y-%m-%d} to {until:%Y-%m-%d}", material, known.record_number.__getitem__


def _run(console: Console, material: Material, live: RuleSet, candidate: RuleSet | None, wanted: Wanted) -> Trial:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("measurements", total=len(material.history) * (1 if candidate is None else 2))
        return run_trial(
            material,
            live,
            candidate,
            practice=wanted.practice,
            effort=Effort(review_minutes=wanted.minutes),
            heard=lambda count: progress.advance(task, count),
        )


def _tell(console: Console, name: str, trial: Trial, called: Callable[[int], str]) -> None:
    both = trial.comparison
    console.print(
        f"[bold]{name}[/]: {trial.readings:,} readings in {trial.measurements:,} measurements, {trial.suspect:,} suspect; "
        f"{both.live.patient_days:,.1f} patient-days"
    )
    sides = [both.live, both.candidate] if trial.has_candidate else [both.live]
    table = Table("", *("live", "candidate")[: len(sides)], box=None, pad_edge=False)
    for title, shown in _ROWS:
        table.add_row(title, *(shown(side) for side in sides))
    console.print(table)
    rules = Table("alerts by rule", *("live", "candidate")[: len(sides)], box=None, pad_edge=False)
    for row in both.rules:
        rules.add_row(row.rule, *(f"{count:,}" for count in (row.live, row.candidate)[: len(sides)]))
    console.print(rules)
    if trial.has_candidate:
        _tell_episodes(console, [one for one in both.episodes if one.change != "kept"], called)
    console.print(f"explanations judged again: {trial.explained:,}, of which {len(trial.disagreements):,} came out otherwise")
    for one in trial.disagreements[:_LISTED]:
        console.print(f"  [red]{one.alert.rule}[/] of {called(one.alert.patient_id)} since {one.alert.since:%F %T}: {one.why}")


def _tell_episodes(console: Console, changed: Sequence[Compared], called: Callable[[int], str]) -> None:
    if not changed:
        console.print("no episode is gained or lost")
        return
    table = Table("", "patient", "rule", "since", "people said", box=None, pad_edge=False)
    for one in changed[:_LISTED]:
        mark = "[green]gained[/]" if one.change == "gained" else "[red]lost[/]"
        table.add_row(mark, called(one.patient_id), one.rule, f"{one.since:%F %T}", one.disposition or "–")
    console.print(table)
    if len(changed) > _LISTED:
        console.print(f"… and {len(changed) - _LISTED:,} more; --json lists all")


_ROWS: tuple[tuple[str, Callable[[Side], str]], ...] = (
    ("alerts", lambda side: f"{side.alerts:,}"),
    ("  of them in the emergency band", lambda side: f"{side.emergency:,}"),
    ("  of them old news", lambda side: f"{side.retrospective:,}"),
    ("alerts per patient-day", lambda side: f"{side.per_patient_day(side.alerts):.3f}"),
    ("worklist items per patient-day", lambda side: f"{side.per_patient_day(side.items):.3f}"),
    ("pages per patient-day", lambda side: f"{side.per_patient_day(side.pages):.3f}"),
    ("rechecks", lambda side: f"{side.rechecks:,}"),
    ("minutes of work per patient-day", lambda side: f"{side.per_patient_day(side.minutes):.2f}"),
    ("true episodes found, missed", lambda side: f"{side.found:,}, {side.missed:,}"),
    ("false episodes raised again", lambda side: f"{side.false:,}"),
)
