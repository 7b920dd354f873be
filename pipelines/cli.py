"""The command `coupontools`. Whatever it needs is imported when it is needed, so that it answers at once."""

import sys
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version

import click

from resources.settings import ApiAddress, ApiCredentials, ApiLimits, SettingsError, Storage


class UserError(click.ClickException):
    """Something that a person can put right; shown as one line, exit code 1."""

    def show(self, file: object = None) -> None:  # noqa: ARG002  (click's signature)
        """Print the line, without a traceback."""
        click.echo(f"Error: {' '.join(self.message.split())}", err=True)


class Day(click.ParamType[date]):
    """An ISO date on the command line."""

    name = "YYYY-MM-DD"

    def convert(self, value: str | date, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read the date, or say which one is none."""
        try:
            return value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError as error:
            self.fail(f"{value!r} is no date ({error}); write it as 2026-01-31.", param, ctx)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("coupontools-export"))
def app() -> None:
    """Export a Coupontools account into DuckDB and Parquet.

    \b
    coupontools demo                                       see it work, without an account
    coupontools export --from 2026-01-01 --to 2026-01-31   read a range of days of your account
    coupontools sandbox --port 8080                        the embedded API as a server

    The account is named by COUPONTOOLS_API_URL, COUPONTOOLS_CLIENT_ID and COUPONTOOLS_CLIENT_SECRET; everything is
    written to COUPONTOOLS_DATA_DIR (./data).
    """


@app.command()
@click.option("--from", "start", type=Day(), help="First day, UTC. [default: COUPONTOOLS_START_DATE, 2020-01-01]")
@click.option("--to", "end", type=Day(), help="Last day, UTC, inclusive. [default: yesterday]")
def export(start: date | None, end: date | None) -> None:
    """Read a range of days, check the tables, and publish them.

    Days may be read again at any time: rows are brought up to date, never doubled. A run that died is taken up where
    it stopped.
    """
    start = start or Storage.read().start_date
    end = end or datetime.now(UTC).date() - timedelta(days=1)
    if start > end:
        raise UserError(f"The range starts on {start}, after it ends on {end}: swap --from and --to.")
    if ApiAddress.read().api_url != "sandbox":
        ApiCredentials.read()
    ApiLimits.read()

    from pipelines.run import export_days

    export_days(start, end)


@app.command()
@click.option("--sessions", default=20_000, show_default=True, type=click.IntRange(100, 1_000_000), help="Size.")
@click.option("--seed", default=1, show_default=True, help="Another number makes another account.")
def demo(sessions: int, seed: int) -> None:
    """Export a made-up account from the embedded API: everything real but the data."""
    from pipelines.demo import show

    show(sessions, seed)


@app.command()
@click.option("--port", default=0, show_default="a free one", type=click.IntRange(0, 65535), help="Port on 127.0.0.1.")
@click.option("--sessions", default=20_000, show_default=True, type=click.IntRange(100, 1_000_000), help="Size.")
@click.option("--seed", default=1, show_default=True, help="Another number makes another account.")
def sandbox(port: int, sessions: int, seed: int) -> None:
    """Serve the embedded API until Ctrl-C."""
    from resources.sandbox.account import Account
    from resources.sandbox.server import serve

    serve(Account(seed=seed, sessions=sessions), port=port)


def main() -> None:
    """Run the command; exit code 0 if all that was asked for is done, 1 if not, 2 if it was asked for wrongly."""
    try:
        app.main(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except SettingsError as error:
        UserError(str(error)).show()
        sys.exit(1)
    except UserError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.UsageError as error:
        UserError(f"{error.format_message()} See coupontools --help.").show()
        sys.exit(2)
