"""`wardlight`: every command, its options and its help; what each does stands in `api/commands`.

Commands import what they need when they run: help is quick, and `wardlight doctor` works where a part is missing.
"""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from api.commands import rules
from api.exits import Code, CommandError, NotReady, end
from api.settings import Settings, SettingsError, load_settings

_RUN, _PREPARE, _TRY, _LOOK = "Run it", "Prepare it", "Try it", "Look into it"

app = typer.Typer(
    name="wardlight",
    help="The light left on for people who are ill at home: vitals in over MQTT, alerts that explain themselves.",
    epilog="Settings are WARDLIGHT_… in the environment (docs/settings.md). Not a medical device; not for emergencies.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,  # plain tracebacks, never with what the variables held
)
user = typer.Typer(help="Staff who may sign in.", no_args_is_help=True)
token = typer.Typer(help="Tokens for programmes.", no_args_is_help=True)
device = typer.Typer(help="Devices: let in, given to patients, shut out, tried.", no_args_is_help=True)
alert = typer.Typer(help="Alerts.", no_args_is_help=True)
app.add_typer(user, name="user", rich_help_panel=_PREPARE)
app.add_typer(token, name="token", rich_help_panel=_PREPARE)
app.add_typer(device, name="device", rich_help_panel=_PREPARE)
app.add_typer(alert, name="alert", rich_help_panel=_LOOK)
app.add_typer(rules.app, name="rules", rich_help_panel=_LOOK)


@app.callback()
def _every_command(with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False) -> None:
    if with_parent:
        from api.stopping import stop_with_parent

        stop_with_parent()


@app.command(rich_help_panel=_RUN)
def up(
    demo: Annotated[bool, typer.Option("--demo", help="Add twenty made-up patients with live devices.")] = False,
    database: Annotated[
        str, typer.Option(help="Which database to start: embedded or timescale (needs root). WARDLIGHT_DATABASE_URL wins.")
    ] = "embedded",
) -> None:
    """Start everything here, database and broker too, and stop it with Ctrl-C."""
    from api.commands.up import up as run

    raise typer.Exit(run(load_settings(), demo=demo, database=database))


@app.command(rich_help_panel=_RUN)
def serve() -> None:
    """Serve the coordinator's screens and the HTTP interface."""
    settings = _begin("serve")
    from api.commands.serve import serve as run

    raise typer.Exit(run(settings))


@app.command(rich_help_panel=_RUN)
def ingest() -> None:
    """Carry readings from the broker into the database and judge them."""
    settings = _begin("ingest")
    from api.commands.ingest import ingest as run

    raise typer.Exit(run(settings))


@app.command(rich_help_panel=_RUN)
def work() -> None:
    """Deliver notices and sweep every minute for silence and deadlines; any number may run."""
    settings = _begin("work")
    from api.commands.work import work as run

    raise typer.Exit(run(settings))


@app.command(rich_help_panel=_RUN)
def watchdog(
    once: Annotated[
        bool, typer.Option("--once", help="Look once, tell the outside, and leave: 0 all is well, 1 it is not.")
    ] = False,
    enrol: Annotated[bool, typer.Option("--enrol", help="Only make the synthetic patient and its device.")] = False,
) -> None:
    """Look from outside whether everything lives and a test reading reaches a screen; tell a service elsewhere."""
    settings = _begin("watchdog")
    from api.commands import watchdog as run

    if enrol:
        raise typer.Exit(run.enrol_only(settings))
    raise typer.Exit(run.watch_once(settings) if once else run.watchdog(settings))


@app.command(hidden=True)
def keep() -> None:
    """Stop what `up` left behind."""
    from api.commands.keep import keep as run

    raise typer.Exit(run())


@app.command(rich_help_panel=_PREPARE)
def migrate() -> None:
    """Bring the database to the schema of this release."""
    from api.commands.migrate import migrate as run

    applied = run(load_settings())
    for name in applied:
        typer.echo(f"applied {name}")
    typer.echo("the database is up to date")


@app.command(rich_help_panel=_PREPARE)
def doctor(json: Annotated[bool, typer.Option("--json", help="Write JSON for a machine.")] = False) -> None:
    """Say what this machine has, what it gains, and how to mend what is missing. Code 3 when Wardlight cannot run here."""
    from api.commands.doctor import as_json, can_run, examine

    findings = []
    for finding in examine(load_settings()):
        findings.append(finding)
        if not json:
            mark = {"fine": "[green]✓[/]", "lesser": "[yellow]–[/]", "missing": "[red]✗[/]"}[finding.state]
            mend = f"\n    [bold]{_plain(finding.mend)}[/]" if finding.mend else ""
            _print(f"{mark} [bold]{finding.name}[/]  {_plain(finding.what)}{mend}")
    if json:
        typer.echo(as_json(findings))
    else:
        _print("Wardlight can run here." if can_run(findings) else "[red]Wardlight cannot run here yet:[/] mend what has a ✗.")
    raise typer.Exit(Code.DONE if can_run(findings) else Code.NOT_READY)


@app.command(rich_help_panel=_LOOK)
def coverage() -> None:
    """Say who cannot be reached, when nobody is on call, and who has no coordinator. Code 1 when anything is lacking."""
    from api.commands.coverage import examine_coverage, in_lines

    told = examine_coverage(load_settings())
    for line in in_lines(told):
        typer.echo(line)
    raise typer.Exit(Code.FAILED if told.lacks or any(one.cover.owner is None for one in told.alerts) else Code.DONE)


@user.command("add")
def user_add(
    email: Annotated[str, typer.Argument(help="What they sign in with.")],
    name: Annotated[str, typer.Option(help="How colleagues know them.")],
    role: Annotated[
        str, typer.Option(help="coordinator; clinician, who also orders limits; administrator, who manages staff.")
    ] = "coordinator",
    zone: Annotated[str, typer.Option(help="Time zone of their screens, such as Europe/Berlin.")] = "UTC",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")] = False,
) -> None:
    """Add a member of staff; prints a password to hand over unless one is given."""
    from api.commands.people import add_user
    from care.staff import ROLES

    chosen = sys.stdin.readline().rstrip("\n") if password_stdin else None
    given = add_user(load_settings(), email=email, name=name, role=_one_of("role", role, ROLES), zone=zone, password=chosen)
    typer.echo(f"{email} may sign in" + (f" with the password {given}" if given else ""))


@token.command("create")
def token_create(
    name: Annotated[str, typer.Argument(help="What it is for, such as prometheus.")],
    scope: Annotated[str, typer.Option(help="metrics reads /metrics; api acts for a member of staff.")] = "metrics",
    acts_for: Annotated[str | None, typer.Option("--for", help="E-mail address of whom it acts for.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Days until it expires; never when left out.")] = None,
) -> None:
    """Make a token and print it; it is shown this once."""
    from api.commands.people import create_token

    known = _one_of("scope", scope, ("metrics", "api"))
    typer.echo(create_token(load_settings(), name=name, scope=known, acts_for=acts_for, days=days))


@device.command("add")
def device_add(
    device_id: Annotated[str, typer.Argument(metavar="ID", help="Its MQTT name: letters, digits, '-', '_' and '.'.")],
    kind: Annotated[str, typer.Option(help="What it is, such as oximeter or scale.")] = "device",
    model: Annotated[str, typer.Option(help="Maker and model.")] = "",
    codec: Annotated[str, typer.Option(help="How it speaks: native, or theengs behind a gateway.")] = "native",
    every: Annotated[str | None, typer.Option(help="How often a reading is due, such as 1d or 6h: later is silence.")] = None,
    patient: Annotated[str | None, typer.Option(help="Record number of the patient it belongs to from now on.")] = None,
    slot: Annotated[int | None, typer.Option(min=0, max=99, help="User slot of the patient on a shared device.")] = None,
    gateway: Annotated[str | None, typer.Option(help="ID of the gateway it is heard through, known already.")] = None,
) -> None:
    """Let a device in; prints its secret, which is shown this once."""
    from api.commands.device import add_device

    settings = load_settings()
    for line in add_device(
        settings, device_id, kind=kind, model=model, codec=codec, every=every, patient=patient, slot=slot, gateway=gateway
    ):
        typer.echo(line)


@device.command("claim")
def device_claim(
    device_id: Annotated[str, typer.Argument(metavar="ID")],
    patient: Annotated[str, typer.Option(help="Record number of the patient it belongs to.")],
    slot: Annotated[int | None, typer.Option(min=0, max=99, help="User slot of the patient on a shared device.")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="From when (UTC); its unclaimed readings since then are theirs.")
    ] = None,
) -> None:
    """Give a device to a patient, with the readings of it that belonged to nobody."""
    from api.commands.device import claim_device

    typer.echo(claim_device(load_settings(), device_id, patient=patient, slot=slot, since=since))


@device.command("rotate")
def device_rotate(device_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Give a device a new secret and cut its connection; prints the secret, which is shown this once."""
    from api.commands.device import rotate_device

    typer.echo(rotate_device(load_settings(), device_id))


@device.command("revoke")
def device_revoke(device_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Shut a device out: its live connection is cut within 5 seconds, and it never comes back under this id."""
    from api.commands.device import revoke_device

    typer.echo(revoke_device(load_settings(), device_id))


@device.command("test")
def device_test(
    device_id: Annotated[str, typer.Argument(metavar="ID")],
    secret_stdin: Annotated[
        bool,
        typer.Option("--secret-stdin", help="Read its secret from standard input and send an empty message as the device."),
    ] = False,
) -> None:
    """Say what is known of a device; with its secret, send an empty message through the whole path and wait for the answer."""
    from api.commands.device import examine_device

    secret = sys.stdin.readline().rstrip("\n") if secret_stdin else None
    lines, is_fine = examine_device(load_settings(), device_id, secret)
    for line in lines:
        typer.echo(line)
    raise typer.Exit(Code.DONE if is_fine else Code.FAILED)


@alert.command("explain")
def alert_explain(
    alert_id: Annotated[str, typer.Argument(metavar="ID", help="The id at the end of an alert's address.")],
    rejudge: Annotated[bool, typer.Option("--rejudge", help="Judge its readings again by the rules of then.")] = False,
) -> None:
    """Say in plain words why an alert exists, and what was done about it."""
    from api.commands.alert import explain_alert

    for line in explain_alert(load_settings(), alert_id, rejudge=rejudge):
        typer.echo(line)


@app.command(rich_help_panel=_TRY)
def simulate(
    patients: Annotated[int, typer.Option(min=1, max=10_000, help="How many made-up patients.")] = 20,
    seed: Annotated[int, typer.Option(help="The same seed makes the same people.")] = 1,
    speed: Annotated[float, typer.Option(min=0.1, help="How many times as often as in life they measure.")] = 1.0,
    demo: Annotated[bool, typer.Option("--demo", hidden=True)] = False,
) -> None:
    """Make up patients and let their devices measure and send until Ctrl-C."""
    settings = _begin("simulate")
    from api.commands.simulate import simulate as run

    raise typer.Exit(run(settings, patients=patients, seed=seed, speed=speed, demo=demo))


@app.command(rich_help_panel=_TRY)
def replay(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV or JSON lines, also .gz (docs/replay.md).")],
    live: Annotated[
        bool, typer.Option("--live", help="Start now and keep the recording's pace, instead of ending now.")
    ] = False,
    speed: Annotated[float, typer.Option(min=0.1, help="With --live: how many times faster than recorded.")] = 1.0,
    zone: Annotated[str | None, typer.Option(help="Time zone of its local_time column.")] = None,
) -> None:
    """Send recorded readings through real MQTT and count what became of them. Code 1 when the count does not add up."""
    settings = _begin("replay")
    from api.commands.replay import replay as run

    raise typer.Exit(run(settings, file, live=live, speed=speed, zone=zone))


def main() -> None:
    """Run a command and leave with its exit code."""
    try:
        app(prog_name="wardlight")
    except CommandError as error:
        end(error.code, str(error))
    except SettingsError as error:
        end(Code.USAGE, str(error))
    except Exception as error:
        if (way_out := _not_ready(error)) is None:
            raise
        end(Code.NOT_READY, way_out)


def _begin(process: str) -> Settings:
    """Read the settings and set up logs, as every long-running command does first."""
    from api.logs import configure_logs

    settings = load_settings()
    configure_logs(settings, process)
    return settings


def _not_ready(error: Exception) -> str | None:
    """Return the message of an error that says which part is missing; None for any other."""
    from database.migrate import MigrationError
    from database.placement import ServerError
    from database.pool import DatabaseUnreachable
    from ingest.broker import BrokerError
    from ingest.credentials import CredentialsError
    from ingest.mosquitto import MosquittoMissing

    known = (DatabaseUnreachable, MigrationError, ServerError, BrokerError, MosquittoMissing, CredentialsError, NotReady)
    return str(error) if isinstance(error, known) else None


def _one_of(option: str, given: str, choices: tuple[str, ...]) -> Any:
    if given not in choices:
        raise typer.BadParameter(f"write one of: {', '.join(choices)}", param_hint=f"--{option}")
    return given


def _print(text: str) -> None:
    from rich.console import Console

    Console(highlight=False, soft_wrap=True).print(text)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
