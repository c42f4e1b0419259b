"""`wardlight rules`: its commands and their options; what each does stands beside it in this folder."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from api.settings import load_settings

app = typer.Typer(help="Rules: tried before they go live.", no_args_is_help=True)


@app.command("backtest")
def backtest(
    files: Annotated[
        list[Path] | None,
        typer.Argument(exists=True, dir_okay=False, help="Recordings (docs/replay.md); stored history when none is given."),
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder with the candidate rules, all of them.")
    ] = None,
    rule: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="File with candidate rules that replace those of their name."),
    ] = None,
    patient: Annotated[
        list[str] | None, typer.Option(help="Record number of a patient, more than once for several; everybody when left out.")
    ] = None,
    programme: Annotated[
        list[str] | None, typer.Option(help="Programme of everybody in a recording, more than once for several.")
    ] = None,
    since: Annotated[datetime | None, typer.Option(help="Count from then (UTC); 90 days back when left out.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Count until then (UTC); now when left out.")] = None,
    zone: Annotated[str | None, typer.Option(help="Time zone of a recording's local_time column.")] = None,
    minutes: Annotated[float, typer.Option(min=0, help="Minutes that one look at a patient takes.")] = 5.0,
    answers: Annotated[
        str, typer.Option(help="What people do with alerts: 'on time' at the response target, or 'never'.")
    ] = "on time",
    json: Annotated[bool, typer.Option("--json", help="Write JSON for a machine, every episode listed.")] = False,
) -> None:
    """Say what rules would have done with past readings. Code 1 when an explanation judged again comes out otherwise."""
    from alerts.backtest.played import Practice
    from api.commands.backtest import Wanted
    from api.commands.backtest import backtest as run

    if answers not in ("on time", "never"):
        raise typer.BadParameter("write 'on time' or 'never'", param_hint="--answers")
    wanted = Wanted(
        files or (),
        rules,
        rule or (),
        patient or (),
        programme or (),
        since.replace(tzinfo=UTC) if since else None,
        until.replace(tzinfo=UTC) if until else None,
        zone,
        minutes,
        Practice("never" if answers == "never" else "on time"),
        json,
    )
    raise typer.Exit(run(load_settings(), wanted))


@app.command("test")
def run_cases(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            exists=True, dir_okay=False, help="Files of cases (docs/rules.md); those of the shipped rules when none."
        ),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="Folder with the rules to test, all of them; else the live or shipped ones."
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Show the timeline of the cases that hold, too.")] = False,
) -> None:
    """Judge made-up readings and say where rules do otherwise than the cases say. Code 1 when one does."""
    from api.commands.cases import run_cases as run

    raise typer.Exit(run(load_settings(), files or (), rules, show=show))
