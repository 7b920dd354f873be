"""The command `coupontools`: options and exit codes. What a command needs is imported when it runs, for a fast help."""

import math
import os
import sys
import warnings
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

import click

from pipelines.command_failure import CommandFailure
from pipelines.day_options import Day, choose_days
from pipelines.streams import report_interruption, write_error
from resources.limits import limit_met, too_little_memory
from resources.printable import make_lines_printable
from resources.setting_values import SANDBOX
from resources.settings import (
    Alerts,
    ApiAddress,
    ApiCredentials,
    ApiLimits,
    Metrics,
    PersonalData,
    SettingsError,
    describe_unread,
)

SESSIONS = click.IntRange(100, 1_000_000)
"""How many coupon sessions a generated account can have."""

SPEEDS = click.FloatRange(0, 1_000_000)
"""How much faster than real time the clock of the sandbox can be."""

PORTS, PORTS_OR_ANY = click.IntRange(1, 65535), click.IntRange(0, 65535)


def _read_host(_context: click.Context, _parameter: click.Parameter, host: str) -> str:
    """Read the address to listen on; an empty one, as of a variable that is not set, would be every address."""
    if not host or not host.isascii() or not host.isprintable():
        raise click.BadParameter("should be a name or an address; 0.0.0.0 is every address of this machine.")
    return host


def _read_speed(_context: click.Context, _parameter: click.Parameter, speed: float) -> float:
    """Read the speed of a clock; a range of numbers does not exclude what is none."""
    if math.isnan(speed):
        raise click.BadParameter("should be a number.")
    return speed


_host_option = click.option(
    "--host", default="127.0.0.1", show_default=True, callback=_read_host, help="Address to listen on; 0.0.0.0 for all."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("coupontools-export"))
def app() -> None:
    """Export a Coupontools account into DuckDB and Parquet.

    \b
    coupontools demo --ui             see it work, without an account
    coupontools export --from DAY     read a range of days of your account
    coupontools export --full         read everything again, find deletions
    coupontools check --probe         what works, and what your account answers
    coupontools adopt                 the folder's account has new keys
    coupontools forget --email WHO    erase people, and keep them out
    coupontools webhooks              receive events, so that tables are up to date in minutes
    coupontools dictionary            every table, view and column
    coupontools download              the shared warehouse as one database file
    coupontools sandbox --port 8080   the embedded API as a server

    Exit codes: 0 everything requested is published, 1 it is not, 2 wrong usage, 130 interrupted.

    The account is named by COUPONTOOLS_API_URL, COUPONTOOLS_CLIENT_ID and COUPONTOOLS_CLIENT_SECRET; everything is
    written to COUPONTOOLS_DATA_DIR (./data).
    """  # noqa: D301  (the escape keeps the lines below it as they are)
    if message := too_little_memory():
        raise click.ClickException(message)


@app.command()
@click.option("--from", "start", type=Day(), help="First day, UTC. [default: COUPONTOOLS_START_DATE, 2020-01-01]")
@click.option("--to", "end", type=Day(), help="Last day, UTC, inclusive. [default: yesterday]")
@click.option("--full", is_flag=True, help="Read everything again, whatever the day, and find what was deleted.")
@click.option("--accept-drop", is_flag=True, help="Publish even if most of a table was deleted in the account.")
@click.option("--accept-counts", is_flag=True, help="Publish even if lists have fewer records than the API announces.")
def export(start: date | None, end: date | None, full: bool, accept_drop: bool, accept_counts: bool) -> None:
    """Read a range of days, check the tables, and publish them.

    Days may be read again at any time: rows are updated, never duplicated. A run that died is resumed where it stopped.

    The API lists the sessions that were created, opened, claimed or validated on a day, but not those that were
    voided, reset, locked or deleted: --full, once a week, finds these.
    """
    if full and (start or end):
        raise click.UsageError("--full reads all days: leave out --from and --to.")
    with _alert_of_export() if Alerts.read().alerts else nullcontext():
        days = None if full else choose_days(start, end)
        if ApiAddress.read().api_url != SANDBOX:
            ApiCredentials.read()
        ApiLimits.read()
        Metrics.read()

        from pipelines.export import export_days, export_everything
        from resources.coupontools.account import CoupontoolsAccount

        risks = CoupontoolsAccount().risk(), PersonalData.read().describe_risk()
        for warning in [*describe_unread(), *filter(None, risks)]:
            click.echo(f"Warning: {make_lines_printable(warning)}", err=True)
        accepted = {"accept_drop": accept_drop, "accept_counts": accept_counts}
        exported = export_days(days[0], days[1], **accepted) if days else export_everything(**accepted)
        exported.show()


def _alert_of_export() -> AbstractContextManager[None]:
    from pipelines.alerts.command import alert_of_export

    return alert_of_export()


@app.command()
@click.option("--probe", is_flag=True, help="Read one page of every endpoint, and say which assumptions hold.")
@click.option("--alert", is_flag=True, help="Send a test message to each address of COUPONTOOLS_ALERTS.")
def check(probe: bool, alert: bool) -> None:
    """Check the set-up and the account.

    With --probe it also reads one page of every endpoint and reports which assumptions about the API hold on your
    account, in names, types and counts: no value of any record is shown.
    """
    from pipelines.check import check

    check(with_probe=probe, with_alert=alert)


@app.command()
@click.option(
    "--to",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file. [default: coupontools.duckdb in COUPONTOOLS_DATA_DIR]",
)
def download(file: Path | None) -> None:
    """Write what a shared warehouse has published to a file.

    The file, coupontools.duckdb, holds all tables of one publish, with views and comments, for tools without support
    for DuckLake. Read access is enough: a database role that may read the schema coupontools, and a storage key that
    may read the objects below lake.
    """
    from pipelines.download import download

    download(file)


@app.command()
def adopt() -> None:
    """Accept new keys or a new address for the same account.

    An export refuses a warehouse that holds the rows of other keys or another address, so that no two accounts mix. If
    only the keys or the address are new, set the new variables and run this once.
    """
    from pipelines.adopt import adopt

    adopt()


@app.command()
@click.option("--email", "emails", multiple=True, help="E-mail address; may be given more than once.")
@click.option("--phone", "phones", multiple=True, help="Phone number, with its country; may be given more than once.")
@click.option("--stdin", is_flag=True, help="Read addresses and numbers from standard input, one per line.")
def forget(emails: tuple[str, ...], phones: tuple[str, ...], stdin: bool) -> None:
    """Erase people, and keep them out of later exports.

    Sessions, loyalty and directory rows stay, without any personal data; SMS contacts and rejected records are
    deleted. Nothing changes at Coupontools.

    An address is found in any case and with blanks around it; name+tag@example.com is a different one from
    name@example.com. A number is found with +32, 0032 or 32, with (0), and with any blanks and signs between its
    digits; if the account has it without its country, for example as 0470 11 22 33, give that form, too.

    Options are visible in the list of processes and in the shell's history; what --stdin reads is not.
    """
    from pipelines.forget import forget

    lines = sys.stdin.buffer.read() if stdin else b""
    forget(emails, phones, lines.decode(errors="replace").splitlines())


@app.command()
@click.option(
    "--port", default=8090, show_default=True, type=PORTS_OR_ANY, help="Port to listen on; 0 picks a free one."
)
@_host_option
def webhooks(port: int, host: str) -> None:
    """Receive the events that Coupontools sends, until Ctrl-C.

    An event says that something has happened: within a minute, Dagster's sensor webhook_updates reads what it touches.
    The address ends in COUPONTOOLS_WEBHOOK_TOKEN, or in a random token, which is printed.
    """
    from pipelines.webhooks import receive_webhooks

    receive_webhooks(host, port)


@app.command()
@click.option(
    "--format",
    "form",
    default="markdown",
    show_default=True,
    type=click.Choice(["markdown", "dbt"]),
    help="Markdown, or the sources.yml of a dbt project.",
)
def dictionary(form: str) -> None:
    """Print the data dictionary: every table, view and column.

    With --format dbt it is a file for the models folder of a dbt project: the tables and views as sources, with
    descriptions, keys and parents as tests, and freshness.
    """
    from assets.relations import relations_of_models
    from assets.report.dbt_sources import dbt_sources
    from assets.report.dictionary import write_dictionary

    write = dbt_sources if form == "dbt" else write_dictionary
    click.echo(write(relations_of_models()))
    if error := write_error(sys.stdout):
        raise click.ClickException(f"The dictionary cannot be written to standard output: {error.strerror or error}.")


@app.command()
@click.option("--sessions", default=20_000, show_default=True, type=SESSIONS, help="Coupon sessions.")
@click.option("--seed", default=1, show_default=True, help="Another number makes another account.")
@click.option("--ui", is_flag=True, help="Then open Dagster on it, until Ctrl-C.")
@click.option("--cluster", is_flag=True, help="Two hosts export it into one warehouse (uv run --group cluster).")
@click.option("--port", default=3000, show_default=True, type=PORTS, help="Dagster's port.")
def demo(sessions: int, seed: int, ui: bool, cluster: bool, port: int) -> None:
    """Export a made-up account with the code of a real export."""
    _silence_dagster()
    if cluster:
        from pipelines.cluster.services import find_programs

        find_programs()  # before anything is imported that comes with them
        from pipelines.cluster.demo import run_cluster_demo

        run_cluster_demo(sessions, seed, port)
        return

    from pipelines.demo import run_demo

    run_demo(sessions, seed, port if ui else None)


@app.command()
@_host_option
@click.option("--port", default=0, show_default="a free one", type=PORTS_OR_ANY, help="Port to listen on.")
@click.option("--sessions", default=20_000, show_default=True, type=SESSIONS, help="Coupon sessions.")
@click.option("--seed", default=1, show_default=True, help="Another number makes another account.")
@click.option("--now", type=click.DateTime(), help="Time that its clock starts at, UTC. [default: the machine's clock]")
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=SPEEDS,
    callback=_read_speed,
    help="Speed of its clock relative to real time; 0 stops it.",
)
@click.option("--assume", multiple=True, metavar="NAME=VALUE", help="How it behaves where nothing is documented.")
@click.option("--faults", default="", metavar="KIND:SHARE,...", help="Faults to inject, as 429:0.05,reset:0.01.")
@click.option("--webhooks", metavar="URL", help="Address to send webhook events to.")
def sandbox(
    host: str,
    port: int,
    sessions: int,
    seed: int,
    now: datetime | None,
    speed: float,
    assume: tuple[str, ...],
    faults: str,
    webhooks: str | None,
) -> None:
    """Serve the embedded API until Ctrl-C."""
    from pipelines.sandbox_options import parse_assumptions, parse_faults
    from resources.sandbox.generated.account import GeneratedAccount
    from resources.sandbox.server.clock import Clock
    from resources.sandbox.server.server import serve

    clock = Clock.real() if now is None and speed == 1 else Clock(now or datetime.now(UTC), speed)
    account = GeneratedAccount(seed=seed, sessions=sessions)
    serve(account, parse_assumptions(assume), clock, parse_faults(faults), port, host, webhooks)


def _silence_dagster() -> None:
    """Keep Dagster's warnings of its own beta features off the terminal."""
    from dagster import BetaWarning, PreviewWarning

    for category in (BetaWarning, PreviewWarning):
        warnings.filterwarnings("ignore", category=category)


def run() -> int:
    """Run the command and return its exit code: 0 if all is done, 1 if not, 2 for wrong usage, 130 if interrupted."""
    try:
        app.main(standalone_mode=False, color=False if os.environ.get("NO_COLOR") else None)
    except click.exceptions.Abort:
        return report_interruption()
    except SettingsError as error:
        _print_error(str(error))
        return 1
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.UsageError as error:
        _print_error(f"{error.format_message()} See coupontools --help.")
        return 2
    except CommandFailure as failure:
        for reason in failure.reasons:
            _print_error(reason)
        return 1
    except click.ClickException as error:
        _print_error(error.message)
        return 1
    except Exception as error:
        message = limit_met(error) or (isinstance(error, OSError) and _describe_os_error(error))
        if not message:
            raise
        _print_error(message)
        return 1
    return 0


def _describe_os_error(error: OSError) -> str:
    """Describe an error of the operating system that no other message covers: of a port, of a temporary file."""
    return f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}."


def _print_error(message: str) -> None:
    click.echo(f"Error: {make_lines_printable(message)}", err=True)
